//! `portcullis` against a cluster, as its users run it.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use portcullis_e2e::{Kubectl, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, with_gateway};

const RAISE: &str = "update customers set credit = credit + 5 where id = 1";

/// One gateway for all of it: it takes seconds to come up.
#[test]
fn the_command_tells_explains_decides_and_ends_sessions() {
    with_gateway(|bed| {
        let roles = Roles::give(bed);
        all_is_well_until_a_policy_is_not(bed);
        what_the_proxies_would_say_is_what_they_say(bed);
        who_asks_does_not_approve(bed);
        sessions_are_seen_and_ended_by_who_may(bed);
        drop(roles);
    });
}

/// Erin reads everything and looks after sessions; frank reaches the ports, and no more; dana has
/// nothing.
struct Roles<'b>(&'b Bed<'b>, String);

impl<'b> Roles<'b> {
    fn give(bed: &'b Bed<'b>) -> Self {
        let reader = format!("{}-reader", bed.namespace.name);
        let user = |name: &str| {
            let name = format!("oidc:{name}@example.com");
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name })
        };
        let binding = |kind: &str, name: &str, role: &str, subjects: &[Value]| {
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
                "metadata": { "name": name }, "subjects": subjects,
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role,
                },
            })
        };
        let own = |role: &str, names: &[&str]| {
            let subjects: Vec<Value> = names.iter().map(|name| user(name)).collect();
            binding("RoleBinding", role, role, &subjects)
        };
        let items = [
            binding(
                "ClusterRoleBinding",
                &reader,
                "portcullis-reader",
                &[user("erin")],
            ),
            own("portcullis-session-admin", &["erin"]),
            json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "keeper" },
            }),
            own("portcullis-port-forward", &["erin", "frank"]),
        ];
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        bed.admin.apply(&list.to_string());
        let roles = Self(bed, reader);
        wait_until("roles to hold", || {
            let erin = bed.namespace.user("erin");
            let can = |what: &[&str]| erin.run(&[&["auth", "can-i"], what].concat()).succeeded;
            let all = can(&["create", "pods", "--subresource=portforward"])
                && can(&["list", "connectionclasses"]);
            all.then_some(()).ok_or("not yet".to_owned())
        });
        roles
    }
}

impl Drop for Roles<'_> {
    fn drop(&mut self) {
        let Self(bed, reader) = self;
        let gone = ["delete", "clusterrolebinding", reader, "--wait=false"];
        let _gone_before = bed.admin.run(&gone);
    }
}

fn json_of(who: &Kubectl, arguments: &[&str]) -> Value {
    let said = who.portcullis(&[arguments, &["--output=json"]].concat());
    serde_json::from_str(&said.output).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

fn all_is_well_until_a_policy_is_not(bed: &Bed<'_>) {
    let erin = bed.namespace.user("erin");
    erin.portcullis(&["status", "--wait=60"]).must_succeed();
    let status = json_of(&erin, &["status", "--check"]);
    let orders = &status["connections"][0];
    assert_eq!(
        (&status["well"], &orders["name"]),
        (&json!(true), &json!("orders"))
    );
    assert_eq!(
        orders["proxies"],
        json!({ "total": 2, "current": 2 }),
        "{status}"
    );
    let mut names: Vec<&str> = orders["policies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["namespace"] == bed.namespace.name)
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["customers", "emails"]);
    // It names what is not there.
    let spec = json!({ "targetRefs": [{ "name": "billing" }], "default": "Allow" });
    let lost = json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "GuardrailPolicy",
        "metadata": { "name": "lost" }, "spec": spec,
    });
    bed.admin.apply(&lost.to_string());
    let shown = wait_until("the policy's reason", || {
        let said = erin.portcullis(&["status", "--check"]);
        let told = !said.succeeded && said.output.contains("Accepted=False TargetNotFound");
        told.then(|| said.output.clone()).ok_or(format!("{said:?}"))
    });
    let row = shown.lines().find(|line| line.contains("PostgreSQL"));
    assert!(
        row.is_some_and(|row| row.contains(" True ") && row.contains("2/2")),
        "{shown}"
    );
    bed.admin.must(&["delete", "guard", "lost"]);
    // Dana sees nothing, and nothing is not well.
    let said = bed
        .namespace
        .user("dana")
        .portcullis(&["status", "--check"]);
    assert!(
        !said.succeeded && said.errors.contains("not seen: connections"),
        "{said:?}"
    );
}

fn what_the_proxies_would_say_is_what_they_say(bed: &Bed<'_>) {
    let erin = bed.namespace.user("erin");
    let dana = [
        "--user",
        "oidc:dana@example.com",
        "--group",
        "oidc:developers",
    ];
    let verdict = |statement: &str| {
        let told = json_of(&erin, &[&["explain", statement], &dana[..]].concat());
        assert_eq!(told["admitted"], true, "{told}");
        told["verdict"].as_str().unwrap().to_owned()
    };
    let mut session = bed.session("dana");
    assert_eq!(verdict("select count(*) from customers"), "Allow");
    assert_eq!(session.ask("select count(*) from customers"), "2");
    assert_eq!(verdict("delete from customers"), "Deny");
    assert!(session.ask("delete from customers").contains("ERROR"));
    assert_eq!(verdict(RAISE), "RequireApproval(1)");
    // Herself: she has no access to the database.
    let told = json_of(&erin, &["explain", "select 1"]);
    assert_eq!(told["subject"]["username"], "oidc:erin@example.com");
    assert_eq!(told["admitted"], false, "{told}");
    let said = bed
        .namespace
        .user("frank")
        .portcullis(&["explain", "select 1"]);
    said.must_be_refused("portcullis-reader");
}

