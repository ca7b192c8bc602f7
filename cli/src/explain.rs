//! `portcullis explain`: what would happen to a statement, and why.
//!
//! There is no server to look names up in, so every relation that the statement names is taken for
//! an ordinary table; the answer lists those assumptions. Masks and limits are not judged, and the
//! answer says so.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_crds::ConnectionClass;
use portcullis_crds::document::Documents;
use portcullis_crds::lower::credential;
use portcullis_crds::lower::documents::{LoweredDocument, classes, lower_all};
use portcullis_dialect::sql::assume::assume;
use portcullis_dialect::sql::parser::STACK_SIZE;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{Analysis, analyse};
use portcullis_policy::explain::{
    Explanation, FieldExplanation, PolicyExplanation, RuleExplanation,
};
use portcullis_policy::rule::ObjectName;
use portcullis_policy::snapshot::SnapshotParts;
use portcullis_policy::{
    Access, Operation, Request, Resource, SessionFacts, Snapshot, Subject, Verdict,
};
use serde_json::{Map, Value, json};

use crate::args::Explain;
use crate::documents::read;
use crate::output::{Tone, for_machines, say, tinted, visible};
use crate::reviews::{self, Called};
use crate::{Done, Failed};

/// What would need a server, or a session that has done something already.
const NOT_JUDGED: &str = "not judged here: masks and limits; a statement that is allowed by the \
                          rules may still be refused for what it does with masked columns, or for \
                          a limit";

/// The role that stands in where no Secret of the directory names one.
const ROLE: &str = "portcullis";

/// What is judged: a Connection with all that bears on it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) name: ObjectName,
    pub(crate) parts: SnapshotParts,
    /// The role that sessions would log in with, where it is known.
    pub(crate) role: Option<String>,
    pub(crate) classes: Vec<ConnectionClass>,
    /// What is told beside the judgement, for people and for machines.
    pub(crate) aside: Vec<String>,
}

pub(crate) fn run(directory: &Path, args: &Explain) -> Done {
    let found = read(directory)?;
    if !found.errors.is_empty() {
        return Err(format!(
            "{} errors in {}; `portcullis validate` names them",
            found.errors.len(),
            directory.display()
        )
        .into());
    }
    let documents = found.documents;
    let classes = classes(&documents);
    let lowered = lower_all(&documents, &classes, 1, &documents);
    let chosen = choose(lowered, args.connection.as_deref())?;
    let judged = Judged {
        name: chosen.name(),
        role: role(&chosen, &documents),
        parts: chosen.lowered.parts,
        classes: documents.connection_classes.clone(),
        aside: Vec::new(),
    };
    let username = args.user.clone().unwrap_or_default();
    judge(judged, subject(args, username, args.groups.clone())?, args)
}

/// Judges the statement, and tells of it.
pub(crate) fn judge(judged: Judged, subject: Subject, args: &Explain) -> Done {
    let name = judged.name.to_string();
    let database = judged.parts.connection.database.clone();
    let snapshot = Snapshot::compile(judged.parts)
        .map_err(|errors| format!("{name} does not compile: {}", listed(&errors)))?;
    let role = args.role.clone().or(judged.role);
    let role = role.unwrap_or_else(|| ROLE.to_owned());
    let told = told(&args.statement, database.unwrap_or_default(), role)?;
    let unreviewed = reviews::lacking(&told.called, args, &judged.classes)?;
    let subject = Arc::new(subject);
    #[allow(
        clippy::disallowed_methods,
        reason = "the question is what would happen now"
    )]
    let now = SystemTime::now();
    let session = SessionFacts {
        id: "explain".to_owned(),
        client_address: "127.0.0.1".to_owned(),
        started_at: now,
    };
    let admission = snapshot.admit(&subject, &session, now);
    let (decision, explanation) = snapshot.explain(&Request {
        subject: &subject,
        session: &session,
        operation: &told.analysis.operation,
        now,
    });
    let allowed = decision.is_allowed() && admission.refusal.is_none();
    let value = json!({
        "connection": name,
        "subject": { "username": subject.username, "groups": subject.groups },
        "revision": snapshot.revision(),
        "admitted": admission.refusal.is_none(),
        "admissionRefusal": admission.refusal.as_ref().map(ToString::to_string),
        "verdict": decision.verdict.to_string(),
        "reason": decision.reason.as_ref().map(ToString::to_string),
        "remediation": decision.reason.as_ref().map(|reason| reason.remediation.to_string()),
        "operation": operation(&told.analysis.operation),
        "assumedTables": told.assumed,
        "unreviewedFunctions": reviews::for_machines(&unreviewed),
        "notJudged": ["masks", "limits"],
        "aside": judged.aside,
        "policies": explanation.policies.iter().map(policy).collect::<Vec<_>>(),
    });
    if !for_machines(args.output, &value)? {
        let refusal = admission.refusal.as_ref();
        let refused = tinted(Tone::Bad, "Refused");
        say(refusal.map(|refusal| format!("{refused}: no session opens: {refusal}")))?;
        say(lines(&decision.verdict, &explanation, &told))?;
        let aside = judged.aside.iter();
        say(aside.map(|word| tinted(Tone::Faint, &visible(word))))?;
        say(reviews::lines(&unreviewed))?;
    }
    Ok(ExitCode::from(u8::from(!allowed)))
}

