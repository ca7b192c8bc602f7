//! The walk: allowed, masked, denied, cut, held and approved, followed by a policy edit under an
//! open session, and the record of all of it.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::house::House;
use super::step::{Expected, heading, run, said, shown};
use crate::Failed;
use crate::socket::ask;

/// How often, and how many times, is looked for a request that waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOK_TIMES: u32 = 200;

/// What one statement should show.
struct Statement<'s> {
    title: &'s str,
    sql: &'s [&'s str],
    expected: Expected<'s>,
}

const BEFORE: [Statement<'static>; 6] = [
    Statement {
        title: "Reading is allowed",
        sql: &["SELECT status, count(*), sum(amount) FROM orders GROUP BY status ORDER BY status"],
        expected: Expected {
            there: &["open", "paid", "(2 rows)"],
            absent: &["ERROR"],
        },
    },
    Statement {
        title: "Columns are masked wherever they come from: by name, through a view, inside JSON",
        sql: &[
            "SELECT id, name, email, ssn FROM customers ORDER BY id",
            "SELECT id, customer, contact FROM order_overview WHERE id <= 3 ORDER BY id",
            "SELECT row_to_json(c) FROM customers c WHERE id = 1",
        ],
        expected: Expected {
            there: &["Ada Obi", "Cleo Marin", "[redacted]"],
            absent: &["ada@example.com", "ben@example.com", "536-90-4399", "ERROR"],
        },
    },
    Statement {
        title: "What people write where it does not belong is found by its look",
        sql: &["SELECT name, notes FROM customers WHERE id = 2"],
        expected: Expected {
            there: &["by phone", "1111"],
            absent: &["4111 1111 1111 1111", "ERROR"],
        },
    },
    Statement {
        title: "A change of the schema is denied, and says so to people and to agents",
        sql: &["DROP TABLE orders", "SELECT count(*) FROM orders"],
        expected: Expected {
            there: &[
                "ERROR",
                "Agents do not change the schema",
                "PolicyDenied",
                "no-ddl",
                "1000",
            ],
            absent: &[],
        },
    },
    Statement {
        title: "So is a change of every row",
        sql: &["DELETE FROM orders WHERE 1 = 1"],
        expected: Expected {
            there: &["ERROR", "no-unbounded-changes"],
            absent: &["DELETE 1000"],
        },
    },
    Statement {
        title: "A large answer is cut, and says so",
        sql: &["SELECT id FROM orders ORDER BY id"],
        expected: Expected {
            there: &["(100 rows)", "NOTICE"],
            absent: &[" 101\n", "ERROR"],
        },
    },
];

/// Runs all of it; tells what was not as it should be.
pub(super) fn walk(house: &House) -> Result<Vec<String>, Failed> {
    let mut failures = Vec::new();
    for statement in &BEFORE {
        failures.extend(plain(house, statement)?);
    }
    failures.extend(held(house)?);
    failures.extend(edited(house)?);
    failures.extend(recorded(house)?);
    Ok(failures)
}

fn plain(house: &House, statement: &Statement<'_>) -> Result<Vec<String>, Failed> {
    heading(statement.title)?;
    let mut psql = psql(house);
    for sql in statement.sql {
        shown(&format!("psql -c \"{sql}\""))?;
        psql.args(["-c", sql]);
    }
    Ok(run(statement.title, &mut psql)?.failures(statement.expected))
}

/// One session changes a row and waits; somebody else approves it.
fn held(house: &House) -> Result<Vec<String>, Failed> {
    const TITLE: &str = "A change waits for a person";
    const SQL: &str = "UPDATE orders SET status = 'paid' WHERE id = 4";
    const REASON: &str = "the bank confirms it";
    heading(TITLE)?;
    shown(&format!("psql -c \"{SQL}\""))?;
    let waiting = psql(house)
        .args(["-c", SQL])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let name = pending(house)?;
    shown(&format!(
        "portcullis approve {name} --reason \"{REASON}\" --state …"
    ))?;
    let approve = ["approve", &name, "--reason", REASON];
    let mut command = portcullis()?;
    let approved = run(
        TITLE,
        command.args(approve).arg("--state").arg(house.state()),
    )?;
    let mut failures = approved.failures(Expected {
        there: &[&name],
        absent: &[],
    });
    let ran = said(TITLE, &waiting.wait_with_output()?)?;
    failures.extend(ran.failures(Expected {
        there: &["UPDATE 1", "NOTICE", &name],
        absent: &["ERROR"],
    }));
    Ok(failures)
}

/// The name of the request that waits.
fn pending(house: &House) -> Result<String, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for _ in 0..LOOK_TIMES {
        let answer = runtime.block_on(ask(&house.state(), &serde_json::json!({"verb": "list"})))?;
        let mut requests = answer.requests.into_iter();
        if let Some(request) = requests.find(|request| request.state == "Pending") {
            return Ok(request.name);
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "nothing else runs on this thread"
        )]
        std::thread::sleep(LOOK_EVERY);
    }
    Err("no request waits".into())
}

/// A policy is put into the directory while a session is open.
fn edited(house: &House) -> Result<Vec<String>, Failed> {
    const TITLE: &str = "An edit reaches sessions that are open";
    heading(TITLE)?;
    let policy = house.config().join("no-orders.yaml");
    shown("psql   -- one session: a query, then the edit, then the same query")?;
    let edit = format!("\\! cp {} {}", no_orders(house)?, policy.display());
    let count = "SELECT count(*) FROM orders";
    let mut psql = psql(house);
    let ran = run(
        TITLE,
        psql.args(["-c", count, "-c", &edit, "-c", "\\! sleep 2", "-c", count]),
    )?;
    std::fs::remove_file(&policy)?;
    Ok(ran.failures(Expected {
        there: &["1000", "The books are being closed", "orders-are-closed"],
        absent: &[],
    }))
}

/// The edit, ready to be copied.
fn no_orders(house: &House) -> Result<String, Failed> {
    let path = house.state().join("no-orders.yaml");
    std::fs::write(&path, include_str!("files/no-orders.yaml"))?;
    Ok(path.display().to_string())
}

fn recorded(house: &House) -> Result<Vec<String>, Failed> {
    const TITLE: &str = "All of it is recorded, and the record proves itself";
    heading(TITLE)?;
    let mut failures = Vec::new();
    let checks: [(&[&str], Expected<'_>); 2] = [
        (
            &["sessions", "list"],
            Expected {
                there: &["agent:shop-assistant", "demo/shop"],
                absent: &[],
            },
        ),
        (
            &["sessions", "verify"],
            Expected {
                there: &["intact"],
                absent: &["BROKEN"],
            },
        ),
    ];
    for (arguments, expected) in checks {
        shown(&format!("portcullis {} --state …", arguments.join(" ")))?;
        let mut command = portcullis()?;
        let ran = run(
            TITLE,
            command.args(arguments).arg("--state").arg(house.state()),
        )?;
        failures.extend(ran.failures(expected));
    }
    Ok(failures)
}

fn psql(house: &House) -> Command {
    let mut psql = house.server.psql();
    psql.args(["-X", "-d", &house.address()])
        .env("PGPASSFILE", house.password_file())
        .env("PAGER", "cat");
    psql
}

fn portcullis() -> Result<Command, Failed> {
    Ok(Command::new(std::env::current_exe()?))
}
