use super::*;
use crate::admission::review::UserInfo;

const BOBS: &str = "decision.portcullis.dev/81b637d8fcd2c6da";

fn request(username: &str, annotations: &[(&str, &str)]) -> Request {
    let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
    Request {
        operation: "UPDATE".to_owned(),
        user_info: UserInfo {
            username: username.to_owned(),
            ..UserInfo::default()
        },
        object: json!({"metadata": {"name": "a", "annotations": annotations}}),
        ..Request::default()
    }
}

fn added(answer: &Answer) -> (String, String) {
    let add = answer.patch().iter().find(|it| it["op"] == "add").unwrap();
    let text = |key: &str| add[key].as_str().unwrap().to_owned();
    (text("path"), text("value"))
}

#[test]
fn an_annotation_becomes_a_stamp_under_the_writer_s_name() {
    for (word, kind) in [
        ("approve", "Approve"),
        ("deny", "Deny"),
        ("revoke", "Revoke"),
    ] {
        let trigger = format!("portcullis.dev/{word}");
        let answer = stamp(&request("bob", &[(&trigger, "looks|fine")]));
        let taken = json!({"op": "remove", "path": format!("/metadata/annotations/portcullis.dev~1{word}")});
        assert_eq!(answer.patch()[0], taken);
        let path = "/metadata/annotations/decision.portcullis.dev~181b637d8fcd2c6da";
        let value = format!("{kind}|3|bob|looks|fine");
        assert_eq!(added(&answer), (path.to_owned(), value));
    }
}

#[test]
fn what_says_nothing_is_left_alone() {
    assert_eq!(
        stamp(&request("bob", &[("example.com/note", "x")])),
        Answer::allow()
    );
    let bare = Request {
        object: json!({"metadata": {"name": "a"}}),
        ..request("bob", &[])
    };
    assert_eq!(stamp(&bare), Answer::allow());
}

#[test]
fn two_words_at_once_are_none() {
    let both = [("portcullis.dev/approve", ""), ("portcullis.dev/deny", "")];
    let answer = stamp(&request("bob", &both));
    assert_eq!(
        answer.reason(),
        Some("write one of approve, deny and revoke")
    );
}

#[test]
fn a_later_decision_stands_beside_the_first() {
    let first = (BOBS, "Approve|3|bob|");
    let answer = stamp(&request("bob", &[first, ("portcullis.dev/revoke", "no")]));
    let (path, value) = added(&answer);
    assert!(
        path.ends_with("/decision.portcullis.dev~181b637d8fcd2c6da.revoke"),
        "{path}"
    );
    assert_eq!(value, "Revoke|3|bob|no");
    // Somebody else's under his key is not overwritten either.
    let squat = (BOBS, "Deny|5|carol|");
    let answer = stamp(&request("bob", &[squat, ("portcullis.dev/deny", "")]));
    assert!(added(&answer).0.ends_with(".deny"));
    let second = format!("{BOBS}.deny");
    let full = [
        squat,
        (&second, "Deny|5|carol|"),
        ("portcullis.dev/deny", ""),
    ];
    assert!(!stamp(&request("bob", &full)).is_allowed());
}

#[test]
fn the_same_decision_twice_is_one() {
    let stamped = [
        (BOBS, "Approve|3|bob|why"),
        ("portcullis.dev/approve", "again"),
    ];
    let mut recorded = request("bob", &[("portcullis.dev/approve", "again")]);
    recorded.object["status"]["decisions"] =
        json!([{"username": "bob", "decision": "Approve", "reason": "why"}]);
    for request in [request("bob", &stamped), recorded] {
        let answer = stamp(&request);
        assert_eq!(answer.patch().len(), 1);
        assert_eq!(answer.patch()[0]["op"], "remove");
        assert_eq!(answer.warnings().len(), 1);
    }
    let other = stamp(&request("carol", &stamped));
    assert_eq!(added(&other).1, "Approve|5|carol|again");
}

#[test]
fn names_and_reasons_have_bounds() {
    let reason = |count: usize| "é".repeat(count);
    let with = |reason: &str| stamp(&request("bob", &[("portcullis.dev/deny", reason)]));
    assert!(with(&reason(MAX_REASON)).is_allowed());
    assert!(!with(&reason(MAX_REASON + 1)).is_allowed());
    let by = |name: &str| stamp(&request(name, &[("portcullis.dev/deny", "")]));
    assert!(by(&"é".repeat(MAX_USERNAME)).is_allowed());
    assert!(!by(&"é".repeat(MAX_USERNAME + 1)).is_allowed());
    assert!(!by("").is_allowed());
}
