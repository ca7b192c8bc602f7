//! Why a decision is what it is: every policy, every rule, every field. Made only when asked.
//!
//! It asks the same questions as a decision, but all of them: it leaves out no rule that could not
//! match and stops at no answer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::baseline;
use crate::decide::Request;
use crate::decide::matching::{Examined, FIELDS, Field, How, answer};
use crate::decision::{Decision, Reason, Verdict};
use crate::expression::Expression;
use crate::operation::{Access, Operation, Resource};
use crate::rule::{Action, DefaultAction, Enforcement, ObjectName, Origin};
use crate::snapshot::compiled::{CompiledMatch, CompiledPolicy, CompiledRule};
use crate::snapshot::{Scope, Snapshot};

/// Longest value that an explanation quotes, in characters.
pub const MAX_QUOTED: usize = 120;

/// Most accesses that an explanation lists.
pub const MAX_LISTED_ACCESSES: usize = 8;

/// A decision with all that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub verdict: Verdict,
    pub reason: Option<Reason>,
    /// Why the connection as a whole refuses, where it does.
    pub closed: Option<Reason>,
    /// The parts of the baseline that the operation touches.
    pub baseline: Vec<BaselineExplanation>,
    /// Every policy, the platform's first, by name.
    pub policies: Vec<PolicyExplanation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineExplanation {
    pub rule: &'static str,
    /// The rule of a platform policy that lifts it.
    pub lifted_by: Option<(Arc<ObjectName>, Arc<str>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyExplanation {
    pub name: Arc<ObjectName>,
    pub origin: Origin,
    pub enforcement: Enforcement,
    /// Whether it binds the subject. What does not has no say.
    pub binds: bool,
    /// What it says, or would say where it does not bind or is in audit.
    pub verdict: Verdict,
    /// None of its rules spoke.
    pub by_default: bool,
    pub default: DefaultAction,
    pub rules: Vec<RuleExplanation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleExplanation {
    pub name: Arc<str>,
    pub verdict: Verdict,
    /// The match holds and `unless` does not lift it.
    pub applies: bool,
    /// The fields that the match names.
    pub matching: Vec<FieldExplanation>,
    /// The fields that `unless` names, where there is one.
    pub unless: Option<Vec<FieldExplanation>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldExplanation {
    pub field: &'static str,
    pub holds: bool,
    pub because: String,
}

// === impl Snapshot ===

impl Snapshot {
    /// The decision, and why.
    pub fn explain(&self, request: &Request<'_>) -> (Decision, Explanation) {
        let scope = self.scope(request.subject);
        let decision = self.decide_within(&scope, request);
        let at = self.examine(request);
        let policies: Vec<_> = self
            .policies
            .iter()
            .map(|policy| explain_policy(policy, &scope, &at))
            .collect();
        let closed = decision
            .reason
            .clone()
            .filter(|reason| reason.policy.is_none());
        let explanation = Explanation {
            verdict: decision.verdict,
            reason: decision.reason.clone(),
            closed,
            baseline: explain_baseline(self, &scope, &at),
            policies,
        };
        (decision, explanation)
    }
}

fn explain_baseline(
    snapshot: &Snapshot,
    scope: &Scope,
    at: &Examined<'_>,
) -> Vec<BaselineExplanation> {
    let touched = baseline::PARTS
        .iter()
        .filter(|part| at.flags.has(part.flag));
    let explained = touched.map(|part| {
        let bound = snapshot
            .policies
            .iter()
            .filter(|policy| scope.binds(policy));
        let mut rules =
            bound.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
        let lifting = rules.find(|(policy, rule)| {
            crate::decide::lifts_baseline(policy, rule.action)
                && rule.matching.flags.has(part.flag)
                && rule.applies(at)
        });
        let lifted_by =
            lifting.map(|(policy, rule)| (Arc::clone(&policy.name), Arc::clone(&rule.name)));
        BaselineExplanation {
            rule: part.rule,
            lifted_by,
        }
    });
    explained.collect()
}

fn explain_policy(policy: &CompiledPolicy, scope: &Scope, at: &Examined<'_>) -> PolicyExplanation {
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| explain_rule(rule, at))
        .collect();
    let spoken = rules
        .iter()
        .filter(|rule| rule.applies)
        .map(|rule| rule.verdict);
    let strictest = spoken.reduce(Verdict::strictest);
    let by_default = match policy.default {
        DefaultAction::Allow => Verdict::Allow,
        DefaultAction::Deny => Verdict::Deny,
    };
    PolicyExplanation {
        name: Arc::clone(&policy.name),
        origin: policy.origin,
        enforcement: policy.enforcement,
        binds: scope.binds(policy),
        verdict: strictest.unwrap_or(by_default),
        by_default: strictest.is_none(),
        default: policy.default,
        rules,
    }
}

fn explain_rule(rule: &CompiledRule, at: &Examined<'_>) -> RuleExplanation {
    let verdict = match rule.action {
        Action::Allow => Verdict::Allow,
        Action::Deny => Verdict::Deny,
        Action::RequireApproval(terms) => Verdict::Hold(terms),
    };
    let unless = rule.unless.as_ref();
    RuleExplanation {
        name: Arc::clone(&rule.name),
        verdict,
        applies: rule.applies(at),
        matching: explain_match(&rule.matching, rule.how(), at),
        unless: unless.map(|unless| explain_match(unless, rule.how_unless(), at)),
    }
}

fn explain_match(of: &CompiledMatch, how: How<'_>, at: &Examined<'_>) -> Vec<FieldExplanation> {
    let named = FIELDS.iter().filter(|field| of.names(**field));
    let explained = named.map(|field| {
        let holds = of.holds(*field, how, at);
        let because = because(of, *field, holds, how, at);
        FieldExplanation {
            field: word(*field),
            holds,
            because,
        }
    });
    explained.collect()
}

// === reasons ===

fn word(field: Field) -> &'static str {
    match field {
        Field::Accesses => "effects and resources",
        Field::Flags => "flags",
        Field::Verbs => "verbs",
        Field::Attributes => "attributes",
        Field::Text => "text",
        Field::Expression => "expression",
    }
}

fn because(
    of: &CompiledMatch,
    field: Field,
    holds: bool,
    how: How<'_>,
    at: &Examined<'_>,
) -> String {
    if let (Field::Expression, Some(expression)) = (field, &of.source.expression) {
        return explain_expression(expression, holds, how, at);
    }
    let side = if holds {
        "counts as matched"
    } else {
        "counts as not matched"
    };
    if at.unknown {
        return format!("the effect of the operation is Unknown, which {side} here");
    }
    let operation = at.operation;
    match field {
        Field::Accesses => explain_accesses(of, holds, how, operation),
        Field::Flags => format!("the operation has {}", list(operation.flags.iter())),
        Field::Verbs => explain_verbs(how, operation),
        Field::Attributes => {
            let told = of.source.attributes.keys().map(|name| {
                let values = operation.attributes.get(name);
                let values = values.map_or("absent".to_owned(), |values| {
                    list(values.iter().map(|value| quoted(value)))
                });
                format!("{name} is {values}")
            });
            told.collect::<Vec<_>>().join("; ")
        }
        Field::Text if of.text.iter().all(|place| at.text_has(*place).is_none()) => {
            "the patterns take too long on this text, and what cannot be told counts against it"
                .to_owned()
        }
        Field::Text | Field::Expression => match holds {
            true => "a pattern is found in the text".to_owned(),
            false => "no pattern is found in the text".to_owned(),
        },
    }
}

fn explain_verbs(how: How<'_>, operation: &Operation) -> String {
    let verbs: BTreeSet<&str> = operation.verbs().collect();
    if verbs.len() < 2 {
        return format!("the verb is {}", quoted(&operation.verb));
    }
    let asked = match how {
        How::Restrict => "any of them counts",
        How::Permit | How::Cover(_) => "all of them count",
    };
    format!("the verbs are {}, and {asked}", list(verbs.into_iter()))
}

fn explain_accesses(
    of: &CompiledMatch,
    holds: bool,
    how: How<'_>,
    operation: &Operation,
) -> String {
    let asked = match how {
        How::Restrict => "any access counts",
        How::Permit => "all accesses and the operation's own effect count",
        How::Cover(_) => "all that the rule matched counts",
    };
    let wanted = match (of.source.effects.is_empty(), of.source.resources.is_empty()) {
        (true, _) => list(of.source.resources.iter()),
        (_, true) => list(of.source.effects.iter()),
        _ => format!(
            "{} on {}",
            list(of.source.effects.iter()),
            list(of.source.resources.iter())
        ),
    };
    let found = match operation.accesses.len() {
        0 => "no access".to_owned(),
        count => {
            let listed = operation
                .accesses
                .iter()
                .take(MAX_LISTED_ACCESSES)
                .map(access);
            let listed = listed.collect::<Vec<_>>().join(", ");
            let more = count.saturating_sub(MAX_LISTED_ACCESSES);
            if more > 0 {
                format!("{listed} and {more} more")
            } else {
                listed
            }
        }
    };
    let answer = if holds { "satisfied" } else { "not satisfied" };
    format!(
        "{wanted}: {answer}; the operation is {} with {found}, and {asked}",
        operation.effect
    )
}

fn explain_expression(
    expression: &Expression,
    holds: bool,
    how: How<'_>,
    at: &Examined<'_>,
) -> String {
    let side = if holds { "matched" } else { "not matched" };
    if at.unknown && expression.mentions_operation() {
        return format!(
            "it asks about an operation of Unknown effect, which counts as {side} here"
        );
    }
    match answer(expression, how, at) {
        Some(answer) => format!("it is {answer}"),
        None => {
            let failure = at.evaluation.ask(expression).err().unwrap_or_default();
            format!("it failed, which counts as {side} here: {failure}")
        }
    }
}

fn access(access: &Access) -> String {
    match &access.resource {
        Resource::Named { kind, segments } => {
            let separator = kind.separator().map(String::from).unwrap_or_default();
            format!(
                "{} {kind}:{}",
                access.effect,
                quoted(&segments.join(&separator))
            )
        }
        Resource::Unresolved { kind } => {
            format!("{} a {kind} that could not be told by name", access.effect)
        }
    }
}

fn list(items: impl Iterator<Item = impl fmt::Display>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    match items.is_empty() {
        true => "none".to_owned(),
        false => quoted(&items.join(", ")),
    }
}

/// Cut to what one line bears, with control characters made visible.
fn quoted(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_QUOTED)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        shown.push('…');
    }
    shown
}

