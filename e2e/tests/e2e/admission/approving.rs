//! `kubectl annotate`, which is how people approve.

use portcullis_e2e::{Kubectl, Said, wait_until};

use portcullis_e2e::approvals::{Bed, with_bed};

fn annotate(who: &Kubectl, request: &str, annotations: &[&str]) -> Said {
    let mut arguments = vec!["annotate", "appr", request];
    arguments.extend(annotations);
    who.run(&arguments)
}

/// Decisions that stand as stamps, or that an operator recorded from them.
fn decided(bed: &Bed<'_>, request: &str) -> Vec<String> {
    let mut all = bed.decisions(request);
    let found = bed.admin.get(&["appr", request]);
    let annotations = found["metadata"]["annotations"].as_object().cloned();
    for (key, value) in annotations.unwrap_or_default() {
        assert!(
            !key.starts_with("portcullis.dev/"),
            "{key} was not taken away"
        );
        let parts: Vec<&str> = value.as_str().unwrap_or_default().splitn(4, '|').collect();
        if let ("decision.portcullis.dev", [word, _, name, _]) =
            (key.split('/').next().unwrap_or_default(), parts.as_slice())
        {
            all.push(format!("{name} {word}"));
        }
    }
    all.sort();
    all.dedup();
    all
}

#[test]
fn an_annotation_becomes_a_decision_under_the_writer_s_name() {
    with_bed(|bed| {
        let name = bed.request("a");
        annotate(
            &bed.user("bob"),
            &name,
            &["portcullis.dev/approve=looks fine"],
        )
        .must_succeed();
        annotate(&bed.user("erin"), &name, &["portcullis.dev/approve=a|b"]).must_succeed();
        wait_until("both decisions", || {
            let found = decided(bed, &name);
            match found.as_slice() {
                [bob, erin] if bob == "bob Approve" && erin == "oidc:erin@example.com Approve" => {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        });
        let name = bed.request("b");
        annotate(&bed.user("carol"), &name, &["portcullis.dev/approve=yes"]).must_succeed();
        annotate(&bed.user("carol"), &name, &["portcullis.dev/revoke=no"]).must_succeed();
        assert_eq!(decided(bed, &name), ["carol Approve", "carol Revoke"]);
        let name = bed.request("c");
        annotate(&bed.user("carol"), &name, &["portcullis.dev/deny=no"]).must_succeed();
        assert_eq!(decided(bed, &name), ["carol Deny"]);
    });
}

#[test]
fn an_annotation_of_somebody_else_is_refused() {
    with_bed(|bed| {
        let name = bed.request("a");
        let said = annotate(
            &bed.user("alice"),
            &name,
            &["portcullis.dev/approve=please"],
        );
        said.must_be_refused("alice is no approver");
        let robot = bed.namespace.service_account("robot");
        annotate(&robot, &name, &["portcullis.dev/deny=beep"]).must_be_refused("a person must");
        let said = annotate(&bed.proxy, &name, &["portcullis.dev/approve=mine"]);
        assert!(!said.succeeded, "{said:?}");
        // A stamp of another beside one's own.
        let forged = [
            "portcullis.dev/approve=yes",
            "decision.portcullis.dev/x=Approve|5|carol|",
        ];
        let said = annotate(&bed.user("bob"), &name, &forged);
        said.must_be_refused("record only your own decision: you are bob");
        let both = ["portcullis.dev/approve=yes", "portcullis.dev/deny=no"];
        annotate(&bed.user("bob"), &name, &both)
            .must_be_refused("write one of approve, deny and revoke");
        let long = format!("portcullis.dev/approve={}", "x".repeat(1025));
        annotate(&bed.user("bob"), &name, &[&long])
            .must_be_refused("a reason has at most 1024 characters");
        assert_eq!(decided(bed, &name), Vec::<String>::new());
    });
}

#[test]
fn saying_the_same_twice_is_no_mistake() {
    with_bed(|bed| {
        let name = bed.request("a");
        annotate(&bed.user("bob"), &name, &["portcullis.dev/approve=yes"]).must_succeed();
        let said = annotate(&bed.user("bob"), &name, &["portcullis.dev/approve=again"]);
        assert!(
            said.succeeded && said.errors.contains("Approve is what you decided already"),
            "{said:?}"
        );
        assert_eq!(decided(bed, &name), ["bob Approve"]);
    });
}
