use std::sync::{Arc, Mutex};

use portcullis_dialect::postgres::wire::backend::{Transaction, tag as answer};
use portcullis_dialect::postgres::wire::frontend::tag;

use super::names::{MAX_PORTALS, MAX_STATEMENTS};
use super::{InFlight, MAX_OWED, Phase, State, Take, Told, TooMany, Weighed};

/// What ended, in its order.
type Log = Arc<Mutex<Vec<&'static str>>>;

#[derive(Debug)]
struct Flight(&'static str, Log);

impl InFlight for Flight {
    fn ended(self) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[derive(Debug, PartialEq)]
struct Text(&'static str, usize);

impl Weighed for Text {
    fn bytes(&self) -> usize {
        self.1
    }
}

struct Bed {
    state: State<Text, Flight>,
    log: Log,
}

impl Bed {
    fn new() -> Self {
        Self {
            state: State::new(),
            log: Log::default(),
        }
    }

    fn flight(&self, name: &'static str) -> Flight {
        Flight(name, Arc::clone(&self.log))
    }

    fn parse(&mut self, name: &str, text: &'static str) {
        let statement = Arc::new(Text(text, 1));
        self.state.parse(name.as_bytes(), statement).unwrap();
    }

    fn run(&mut self, portal: &str, name: &'static str) {
        let flight = self.flight(name);
        let id = self.state.bind(portal.as_bytes(), flight);
        self.state.execute(id);
    }

    fn text(&self, name: &str) -> Option<&'static str> {
        self.state.statement(name.as_bytes()).map(|text| text.0)
    }

    fn answers(&mut self, tags: &[u8]) {
        for tag in tags {
            if let Told::Executed(id) | Told::Failed(id) = self.state.reply(*tag).unwrap() {
                self.state.done(id);
            }
        }
    }

    fn ready(&mut self, transaction: Transaction) {
        if let Told::Ready(Some(id)) = self.state.ready(transaction).unwrap() {
            self.state.done(id);
        }
    }

    fn ended(&self) -> Vec<&'static str> {
        self.log.lock().unwrap().clone()
    }
}

const ALL: &[u8] = b"QPBDECSHFdcfX";

#[test]
fn nothing_is_taken_behind_a_query_or_a_sync() {
    let mut bed = Bed::new();
    let flight = bed.flight("q");
    bed.state.query(flight);
    for message in ALL {
        assert_eq!(bed.state.take(*message), Take::Wait);
    }
    bed.answers(&[answer::COMMAND_COMPLETE]);
    bed.ready(Transaction::Idle);
    assert_eq!(bed.ended(), ["q"]);
    bed.state.sync();
    for message in ALL {
        assert_eq!(bed.state.take(*message), Take::Wait);
    }
    bed.ready(Transaction::Idle);
    assert_eq!(bed.state.take(tag::QUERY), Take::Now);
}

#[test]
fn what_no_client_may_send_is_a_violation_everywhere() {
    let mut bed = Bed::new();
    for message in *b"pR1zZ\0" {
        assert_eq!(bed.state.take(message), Take::Violation);
    }
    bed.state.sync();
    assert_eq!(bed.state.take(b'p'), Take::Violation);
}

#[test]
fn a_failed_parse_keeps_what_the_name_stood_for() {
    let mut bed = Bed::new();
    bed.parse("s", "old");
    bed.state.sync();
    bed.answers(&[answer::PARSE_COMPLETE]);
    bed.ready(Transaction::Idle);
    bed.parse("s", "new");
    assert_eq!(bed.text("s"), Some("new"));
    bed.answers(&[answer::ERROR]);
    assert_eq!(bed.text("s"), Some("old"));
    assert_eq!(bed.state.phase(), Phase::Skipping);
    assert_eq!(bed.state.take(tag::PARSE), Take::Drop);
    assert_eq!(bed.state.take(tag::SYNC), Take::Now);
}

#[test]
fn what_stands_behind_an_error_in_a_pipeline_is_undone_from_its_end() {
    let mut bed = Bed::new();
    bed.parse("a", "one");
    bed.parse("b", "two");
    bed.state.close_statement(b"a");
    bed.parse("a", "three");
    bed.run("", "lost");
    bed.state.sync();
    bed.answers(&[answer::PARSE_COMPLETE, answer::ERROR]);
    assert_eq!(bed.text("a"), Some("one"));
    assert_eq!(bed.text("b"), None);
    assert_eq!(bed.ended(), ["lost"]);
    bed.ready(Transaction::Idle);
    assert!(!bed.state.is_owed());
}

#[test]
fn a_portal_bound_anew_leaves_the_one_before_to_its_replies() {
    let mut bed = Bed::new();
    bed.run("", "first");
    bed.run("", "second");
    bed.state.sync();
    bed.answers(&[answer::BIND_COMPLETE]);
    let Told::Of(first) = bed.state.reply(answer::DATA_ROW).unwrap() else {
        panic!("a row of the first");
    };
    assert_eq!(bed.state.operation(first).unwrap().0, "first");
    bed.answers(&[answer::COMMAND_COMPLETE, answer::BIND_COMPLETE]);
    assert_eq!(bed.ended(), ["first"]);
    bed.answers(&[answer::COMMAND_COMPLETE]);
    bed.ready(Transaction::Idle);
    assert_eq!(bed.ended(), ["first", "second"]);
    assert_eq!(bed.state.in_flight(), 0);
}

#[test]
fn a_suspended_portal_lives_until_its_transaction_ends() {
    let mut bed = Bed::new();
    bed.run("p", "paged");
    bed.state.sync();
    bed.answers(&[answer::BIND_COMPLETE]);
    let Told::Suspended(id) = bed.state.reply(answer::PORTAL_SUSPENDED).unwrap() else {
        panic!("suspended");
    };
    bed.state.done(id);
    bed.ready(Transaction::Open);
    assert_eq!(bed.state.portal(b"p"), Some(id));
    bed.state.sync();
    bed.ready(Transaction::Idle);
    assert_eq!(bed.state.portal(b"p"), None);
    assert_eq!(bed.ended(), ["paged"]);
}

#[test]
fn a_refusal_is_told_in_its_turn() {
    let mut bed = Bed::new();
    bed.parse("", "fine");
    assert!(!bed.state.refuse(b"no".as_slice().into()));
    let mut out = Vec::new();
    bed.state.refusals(&mut out);
    assert_eq!(out, b"", "the answer to what went before comes first");
    bed.answers(&[answer::PARSE_COMPLETE]);
    bed.state.refusals(&mut out);
    assert_eq!(out, b"no");
    assert_eq!(bed.state.take(tag::EXECUTE), Take::Drop);
    bed.state.sync();
    bed.ready(Transaction::Idle);
    assert_eq!(bed.state.phase(), Phase::Open);
}

#[test]
fn a_refusal_behind_an_execute_ends_the_implicit_transaction() {
    let mut bed = Bed::new();
    bed.run("", "insert");
    assert!(bed.state.refuse(b"no".as_slice().into()));
    bed.answers(&[answer::BIND_COMPLETE, answer::COMMAND_COMPLETE]);
    let Told::FailedAsRefused(said) = bed.state.reply(answer::ERROR).unwrap() else {
        panic!("the poison fails");
    };
    assert_eq!(&*said, b"no");
    bed.state.sync();
    bed.ready(Transaction::Idle);
}

#[test]
fn a_refusal_in_an_open_transaction_does_not_end_it() {
    let mut bed = Bed::new();
    let flight = bed.flight("begin");
    bed.state.query(flight);
    bed.ready(Transaction::Open);
    bed.run("", "insert");
    assert!(!bed.state.refuse(b"no".as_slice().into()));
}

#[test]
fn a_sync_that_came_before_the_copy_was_known_is_ignored() {
    let mut bed = Bed::new();
    bed.run("", "copy");
    bed.state.sync();
    bed.answers(&[answer::BIND_COMPLETE]);
    let told = bed.state.reply(answer::COPY_IN).unwrap();
    assert!(matches!(told, Told::CopyIn { fail: false, .. }));
    assert_eq!(bed.state.take(tag::COPY_DATA), Take::Now);
    assert_eq!(bed.state.take(tag::SYNC), Take::Drop);
    assert_eq!(bed.state.take(tag::FLUSH), Take::Drop);
    assert_eq!(bed.state.take(tag::QUERY), Take::FailCopy);
    bed.state.copy_ended();
    assert_eq!(bed.state.phase(), Phase::Open);
    bed.answers(&[answer::COMMAND_COMPLETE]);
    assert!(!bed.state.is_owed(), "no ReadyForQuery is owed for it");
    bed.state.sync();
    bed.ready(Transaction::Idle);
}

#[test]
fn copy_messages_outside_a_copy_are_thrown_away() {
    let mut bed = Bed::new();
    for message in *b"dcf" {
        assert_eq!(bed.state.take(message), Take::Drop);
    }
    bed.run("", "copy");
    assert_eq!(bed.state.take(tag::COPY_DATA), Take::WaitFlushed);
    let mut simple = Bed::new();
    let flight = simple.flight("copy");
    simple.state.query(flight);
    simple.answers(&[answer::COPY_IN]);
    assert_eq!(simple.state.phase(), Phase::Copying { simple: true });
    simple.answers(&[answer::ERROR]);
    assert_eq!(simple.state.phase(), Phase::Settling);
}

#[test]
fn what_nobody_asked_for_is_out_of_turn() {
    let mut bed = Bed::new();
    for message in *b"1233DCInstTGHdcZ" {
        if message != answer::READY {
            assert!(bed.state.reply(message).is_err(), "{}", char::from(message));
        }
    }
    assert!(bed.state.ready(Transaction::Idle).is_err());
    bed.parse("", "x");
    assert!(bed.state.reply(answer::DATA_ROW).is_err());
    assert!(bed.state.ready(Transaction::Idle).is_err());
}

#[test]
fn what_is_owed_and_what_has_names_is_bounded() {
    let mut bed = Bed::new();
    for _ in 0..MAX_OWED {
        assert_eq!(bed.state.take(tag::PARSE), Take::Now);
        bed.parse("", "x");
    }
    assert_eq!(bed.state.take(tag::PARSE), Take::WaitFlushed);
    assert!(bed.state.take_flush());
    assert!(!bed.state.take_flush(), "once is enough");

    let mut bed = Bed::new();
    for number in 0..MAX_STATEMENTS {
        bed.parse(&number.to_string(), "x");
    }
    let one_more = bed.state.parse(b"more", Arc::new(Text("x", 1)));
    assert_eq!(one_more, Err(TooMany::Statements));
    bed.parse("0", "a known name");
    let heavy = bed.state.parse(b"", Arc::new(Text("x", 33 << 20)));
    assert_eq!(heavy, Err(TooMany::Bytes));

    let mut bed = Bed::new();
    for number in 0..MAX_PORTALS {
        let flight = bed.flight("x");
        bed.state.bind(number.to_string().as_bytes(), flight);
    }
    assert_eq!(bed.state.may_bind(b"more"), Err(TooMany::Portals));
    assert_eq!(bed.state.may_bind(b""), Ok(()));
    assert_eq!(bed.state.may_bind(b"7"), Ok(()));
    bed.state.end();
    assert_eq!(bed.ended().len(), MAX_PORTALS);
}

#[test]
fn a_description_for_us_is_told_apart_and_ends_with_its_bind() {
    let mut bed = Bed::new();
    let flight = bed.flight("bound");
    let id = bed.state.bind(b"p", flight);
    bed.state.describe_aside(id);
    bed.state.execute(id);
    assert_eq!(bed.state.at_work(), Some(id));
    bed.answers(&[answer::BIND_COMPLETE]);
    let told = bed.state.reply(answer::ROW_DESCRIPTION).unwrap();
    assert!(matches!(told, Told::Aside(aside) if aside == id));
    bed.state.done(id);
    bed.answers(&[answer::COMMAND_COMPLETE]);
    bed.state.sync();
    assert_eq!(bed.state.at_work(), None);
    bed.ready(Transaction::Idle);
    assert_eq!(bed.ended(), ["bound"]);
    // Where the Bind fails nothing more of it is owed.
    let flight = bed.flight("failed");
    let id = bed.state.bind(b"p", flight);
    bed.state.describe_aside(id);
    bed.state.sync();
    bed.answers(&[answer::ERROR]);
    bed.ready(Transaction::Idle);
    assert_eq!(bed.ended(), ["bound", "failed"]);
}
