use super::*;

#[test]
fn a_review_of_another_version_is_not_read() {
    let review = |version: &str| {
        let body =
            json!({"apiVersion": version, "kind": "AdmissionReview", "request": {"uid": "1"}});
        Review::parse(body.to_string().as_bytes())
    };
    assert_eq!(review("admission.k8s.io/v1").unwrap().request.uid, "1");
    assert!(review("admission.k8s.io/v1beta1").is_err());
    assert!(Review::parse(b"{}").is_err());
    assert!(Review::parse(b"").is_err());
}

#[test]
fn an_answer_repeats_the_uid_and_says_what_becomes_of_it() {
    assert_eq!(
        Answer::allow().to_review("7"),
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {"uid": "7", "allowed": true},
        })
    );
    let refused = Answer::refuse("spec.port: no")
        .warn(["w".to_owned()])
        .to_review("8");
    assert_eq!(
        refused["response"],
        json!({
            "uid": "8", "allowed": false, "warnings": ["w"],
            "status": {"code": 422, "reason": "Invalid", "message": "spec.port: no"},
        })
    );
    let changed = Answer::change(vec![json!({"op": "remove", "path": "/a"})]).to_review("9");
    let patch = changed["response"]["patch"].as_str().unwrap();
    let patch = STANDARD.decode(patch).unwrap();
    assert_eq!(patch, br#"[{"op":"remove","path":"/a"}]"#);
    assert_eq!(changed["response"]["patchType"], "JSONPatch");
}

#[test]
fn what_is_told_has_bounds() {
    let many = (0..20).map(|at| format!("{at}{}", "é".repeat(MAX_WARNING)));
    let told = Answer::refuse("x".repeat(MAX_MESSAGE + 1))
        .warn(many)
        .to_review("1");
    let warnings = told["response"]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), MAX_WARNINGS);
    assert_eq!(warnings[0].as_str().unwrap().chars().count(), MAX_WARNING);
    let message = told["response"]["status"]["message"].as_str().unwrap();
    assert_eq!(message.chars().count(), MAX_MESSAGE);
    let exact = Answer::refuse("x".repeat(MAX_MESSAGE)).to_review("1");
    let message = exact["response"]["status"]["message"].as_str().unwrap();
    assert!(message.ends_with('x'));
}

#[test]
fn a_key_is_one_step_of_a_pointer() {
    assert_eq!(pointer_step("a/b~c"), "a~1b~0c");
}