// === Display ===

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.verdict)?;
        if let Some(reason) = &self.reason {
            writeln!(f, "  {reason}")?;
        }
        for part in &self.baseline {
            match &part.lifted_by {
                Some((policy, rule)) => {
                    writeln!(
                        f,
                        "  baseline {}: lifted by {policy}, rule {rule}",
                        part.rule
                    )?;
                }
                None => writeln!(f, "  baseline {}: Deny", part.rule)?,
            }
        }
        self.policies.iter().try_for_each(|policy| policy.fmt(f))
    }
}

impl fmt::Display for PolicyExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  policy {} ({}, {})",
            self.name, self.origin, self.enforcement
        )?;
        if !self.binds {
            return writeln!(f, ": does not bind this subject");
        }
        match self.by_default {
            true => writeln!(f, ": {} by default", self.verdict)?,
            false => writeln!(f, ": {}", self.verdict)?,
        }
        self.rules.iter().try_for_each(|rule| rule.fmt(f))
    }
}

impl fmt::Display for RuleExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applies = if self.applies {
            "applies"
        } else {
            "does not apply"
        };
        writeln!(f, "    rule {} ({}): {applies}", self.name, self.verdict)?;
        write_fields(f, "match", &self.matching)?;
        self.unless
            .iter()
            .try_for_each(|unless| write_fields(f, "unless", unless))
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, of: &str, fields: &[FieldExplanation]) -> fmt::Result {
    if fields.is_empty() {
        return writeln!(f, "      {of}: names no field, so everything matches");
    }
    fields.iter().try_for_each(|field| {
        let sign = if field.holds { "yes" } else { "no" };
        writeln!(f, "      {of} {}: {sign}, {}", field.field, field.because)
    })
}
