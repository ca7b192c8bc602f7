//! Who callers are.

use serde_json::json;

use super::bed::with_bed;

#[test]
fn a_service_account_comes_by_a_token_for_us_and_by_none_for_the_api_server() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        bed.admin.must(&["create", "serviceaccount", "web"]);
        let token = |more: &[&str]| {
            let line = [&["create", "token", "web"], more].concat();
            bed.admin.must(&line).trim().to_owned()
        };
        let ours = token(&["--audience=portcullis"]);
        assert_eq!(proxy.session_with(Some(&ours)).ask("select 1"), "1");
        for other in [token(&[]), token(&["--audience=elsewhere"])] {
            let answer = proxy.session_with(Some(&other)).ask("select 1");
            assert!(answer.contains("for somebody else"), "{answer}");
        }
        // What was taken back is still signed: only who asks sees that.
        let identity = |review: &str| {
            json!({ "identity": { "serviceAccountTokens": {
                "audiences": ["portcullis"], "review": review,
            }}})
        };
        bed.class(&identity("AtLogin"));
        assert_eq!(proxy.session_with(Some(&ours)).ask("select 1"), "1");
        bed.admin.must(&["delete", "serviceaccount", "web"]);
        portcullis_e2e::wait_until("the token to hold no longer", || {
            let answer = proxy.session_with(Some(&ours)).ask("select 1");
            let gone = answer.contains("holds no longer");
            gone.then_some(()).ok_or(answer)
        });
        bed.class(&identity("Never"));
        portcullis_e2e::wait_until("nobody to be asked", || {
            let answer = proxy.session_with(Some(&ours)).ask("select 1");
            (answer == "1").then_some(()).ok_or(answer)
        });
        bed.admin.must(&["create", "serviceaccount", "web"]);
        // The class that takes the API server's own audience is refused, not obeyed.
        let issuer = bed
            .admin
            .must(&["get", "--raw", "/.well-known/openid-configuration"]);
        let issuer: serde_json::Value = serde_json::from_str(&issuer).unwrap();
        bed.class(
            &json!({ "identity": { "serviceAccountTokens": { "audiences": [issuer["issuer"]] } } }),
        );
        portcullis_e2e::wait_until("the class to be refused", || {
            let (_, status) = proxy.get("/status").unwrap();
            status.contains("own audience").then_some(()).ok_or(status)
        });
        let answer = proxy.session_with(Some(&token(&[]))).ask("select 1");
        assert!(answer.contains("for somebody else"), "{answer}");
    });
}

#[test]
fn whoever_is_in_the_pod_is_its_service_account_and_presents_nothing() {
    with_bed(|bed| {
        let account = format!("{}/web", bed.namespace.name);
        let name = format!("system:serviceaccount:{}:web", bed.namespace.name);
        let rules = json!([{
            "name": "no", "match": { "expression": format!("subject.username == '{name}'"), "verbs": ["DELETE"] },
            "action": "Deny", "message": "not from a pod",
        }]);
        bed.guard("all", &rules);
        bed.connection(&json!({}));
        let proxy = bed.start(7, &["--caller", &account]);
        proxy.wait_until_ready();
        let mut session = proxy.session_with(None);
        assert_eq!(session.ask("select 1"), "1");
        let answer = session.ask("delete from journal");
        assert!(answer.contains("not from a pod"), "{answer}");
        let other = format!("{}/other", bed.namespace.name);
        let proxy = bed.start(8, &["--caller", &other]);
        proxy.wait_until_ready();
        let answer = proxy.session_with(None).ask("select 1");
        assert!(answer.contains("AccessDenied"), "{answer}");
    });
}

#[test]
fn sessions_are_looked_after_by_whom_the_api_server_lets() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        bed.admin.must(&["create", "serviceaccount", "auditor"]);
        bed.admin.must(&[
            "create",
            "role",
            "auditor",
            "--verb=list",
            "--resource=connections.portcullis.dev/sessions",
        ]);
        let account = format!("--serviceaccount={}:auditor", bed.namespace.name);
        bed.admin.must(&[
            "create",
            "rolebinding",
            "auditor",
            "--role=auditor",
            &account,
        ]);
        let token = bed.admin.must(&["create", "token", "auditor"]);
        let token = token.trim();
        let listed = portcullis_e2e::wait_until("the role to hold", || {
            let (status, answer) = proxy.call("GET", "/sessions", Some(token)).unwrap();
            (status == 200).then_some(answer.clone()).ok_or(answer)
        });
        assert!(listed.contains("agent-7"), "{listed}");
        let id = listed
            .split("\"session\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let path = format!("/sessions/{id}");
        assert_eq!(proxy.call("DELETE", &path, Some(token)).unwrap().0, 403);
        assert_eq!(
            proxy.call("GET", "/sessions", Some("nonsense")).unwrap().0,
            401
        );
        assert_eq!(proxy.call("GET", "/sessions", None).unwrap().0, 401);
        assert_eq!(session.ask("select 2"), "2");
    });
}