/// What the statement means.
struct Told {
    analysis: Analysis,
    assumed: Vec<String>,
    called: Vec<Called>,
}

/// Analyses on a stack of its own: the parser needs a large one.
fn told(statement: &str, database: String, role: String) -> Result<Told, Failed> {
    let text = statement.to_owned();
    let analysing = std::thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(move || {
            let settings = Settings::new(database, &role);
            let assumed = assume(&text, &settings)?;
            let analysis = analyse(&text, &settings, &assumed.catalogue, &Prepared::default())?;
            Ok::<_, portcullis_dialect::sql::Refused>(Told {
                analysis,
                assumed: assumed.tables.iter().map(ToString::to_string).collect(),
                called: assumed.functions,
            })
        })?;
    match analysing.join() {
        Ok(told) => {
            Ok(told.map_err(|refused| format!("the statement would be refused: {refused}"))?)
        }
        Err(_) => Err("the analysis failed".into()),
    }
}

/// The role that sessions would log in with.
fn role(chosen: &LoweredDocument<'_>, documents: &Documents) -> Option<String> {
    let secret = |namespace: &str, name: &str| documents.secret(namespace, name);
    let lowered = chosen.lowered.connection.as_ref()?;
    let found = credential::find(chosen.connection, lowered, secret).ok()?;
    Some(found.username.to_owned())
}

fn choose<'d>(
    lowered: Vec<LoweredDocument<'d>>,
    wanted: Option<&str>,
) -> Result<LoweredDocument<'d>, Failed> {
    let names: Vec<String> = lowered.iter().map(|one| one.name().to_string()).collect();
    let mut fitting = lowered.into_iter().filter(|document| {
        let name = document.name();
        wanted.is_none_or(|wanted| wanted == name.to_string() || *wanted == *name.name)
    });
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("no such Connection; there are: {}", names.join(", ")).into()),
        (Some(_), Some(_)) => {
            Err(format!("which Connection? --connection {}", names.join(" | ")).into())
        }
    }
}

