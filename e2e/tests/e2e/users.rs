//! What the other tests rely on: users who are who they say.

use portcullis_e2e::{wait_until, with_namespace};

#[test]
fn each_test_user_is_known_by_the_name_that_proxies_will_use() {
    with_namespace("e2e-users", |namespace| {
        let name = |user: &str| {
            let whoami = [
                "auth",
                "whoami",
                "--output=jsonpath={.status.userInfo.username}",
            ];
            namespace.user(user).must(&whoami)
        };
        assert_eq!(name("alice"), "alice");
        assert_eq!(name("erin"), "oidc:erin@example.com");
        let account = namespace.service_account("robot");
        let said = account.must(&[
            "auth",
            "whoami",
            "--output=jsonpath={.status.userInfo.username}",
        ]);
        assert_eq!(
            said,
            format!("system:serviceaccount:{}:robot", namespace.name)
        );
    });
}

#[test]
fn a_namespace_is_gone_after_its_test() {
    let mut name = String::new();
    with_namespace("e2e-gone", |namespace| name.clone_from(&namespace.name));
    let admin = portcullis_e2e::Cluster::named().admin();
    wait_until("the namespace to be gone", || {
        match admin.find(&["namespace", &name]) {
            None => Ok(()),
            Some(found) => Err(found["status"].to_string()),
        }
    });
}
