//! Decisions by `portcullis approve`, `deny` and `revoke`, as approvers run them.

use portcullis_e2e::Kubectl;
use portcullis_e2e::approvals::with_bed;
use serde_json::Value;

fn decide(who: &Kubectl, verb: &str, request: &str) -> Result<String, String> {
    let said = who.portcullis(&[verb, request, "--reason", "by command"]);
    match said.succeeded {
        true => Ok(said.output),
        false => Err(said.errors),
    }
}

/// The state of a request and who decided what, as everybody may read it afterwards.
fn told(who: &Kubectl, request: &str) -> (String, Vec<Value>) {
    let shown = who.portcullis(&["approvals", "show", request, "--output=json"]);
    let value: Value = serde_json::from_str(&shown.must_succeed()).unwrap();
    let state = value["state"].as_str().unwrap().to_owned();
    (
        state,
        value["status"]["decisions"].as_array().unwrap().clone(),
    )
}

#[test]
fn a_decision_by_the_command_is_of_who_runs_it() {
    with_bed(|bed| {
        let name = bed.request("a");
        let namespace = &bed.namespace.name;
        let (bob, erin) = (bed.user("bob"), bed.user("erin"));
        // All rights of RBAC but the verb; then nobody's who has none.
        let refused = decide(&bed.user("alice"), "approve", &name).unwrap_err();
        assert!(
            refused.starts_with("portcullis: alice is no approver"),
            "{refused}"
        );
        let refused = decide(&bed.user("dana"), "approve", &name).unwrap_err();
        assert!(refused.contains("dana@example.com"), "{refused}");
        assert_eq!(bed.decisions(&name), Vec::<String>::new());
        let first = decide(&bob, "approve", &name).unwrap();
        assert!(
            first.starts_with(&format!("{namespace}/{name} Pending 1/2, as bob\n")),
            "{first}"
        );
        assert!(first.contains("1 more must approve"), "{first}");
        assert_eq!(decide(&bob, "approve", &name).unwrap(), first);
        let last = decide(&erin, "approve", &name).unwrap();
        let expected = format!("{namespace}/{name} Approved 2/2, as oidc:erin@example.com\n");
        assert_eq!(last, expected);
        let words = ["bob Approve", "oidc:erin@example.com Approve"];
        assert_eq!(bed.decisions(&name), words);
        let (state, decisions) = told(&bob, &name);
        assert_eq!(state, "Approved");
        assert_eq!(decisions[0]["reason"], "by command");
        let taken_back = decide(&bed.user("carol"), "revoke", &name).unwrap();
        assert!(taken_back.contains(" Revoked "), "{taken_back}");
        let late = decide(&bed.user("carol"), "approve", &name).unwrap_err();
        assert!(late.contains("nothing can be decided any more"), "{late}");
    });
}

#[test]
fn a_denial_by_the_command_ends_a_request_and_both_are_listed() {
    with_bed(|bed| {
        let (denied, waits) = (bed.request("a"), bed.request("b"));
        let carol = bed.user("carol");
        let said = decide(&carol, "deny", &denied).unwrap();
        assert!(said.contains(" Denied 0/2, as carol"), "{said}");
        assert_eq!(told(&carol, &denied).0, "Denied");
        let listed = carol.portcullis(&["approvals", "list"]).must_succeed();
        let words = |name: &str| {
            let mut lines = listed
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>());
            let line = lines.find(|words| words.get(1) == Some(&name));
            line.unwrap_or_else(|| panic!("{listed}"))[2..5].join(" ")
        };
        assert_eq!(words(&denied), "Denied 0/2 oidc:agent");
        assert_eq!(words(&waits), "Pending 0/2 oidc:agent");
        // As kubectl's users decide, seen by the command.
        let annotate = ["annotate", "appr", &waits, "portcullis.dev/deny=by kubectl"];
        carol.must(&annotate);
        let (_, decisions) = told(&carol, &waits);
        assert_eq!(decisions[0]["username"], "carol");
        assert_eq!(decisions[0]["decision"], "Deny");
    });
}
