//! The lines that the documents tell people to look through the audit log with find what they are for.

use std::process::Command;

use portcullis_e2e::{Audit, unless_lacking};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/operations/approvals.md");

/// The commands of the document, each of one or more lines.
fn commands() -> Vec<String> {
    let blocks = DOCUMENT.split("```").skip(1).step_by(2);
    let block = blocks.filter(|block| block.contains("jq -c"));
    let block: String = block.collect();
    let commands = block.split("jq -c").skip(1);
    commands
        .map(|rest| format!("jq -c{}", rest.trim_end()))
        .collect()
}

/// What a command says, run on the log of this cluster.
fn found(command: &str) -> Vec<Value> {
    assert!(command.ends_with(" audit.log"), "{command}");
    let log = Audit::of_this_run();
    let path = log.path().to_str().unwrap();
    let from = (log.from() + 1).to_string();
    let command = command.trim_end_matches("audit.log").to_owned() + "\"$1\"";
    // The last line of a log that is written now may be half of one.
    let script = format!("tail -c +\"$2\" \"$0\" | head -n -1 >\"$1\" && {command}");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("audit.log");
    let said = Command::new("sh")
        .args(["-c", &script, path])
        .arg(copy)
        .arg(from)
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    let text = String::from_utf8(said.stdout).unwrap();
    text.lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect()
}

#[test]
fn what_the_documents_tell_to_look_for_is_found() {
    unless_lacking(look);
}

fn look() {
    let [borrowed, guards] = commands().try_into().unwrap();
    let names = found(&borrowed);
    // The tests approve as Carol by an admin who may impersonate: nothing stops it, and it shows.
    let forged = names.iter().any(|it| {
        it["user"]["username"] == "admin"
            && it["impersonatedUser"]["username"] == "carol"
            && it["objectRef"]["subresource"] == "status"
            && it["responseStatus"]["code"] == 200
    });
    assert!(forged, "{} lines, and none is that", names.len());
    let own = names.iter().find(|it| it["impersonatedUser"].is_null());
    assert_eq!(own, None);
    let changes = found(&guards);
    for resource in [
        "validatingadmissionpolicies",
        "validatingwebhookconfigurations",
    ] {
        let told = changes
            .iter()
            .any(|it| it["objectRef"]["resource"] == resource);
        assert!(told, "{resource}: {} lines", changes.len());
    }
}
