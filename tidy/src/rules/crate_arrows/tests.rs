use super::*;

fn member(folder: &str, dependencies: &[&str]) -> Member {
    Member {
        name: format!("{PACKAGE_PREFIX}{folder}"),
        folder: folder.to_owned(),
        dependencies: dependencies.iter().map(|d| (*d).to_owned()).collect(),
        targets: Vec::new(),
    }
}

fn facts(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|f| f.fact).collect()
}

fn built(name: &str) -> [Built; 1] {
    [Built {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
    }]
}

#[test]
fn drawn_arrows_pass() {
    let members = [
        member("policy", &["regex"]),
        member("crds", &["portcullis-policy", "kube"]),
        member("proxy", &["portcullis-recording", "portcullis-dialect"]),
    ];
    assert_eq!(between_ours(&members), []);
}

#[test]
fn an_arrow_that_is_not_drawn_is_found() {
    for (folder, known) in [
        ("policy", "recording"),
        ("recording", "policy"),
        ("crds", "recording"),
        ("operator", "policy"),
        ("e2e", "proxy"),
        ("proxy", "operator"),
    ] {
        let members = [member(folder, &[&format!("{PACKAGE_PREFIX}{known}")])];
        let expected = format!("`{folder}` may not know `{known}`");
        assert_eq!(facts(between_ours(&members)), [expected]);
    }
}

#[test]
fn a_crate_that_is_not_drawn_or_misnamed_is_found() {
    let found = facts(between_ours(&[member("shared", &[])]));
    assert_eq!(found, ["crate `shared` is not drawn"]);
    let misnamed = Member {
        name: "policy".to_owned(),
        ..member("policy", &[])
    };
    let found = facts(between_ours(&[misnamed]));
    assert_eq!(found, ["package `policy` is not named for its folder"]);
}

#[test]
fn every_forbidden_package_is_found_where_a_build_takes_it_in() {
    for arrow in ARROWS {
        let member = member(arrow.folder, &[]);
        for package in arrow.must_not_reach {
            assert_eq!(reach(&member, &built(package)).len(), 1, "{package}");
        }
        assert_eq!(reach(&member, &built("serde")), []);
    }
}

#[test]
fn only_operator_proxy_and_command_may_talk_to_a_cluster() {
    for arrow in ARROWS {
        let found = reach(&member(arrow.folder, &[]), &built("kube-client"));
        let allowed = ["operator", "proxy", "cli"].contains(&arrow.folder);
        assert_eq!(found.is_empty(), allowed, "{}", arrow.folder);
    }
}
