//! What a gateway lets through, hides, refuses, holds and writes down.

use portcullis_e2e::{Kubectl, wait_until};
use serde_json::Value;

use super::bed::{Bed, TARGETS_PASSWORD, with_gateway};
use super::record::recorded;

const CREDITS: &str = "select string_agg(credit::text, ',' order by id) from customers";
const RAISE: &str = "update customers set credit = credit + 5 where id = 1";

/// One gateway for all of it: it takes seconds to come up.
#[test]
fn a_gateway_serves_as_its_policies_say_and_writes_it_down() {
    with_gateway(|bed| {
        only_who_is_known_comes_in(bed);
        answers_are_masked_and_denials_have_no_effect(bed);
        who_asks_waits_until_somebody_else_approves(bed);
        the_record_is_intact(bed);
        one_proxy_is_replaced_while_the_other_serves(bed);
    });
}

fn only_who_is_known_comes_in(bed: &Bed<'_>) {
    let address = &bed.address();
    let account = |audience: &[&str]| {
        let token = [&["create", "token", "web"], audience].concat();
        let token = bed.admin.must(&token);
        bed.session_at(address, token.trim()).ask("select 1")
    };
    assert_eq!(account(&["--audience=portcullis"]), "1");
    let erin = bed.token("erin");
    // A word that is no credential here, one for the API server alone, a person without access.
    let refused = [
        bed.session_at(address, TARGETS_PASSWORD).ask("select 1"),
        account(&[]),
        bed.session_at(address, &erin).ask("select 1"),
    ];
    for answer in refused {
        assert!(answer.contains("FATAL"), "{answer}");
        assert!(!answer.contains(TARGETS_PASSWORD), "{answer}");
    }
    let answer = bed.session_in_the_clear(address).ask("select 1");
    assert!(answer.contains("FATAL"), "{answer}");
    let proxy = format!(
        "system:serviceaccount:{}:orders-portcullis",
        bed.namespace.name
    );
    let proxy = bed.admin.impersonating(&proxy);
    let may =
        |who: &Kubectl, verb: &str, what: &str| who.run(&["auth", "can-i", verb, what]).succeeded;
    assert!(may(&proxy, "get", "connections.portcullis.dev/orders"));
    for verb in ["get", "list", "watch"] {
        assert!(!may(&proxy, verb, "secrets"), "{verb}");
        assert!(!may(&proxy, verb, "secrets/orders-credentials"), "{verb}");
    }
}

fn answers_are_masked_and_denials_have_no_effect(bed: &Bed<'_>) {
    let mut session = bed.session("dana");
    let masked = "1|[redacted]|10\n2|[redacted]|20";
    let select = "select * from customers order by id";
    assert_eq!(session.ask(select), masked);
    assert_eq!(
        bed.target_says("select email from customers where id = 1"),
        "ada@example.com"
    );
    assert_eq!(session.ask("\\set VERBOSITY verbose \\\\ select 1"), "1");
    let answer = session.ask("delete from customers");
    assert!(answer.contains("ERROR:  42501: "), "{answer}");
    let detail = answer
        .lines()
        .find_map(|line| line.strip_prefix("DETAIL:  "));
    let detail: Value = serde_json::from_str(detail.unwrap()).unwrap();
    let policy = format!("{}/customers", bed.namespace.name);
    for (field, value) in [
        ("class", "PolicyDenied"),
        ("policy", &policy),
        ("rule", "nothing-is-removed"),
        ("message", "customers stay"),
    ] {
        assert_eq!(detail[field], value, "{detail}");
    }
    assert_eq!(bed.target_says("select count(*) from customers"), "2");
    assert_eq!(session.ask(select), masked);
}