fn who_asks_does_not_approve(bed: &Bed<'_>) {
    let mut session = bed.session("frank");
    assert_eq!(session.ask("select 1"), "1");
    session.send(RAISE);
    let (frank, erin) = (bed.namespace.user("frank"), bed.namespace.user("erin"));
    let request = wait_until("a request", || {
        let listed = json_of(&erin, &["approvals", "list"]);
        let all = listed.as_array().unwrap();
        let waits = all.iter().find(|one| one["state"] == "Pending");
        waits.cloned().ok_or(listed.to_string())
    });
    assert_eq!(request["requester"], "oidc:frank@example.com");
    let name = request["name"].as_str().unwrap();
    let approve = ["approve", name, "--reason", "ticket 4711"];
    frank.portcullis(&approve).must_be_refused("cannot approve");
    let said = erin.portcullis(&approve).must_succeed();
    // Approved, or used already.
    assert!(said.contains(" 1/1, as oidc:erin@example.com\n"), "{said}");
    let answer = session.answer();
    assert!(!answer.contains("ERROR"), "{answer}");
    wait_until("the request to be used up", || {
        let told = json_of(&erin, &["approvals", "show", name]);
        let decided = &told["status"]["decisions"][0]["username"];
        let is = told["state"] == "Consumed" && decided == "oidc:erin@example.com";
        is.then_some(()).ok_or(told.to_string())
    });
}

fn sessions_are_seen_and_ended_by_who_may(bed: &Bed<'_>) {
    let [erin, frank, dana] = ["erin", "frank", "dana"].map(|name| bed.namespace.user(name));
    // One at each proxy: all of them are asked.
    let mut sessions: Vec<_> = bed
        .proxies()
        .iter()
        .map(|(_, address)| bed.session_at(address, &bed.token("dana")))
        .collect();
    for session in &mut sessions {
        assert_eq!(session.ask("select 1"), "1");
    }
    let listed = json_of(&erin, &["sessions", "list", "--connection=orders"]);
    let all = listed.as_array().unwrap();
    let danas = || {
        all.iter()
            .filter(|one| one["subject"] == "oidc:dana@example.com")
    };
    let mut proxies: Vec<&str> = danas().map(|one| one["proxy"].as_str().unwrap()).collect();
    proxies.dedup();
    assert_eq!((danas().count(), proxies.len()), (2, 2), "{listed}");
    // By the proxies, which ask the API server; by the API server, which reaches no port for her.
    let refused = frank.portcullis(&["sessions", "list"]);
    refused.must_be_refused("you may not do this");
    let refused = dana.portcullis(&["sessions", "list"]);
    refused.must_be_refused("cannot list resource \"pods\"");
    // Of whoever comes as an account its own rights count: it has none, though the admin has all.
    let as_keeper = ["sessions", "list", "--service-account=keeper"];
    let refused = bed.admin.portcullis(&as_keeper);
    refused.must_be_refused("you may not do this");
    let keeper = format!("--serviceaccount={}:keeper", bed.namespace.name);
    let role = "--clusterrole=portcullis-session-admin";
    bed.admin
        .must(&["create", "rolebinding", "keeper", role, &keeper]);
    wait_until("the account's right", || {
        let said = bed.admin.portcullis(&as_keeper);
        let told = said.succeeded && said.output.contains("oidc:dana@example.com");
        told.then_some(()).ok_or(said.errors)
    });
    let number = danas().next().unwrap()["session"].as_str().unwrap();
    let kill = ["sessions", "kill", number, "--reason", "end of the shift"];
    assert!(!frank.portcullis(&kill).succeeded);
    let tail = ["sessions", "tail", number, "--reason", "a look"];
    frank
        .portcullis(&tail)
        .must_be_refused("not every proxy answered");
    let mut following = Following::start(&erin, &[&tail[..], &["--output=json"]].concat());
    assert_eq!(following.line()["session"]["session"], number);
    for session in &mut sessions {
        assert_eq!(session.ask("select 'a look'"), "a look");
    }
    let operation = following.line();
    let text = operation["operation"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("select 'a look'"), "{operation}");
    let said = erin.portcullis(&kill).must_succeed();
    assert_eq!(said, format!("{number} is ended\n"));
    assert_eq!(following.last()["over"], true);
    let answers: Vec<String> = sessions.iter_mut().map(|it| it.ask("select 1")).collect();
    let ended = answers
        .iter()
        .filter(|answer| answer.contains("end of the shift"));
    let goes_on = answers.iter().filter(|answer| *answer == "1");
    assert_eq!((ended.count(), goes_on.count()), (1, 1), "{answers:?}");
    let left = json_of(&erin, &["sessions", "list", "--open"]);
    assert!(!left.to_string().contains(number), "{left}");
    erin.portcullis(&kill)
        .must_be_refused("no proxy tells of an open session");
}

/// A command that tells lines of JSON until it ends.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn start(who: &Kubectl, arguments: &[&str]) -> Self {
        let mut command = who.program(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> Value {
        let line = self.lines.next().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn last(mut self) -> Value {
        let last = self.lines.by_ref().last().unwrap().unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&last).unwrap()
    }
}
