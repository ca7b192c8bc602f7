#![allow(
    clippy::disallowed_methods,
    reason = "reads files that it wrote itself"
)]

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;

fn file(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(format!("{name}.yaml"))
}

fn approved_on_disk(folder: &Path, wanted: &WantedApproval) -> String {
    let mut book = open(folder, start());
    let (name, _) = book.request(wanted, start()).unwrap();
    book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded)
        .unwrap();
    name
}

#[test]
fn a_request_is_one_readable_file_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let name = approved_on_disk(folder.path(), &wanted());
    let path = file(folder.path(), &name);
    let text = fs::read_to_string(&path).unwrap();
    for line in [
        "kind: ApprovalRequest\n",
        "  summary: DELETE FROM orders WHERE id = 7\n",
        "  state: Approved\n",
        "    username: carol\n",
    ] {
        assert!(text.contains(line.trim_start()), "{line} in {text}");
    }
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn signs_that_deceive_are_written_as_numbers_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = wanted();
    wanted.text = "SELECT '\u{202e}evil' -- \u{7}\u{200b} größer".to_owned();
    let name = approved_on_disk(folder.path(), &wanted);
    let text = fs::read_to_string(file(folder.path(), &name)).unwrap();
    assert!(
        text.contains("\\U0000202e") && text.contains("größer"),
        "{text}"
    );
    assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'));
    let mut book = open(folder.path(), after(1));
    assert_eq!(
        book.claim(&name, &wanted, "e", after(1)).unwrap(),
        approved(&["carol"])
    );
}

#[test]
fn a_claim_outlives_a_crash_and_so_does_an_approval() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted();
    let name = approved_on_disk(folder.path(), &wanted);
    // The process died before the claim: it may still be claimed.
    let mut book = open(folder.path(), after(1));
    assert_eq!(
        book.claim(&name, &wanted, "e1", after(1)).unwrap(),
        approved(&["carol"])
    );
    // The process died between the claim and the run: the grant is burnt.
    let mut book = open(folder.path(), after(2));
    assert_eq!(
        book.claim(&name, &wanted, "e1", after(2)).unwrap(),
        Standing::Consumed
    );
    assert!(
        fs::read_to_string(file(folder.path(), &name))
            .unwrap()
            .contains("claimedBy: e1")
    );
}

#[test]
fn a_file_that_was_edited_is_not_believed_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted_by(2, Grant::OneShot);
    let mut book = open(folder.path(), start());
    let (name, _) = book.request(&wanted, start()).unwrap();
    let path = file(folder.path(), &name);
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("requiredApprovals: 2", "requiredApprovals: 1"),
        ("id = 7", "id = 8"),
        ("username: agent-7", "username: agent-9"),
        ("portcullis.dev/seal", "portcullis.dev/other"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let mut again = open(folder.path(), after(1));
        assert!(again.list(after(1)).is_empty(), "{to}");
        let (next, standing) = again.request(&wanted, after(1)).unwrap();
        assert!(next.ends_with("-2") && standing == Standing::Pending);
        fs::remove_file(file(folder.path(), &next)).unwrap();
    }
    // Under another name it is another request's.
    fs::remove_file(&path).unwrap();
    fs::write(file(folder.path(), &name.replace("-1", "-7")), &text).unwrap();
    assert!(open(folder.path(), after(1)).list(after(1)).is_empty());
}

#[test]
fn an_edit_while_the_process_runs_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted();
    let mut book = open(folder.path(), start());
    let (name, _) = book.request(&wanted, start()).unwrap();
    fs::write(file(folder.path(), &name), "state: Approved").unwrap();
    assert_eq!(
        book.claim(&name, &wanted, "e", after(1)).unwrap(),
        Standing::Pending
    );
    book.decide(&said(Verb::Deny, &name, "carol"), after(1), recorded)
        .unwrap();
    let text = fs::read_to_string(file(folder.path(), &name)).unwrap();
    assert!(text.contains("state: Denied"));
}

#[test]
fn requests_that_were_being_held_are_withdrawn_at_a_restart_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut held = wanted();
    held.terms.wait = Wait::Hold {
        hold_for: Duration::from_secs(300),
    };
    let mut tried_again = wanted();
    tried_again.hash = "cd".repeat(32);
    let mut book = open(folder.path(), start());
    let (of_held, _) = book.request(&held, start()).unwrap();
    let (of_tried, _) = book.request(&tried_again, start()).unwrap();
    let standing = |book: &Book, name: &str| book.watch(name).unwrap().borrow().clone();
    let again = open(folder.path(), after(299));
    assert_eq!(standing(&again, &of_held), Standing::Withdrawn);
    assert_eq!(standing(&again, &of_tried), Standing::Pending);
}

#[test]
fn a_finished_request_is_kept_for_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut book = open(folder.path(), start());
    let (name, _) = book.request(&wanted(), start()).unwrap();
    book.withdraw(&name, start()).unwrap();
    book.sweep(after(3_599));
    assert!(file(folder.path(), &name).exists());
    book.sweep(after(3_600));
    assert!(!file(folder.path(), &name).exists() && book.list(after(3_600)).is_empty());
}

#[test]
fn a_claim_that_cannot_be_written_is_no_claim() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("approvals");
    fs::create_dir(&path).unwrap();
    let wanted = wanted();
    let mut book = open(&path, start());
    let (name, _) = book.request(&wanted, start()).unwrap();
    book.decide(&said(Verb::Approve, &name, "carol"), start(), recorded)
        .unwrap();
    fs::rename(&path, folder.path().join("away")).unwrap();
    let refused = book.claim(&name, &wanted, "e", after(1));
    assert!(matches!(refused, Err(ApprovalsRefused::Unavailable(_))));
}