/// A subject of this name, with the claims that are given.
pub(crate) fn subject(
    args: &Explain,
    username: String,
    groups: Vec<String>,
) -> Result<Subject, Failed> {
    let mut claims = Map::new();
    for claim in &args.claims {
        let (name, value) = claim
            .split_once('=')
            .ok_or_else(|| format!("--claim {claim}: write name=value"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        claims.insert(name.to_owned(), value);
    }
    Ok(Subject {
        username,
        groups,
        claims,
        ..Subject::default()
    })
}

// === for machines ===

fn operation(operation: &Operation) -> Value {
    json!({
        "effect": operation.effect.as_str(),
        "verb": operation.verb,
        "flags": operation.flags.iter().map(|flag| flag.as_str()).collect::<Vec<_>>(),
        "attributes": *operation.attributes,
        "accesses": operation.accesses.iter().map(access).collect::<Vec<_>>(),
    })
}

fn policy(policy: &PolicyExplanation) -> Value {
    json!({
        "name": policy.name.to_string(),
        "binds": policy.binds,
        "enforcement": format!("{:?}", policy.enforcement),
        "verdict": policy.verdict.to_string(),
        "byDefault": policy.by_default,
        "rules": policy.rules.iter().map(|rule| json!({
            "name": *rule.name,
            "applies": rule.applies,
            "verdict": rule.verdict.to_string(),
            "match": rule.matching.iter().map(field).collect::<Vec<_>>(),
            "unless": rule.unless.as_ref().map(|fields| fields.iter().map(field).collect::<Vec<_>>()),
        })).collect::<Vec<_>>(),
    })
}

fn field(field: &FieldExplanation) -> Value {
    json!({"field": field.field, "holds": field.holds, "because": field.because})
}

fn access(access: &Access) -> String {
    let resource = match &access.resource {
        Resource::Named { kind, segments } => {
            let joint = kind.separator().map(String::from).unwrap_or_default();
            format!("{}:{}", kind.as_str(), segments.join(&joint))
        }
        Resource::Unresolved { kind } => format!("{}:?", kind.as_str()),
    };
    format!("{} {resource}", access.effect.as_str())
}

// === for people ===

fn lines(verdict: &Verdict, explanation: &Explanation, told: &Told) -> Vec<String> {
    let tone = match verdict {
        Verdict::Allow => Tone::Good,
        Verdict::Hold(_) => Tone::Waiting,
        Verdict::Deny => Tone::Bad,
    };
    let mut lines = vec![tinted(tone, &verdict.to_string())];
    if let Some(reason) = &explanation.reason {
        lines.push(format!("  {reason}"));
        lines.push(format!("  {}", reason.remediation));
    }
    let operation = &told.analysis.operation;
    let effect = tinted(Tone::Bold, operation.effect.as_str());
    lines.extend([String::new(), format!("{effect} {}", operation.verb)]);
    let accesses = operation.accesses.iter();
    lines.extend(accesses.map(|one| format!("  {}", access(one))));
    let flags = operation.flags.iter();
    lines.extend(flags.map(|flag| format!("  flag {}", flag.as_str())));
    if !told.assumed.is_empty() {
        let assumed = format!("taken for ordinary tables: {}", told.assumed.join(", "));
        lines.push(format!("  {}", tinted(Tone::Faint, &assumed)));
    }
    for part in &explanation.baseline {
        let lifted = match &part.lifted_by {
            Some((policy, rule)) => format!(", lifted by {policy}, rule {rule}"),
            None => String::new(),
        };
        lines.extend([String::new(), format!("baseline {}{lifted}", part.rule)]);
    }
    lines.extend(explanation.policies.iter().flat_map(policy_lines));
    lines.extend([String::new(), tinted(Tone::Faint, NOT_JUDGED)]);
    lines
}

fn policy_lines(policy: &PolicyExplanation) -> Vec<String> {
    let how = match (policy.binds, policy.by_default) {
        (false, _) => "does not bind this subject".to_owned(),
        (true, true) => format!("{} by default", policy.verdict),
        (true, false) => policy.verdict.to_string(),
    };
    let name = tinted(Tone::Bold, &policy.name.to_string());
    let mut lines = vec![
        String::new(),
        format!("{name} ({:?}): {how}", policy.enforcement),
    ];
    lines.extend(policy.rules.iter().flat_map(rule_lines));
    lines
}

fn rule_lines(rule: &RuleExplanation) -> Vec<String> {
    let mark = if rule.applies {
        "applies"
    } else {
        "does not apply"
    };
    let mut lines = vec![format!("  {} ({}): {mark}", rule.name, rule.verdict)];
    let unless = rule.unless.iter().flatten().map(|field| ("unless ", field));
    let fields = rule.matching.iter().map(|field| ("", field)).chain(unless);
    lines.extend(fields.map(|(word, field)| {
        let (tone, holds) = match field.holds {
            true => (Tone::Good, "yes"),
            false => (Tone::Faint, "no"),
        };
        let holds = tinted(tone, holds);
        format!("    {word}{}: {holds} ({})", field.field, field.because)
    }));
    lines
}

fn listed(errors: &[impl ToString]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