/// Frank may approve what others ask for.
fn who_asks_waits_until_somebody_else_approves(bed: &Bed<'_>) {
    let mut session = bed.session("frank");
    assert_eq!(session.ask("select 1"), "1");
    session.send(RAISE);
    let (frank, erin) = (bed.namespace.user("frank"), bed.namespace.user("erin"));
    let line = wait_until("a request in `kubectl get appr`", || {
        let shown = erin.must(&["get", "appr", "--no-headers"]);
        let waits = |line: &&str| line.contains("Pending");
        shown.lines().find(waits).map(str::to_owned).ok_or(shown)
    });
    assert!(line.contains("oidc:frank@example.com"), "{line}");
    assert!(
        line.contains("UPDATE Write table:public.customers"),
        "{line}"
    );
    let request = line.split_whitespace().next().unwrap();
    an_approver_sees_what_to_decide_by(bed, request);
    let asked = erin.get(&["appr", request])["spec"]["operation"]["text"].clone();
    assert_eq!(asked, format!("{RAISE};"));
    let approve = [
        "annotate",
        "appr",
        request,
        "portcullis.dev/approve=ticket 4711",
    ];
    frank.run(&approve).must_be_refused("cannot approve");
    let dana = bed.namespace.user("dana");
    dana.run(&approve).must_be_refused("forbidden");
    assert_eq!(bed.target_says(CREDITS), "10,20");
    erin.must(&approve);
    let answer = session.answer();
    assert!(!answer.contains("ERROR"), "{answer}");
    assert_eq!(bed.target_says(CREDITS), "15,20");
    wait_until("the request to be used up", || {
        let status = erin.get(&["appr", request])["status"].clone();
        let decided = &status["decisions"][0];
        let is = decided["username"] == "oidc:erin@example.com" && status["state"] == "Consumed";
        is.then_some(()).ok_or(status.to_string())
    });
    people_are_told(bed, request, "reason=Consumed");
    people_are_told(bed, "orders", "type=Normal");
    // The same again waits again.
    session.send(RAISE);
    wait_until("another request", || {
        let shown = erin.must(&["get", "appr", "--no-headers"]);
        let waits = shown
            .lines()
            .any(|it| it.contains("Pending") && !it.starts_with(request));
        waits.then_some(()).ok_or(shown)
    });
    assert_eq!(bed.target_says(CREDITS), "15,20");
}

/// In the table of kubectl alone.
fn an_approver_sees_what_to_decide_by(bed: &Bed<'_>, request: &str) {
    let erin = bed.namespace.user("erin");
    let shown = erin.must(&["get", "appr", request, "--output=wide"]);
    let (header, line) = shown.split_once('\n').unwrap();
    let mut rest = header;
    for column in [
        "NAME",
        "CONNECTION",
        "REQUESTER",
        "ON BEHALF OF",
        "SUMMARY",
        "STATE",
        "APPROVALS",
        "EXPIRES",
        "AGE",
        "TARGET",
        "RULE",
        "HASH",
    ] {
        let behind = rest.split_once(column).map(|(_, behind)| behind);
        rest = behind.unwrap_or_else(|| panic!("{column}: {header}"));
    }
    let target = format!("database.{}.svc:5432", bed.namespace.name);
    for told in [
        "orders",
        "oidc:frank@example.com",
        "0/1",
        &target,
        "changes-wait",
        "sha256:",
    ] {
        assert!(line.contains(told), "{told}: {line}");
    }
}

/// An Event says so, in `kubectl describe` too.
fn people_are_told(bed: &Bed<'_>, object: &str, which: &str) {
    let of = format!("--field-selector=involvedObject.name={object},{which}");
    wait_until("an Event", || {
        let told = bed.admin.must(&["get", "events", "--output=name", &of]);
        (!told.is_empty()).then_some(()).ok_or_else(|| {
            let all = bed.admin.must(&["get", "events"]);
            format!("{object} {which}: {all}")
        })
    });
}

fn the_record_is_intact(bed: &Bed<'_>) {
    let mut told = String::new();
    for (pod, address) in bed.proxies() {
        // Chance may have sent all sessions before to the other one.
        let mut session = bed.session_at(&address, &bed.token("dana"));
        assert_eq!(session.ask("select 1"), "1");
        told += &recorded(bed, &pod);
    }
    for operation in ["delete from customers", RAISE] {
        assert!(told.contains(operation), "{operation}: {told}");
    }
    assert!(told.contains("oidc:erin@example.com"), "{told}");
    assert!(!told.contains("ada@example.com"), "{told}");
}

fn one_proxy_is_replaced_while_the_other_serves(bed: &Bed<'_>) {
    let proxies = bed.proxies();
    let [(leaves, _), (_, stays)] = proxies.as_slice() else {
        panic!("{proxies:?}")
    };
    let mut session = bed.session_at(stays, &bed.token("dana"));
    let backend = session.ask("select pg_backend_pid()");
    assert!(backend.parse::<u32>().is_ok(), "{backend}");
    bed.admin.must(&["delete", "pod", leaves, "--wait=false"]);
    wait_until("another proxy", || {
        assert_eq!(session.ask("select pg_backend_pid()"), backend);
        let pods = bed.proxies();
        let is_new = pods.len() == 2 && pods.iter().all(|(name, _)| name != leaves);
        is_new.then_some(()).ok_or(format!("{pods:?}"))
    });
    bed.wait_until_ready();
    assert_eq!(session.ask("select pg_backend_pid()"), backend);
    for (_, address) in bed.proxies() {
        let answer = bed
            .session_at(&address, &bed.token("dana"))
            .ask("select email from customers where id = 1");
        assert_eq!(answer, "[redacted]");
    }
}
