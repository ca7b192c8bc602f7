//! Our own walk over a parsed expression: names, types, literals and cost, before anything runs.
//!
//! It also rewrites what the evaluator gets wrong or does dearly: a declared field becomes one
//! variable (no copy of the whole record), and a selection from a value of unknown type becomes an
//! index, which fails on what is not a map where a selection would say `false`.

use kube_cel::cel::common::ast::operators as op;
use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr};
use kube_cel::cel::parser::Expression as Node;

use super::cost::{self, Meter};
use super::declared::{
    ACCESS_FIELDS, Argument, FUNCTIONS, MACROS, METHODS, Method, Roots, Type, VARIABLES, Words,
    has_size,
};
use super::literal;
use crate::matcher::TextPattern;

/// Where in the tree, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) id: u64,
    pub(super) reason: String,
}

/// What the walk found out.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The variables that are read.
    pub(super) roots: Roots,
    /// Those of them that loops run over, or over what is in them.
    pub(super) iterated: Roots,
    /// Patterns of `matches` and `find`.
    pub(super) patterns: Vec<TextPattern>,
    pub(super) cost: u64,
}

/// A value that is known by type only.
#[derive(Debug, Clone)]
struct Known {
    ty: Type,
    /// The variables that it is made from.
    roots: Roots,
    /// Most bytes, where it is a string.
    bytes: u64,
    /// Most elements, where it is a list or a map.
    elements: u64,
}

/// Walks `expression`, rewrites it, and says what it found.
pub(super) fn check(expression: &mut Node) -> Result<Findings, Refusal> {
    let mut walk = Walk {
        scope: Vec::new(),
        findings: Findings::default(),
        meter: Meter::new(),
        depth: 0,
    };
    let result = walk.visit(expression)?;
    if !matches!(result.ty, Type::Bool | Type::Dyn) {
        return Err(refuse(
            expression.id,
            format!("this gives a {}; a condition is a bool", result.ty),
        ));
    }
    walk.findings.cost = walk
        .meter
        .total()
        .map_err(|reason| refuse(expression.id, reason))?;
    Ok(walk.findings)
}

/// Deepest tree of an expression. Evaluation recurses, and takes some 35 KiB of stack for each level
/// in a debug build.
pub const MAX_EXPRESSION_DEPTH: usize = 32;

struct Walk {
    /// The loops' own names, innermost last.
    scope: Vec<(String, Known)>,
    findings: Findings,
    meter: Meter,
    depth: usize,
}

// === impl Walk ===

impl Walk {
    fn visit(&mut self, node: &mut Node) -> Result<Known, Refusal> {
        self.depth += 1;
        if self.depth > MAX_EXPRESSION_DEPTH {
            let reason = format!("the expression is more than {MAX_EXPRESSION_DEPTH} levels deep");
            return Err(refuse(node.id, reason));
        }
        let known = self.visit_one(node);
        self.depth -= 1;
        known
    }

    fn visit_one(&mut self, node: &mut Node) -> Result<Known, Refusal> {
        let id = node.id;
        if let Some(known) = self.declared_field(node)? {
            return Ok(known);
        }
        self.meter.node();
        match &mut node.expr {
            Expr::Literal(value) => known_literal(id, value),
            Expr::Ident(name) => self.name(id, name),
            Expr::Select(select) => {
                let known = self.select(id, select)?;
                self.rewrite_select(node, &known);
                Ok(known.0)
            }
            Expr::Call(call) => self.call(id, call),
            Expr::List(list) => {
                let mut elements = Known::of(Type::Nothing);
                for element in &mut list.elements {
                    let element_id = element.id;
                    let known = self.visit(element)?;
                    elements = elements
                        .join(known)
                        .ok_or_else(|| refuse(element_id, "a list holds values of one type"))?;
                }
                let count = list.elements.len() as u64;
                Ok(Known {
                    ty: Type::List(Box::new(elements.ty)),
                    elements: count,
                    ..elements
                })
            }
            Expr::Comprehension(loop_) => self.comprehension(id, loop_),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(refuse(id, "maps and messages cannot be written here"))
            }
        }
    }

    /// `subject.username`, and `has(subject.actor)`: one variable each.
    fn declared_field(&mut self, node: &mut Node) -> Result<Option<Known>, Refusal> {
        let Expr::Select(select) = &node.expr else {
            return Ok(None);
        };
        let Expr::Ident(root) = &select.operand.expr else {
            return Ok(None);
        };
        if self.scope.iter().any(|(name, _)| name == root) || !is_root(root) {
            return Ok(None);
        }
        let fields = || VARIABLES.iter().filter(|variable| variable.root() == root);
        let found = VARIABLES.iter().enumerate().find(|(_, variable)| {
            variable.root() == root && variable.field() == Some(select.field.as_str())
        });
        let Some((index, variable)) = found else {
            let listed: Vec<_> = fields().filter_map(|variable| variable.field()).collect();
            let reason = match listed.is_empty() {
                true => format!("`{root}` has no fields"),
                false => {
                    format!(
                        "`{root}` has no field `{}`; it has {}",
                        select.field,
                        listed.join(", ")
                    )
                }
            };
            return Err(refuse(node.id, reason));
        };
        if select.test && !variable.optional {
            return Err(refuse(
                node.id,
                format!("`{}` is always there", variable.path),
            ));
        }
        self.meter.node();
        self.findings.roots = self.findings.roots.with(Roots::one(index));
        let (name, ty) = match select.test {
            true => (presence(variable.path), Type::Bool),
            false => (variable.path.to_owned(), (variable.type_of)()),
        };
        node.expr = Expr::Ident(name);
        let bytes = cost::bytes_of(variable.path);
        Ok(Some(Known {
            roots: Roots::one(index),
            bytes,
            ..Known::of(ty)
        }))
    }

    fn name(&mut self, id: u64, name: &str) -> Result<Known, Refusal> {
        if let Some((_, known)) = self.scope.iter().rev().find(|(scoped, _)| scoped == name) {
            return Ok(known.clone());
        }
        let found = VARIABLES
            .iter()
            .enumerate()
            .find(|(_, variable)| variable.path == name);
        if let Some((index, variable)) = found {
            self.findings.roots = self.findings.roots.with(Roots::one(index));
            return Ok(Known {
                roots: Roots::one(index),
                ..Known::of((variable.type_of)())
            });
        }
        if is_root(name) {
            return Err(refuse(
                id,
                format!("`{name}` is read field by field: `{name}.…`"),
            ));
        }
        let mut roots: Vec<_> = VARIABLES.iter().map(|variable| variable.root()).collect();
        roots.dedup();
        Err(refuse(
            id,
            format!("there is no `{name}`; there are {}", roots.join(", ")),
        ))
    }

    /// What a selection gives, and whether its operand's type is unknown.
    fn select(&mut self, id: u64, select: &mut SelectExpr) -> Result<(Known, bool), Refusal> {
        let operand = self.visit(&mut select.operand)?;
        let field = select.field.as_str();
        let (ty, unknown) = match &operand.ty {
            Type::Dyn => (Type::Dyn, true),
            Type::Map(of) => ((**of).clone(), false),
            Type::Access => {
                let found = ACCESS_FIELDS.iter().find(|known| known.path == field);
                let Some(variable) = found else {
                    let listed: Vec<_> = ACCESS_FIELDS.iter().map(|known| known.path).collect();
                    let listed = listed.join(", ");
                    return Err(refuse(
                        id,
                        format!("an access has no field `{field}`; it has {listed}"),
                    ));
                };
                if select.test && !variable.optional {
                    return Err(refuse(id, format!("`{field}` is always there")));
                }
                ((variable.type_of)(), false)
            }
            other => return Err(refuse(id, format!("a {other} has no fields"))),
        };
        let ty = if select.test { Type::Bool } else { ty };
        let listed = match operand.ty {
            Type::Access => cost::MAX_PATH_READ,
            _ => cost::MAX_LISTED,
        };
        let selected = Known {
            ty,
            elements: listed as u64,
            ..operand.element()
        };
        self.meter.copy(selected.copied());
        Ok((selected, unknown))
    }

    fn rewrite_select(&self, node: &mut Node, known: &(Known, bool)) {
        let Expr::Select(select) = &mut node.expr else {
            return;
        };
        if !known.1 {
            return;
        }
        let operand = std::mem::take(&mut *select.operand);
        let field = Expr::Literal(LiteralValue::String(select.field.as_str().into()));
        let function = if select.test { HAS_FIELD } else { op::INDEX };
        node.expr = Expr::Call(CallExpr {
            func_name: function.to_owned(),
            target: None,
            args: vec![
                operand,
                Node {
                    id: node.id,
                    expr: field,
                },
            ],
        });
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Result<Known, Refusal> {
        if call.target.is_none() {
            if let Some(known) = self.operator(id, call)? {
                return Ok(known);
            }
        }
        let name = call.func_name.clone();
        let namespaced = match call.target.as_deref() {
            Some(Node {
                expr: Expr::Ident(prefix),
                ..
            }) => {
                let full = format!("{prefix}.{name}");
                FUNCTIONS.iter().find(|function| function.name == full)
            }
            _ => None,
        };
        if let Some(function) = namespaced {
            return self.arguments(id, function, &mut call.args, Known::of(Type::Nothing));
        }
        match call.target.as_deref_mut() {
            None => {
                let found = FUNCTIONS.iter().find(|function| function.name == name);
                let function = found.ok_or_else(|| no_function(id, &name))?;
                self.arguments(id, function, &mut call.args, Known::of(Type::Nothing))
            }
            Some(target) => {
                let on = self.visit(target)?;
                let named = || METHODS.iter().filter(|method| method.name == name);
                let found = named().find(|method| {
                    (method.on)(&on.ty) && call.args.len() <= method.arguments.len()
                });
                match (found, named().next()) {
                    (Some(method), _) => self.arguments(id, method, &mut call.args, on),
                    (None, Some(method)) => {
                        let reason = format!("`{}` is not for a {}", method.shape, on.ty);
                        Err(refuse(id, reason))
                    }
                    (None, None) => Err(no_function(id, &name)),
                }
            }
        }
    }

    fn arguments(
        &mut self,
        id: u64,
        method: &Method,
        arguments: &mut [Node],
        on: Known,
    ) -> Result<Known, Refusal> {
        let most = method.arguments.len();
        if arguments.len() > most || arguments.len() + method.optional < most {
            return Err(refuse(id, format!("write `{}`", method.shape)));
        }
        let mut all = on;
        let scans = method.arguments.contains(&Argument::Pattern);
        self.meter.call(all.copied(), scans);
        for (argument, expected) in arguments.iter_mut().zip(method.arguments) {
            let known = self.argument(argument, *expected, method)?;
            self.meter.call(known.copied(), false);
            all.roots = all.roots.with(known.roots);
        }
        let elements = cost::MAX_ITERATED as u64;
        Ok(Known {
            ty: (method.result)(),
            roots: all.roots,
            bytes: all.bytes,
            elements,
        })
    }

    fn argument(
        &mut self,
        node: &mut Node,
        expected: Argument,
        method: &Method,
    ) -> Result<Known, Refusal> {
        let id = node.id;
        let known = self.visit(node)?;
        let fits = match expected {
            Argument::Any if matches!(method.name, "size") => has_size(&known.ty),
            Argument::Any => matches!(known.ty, Type::String | Type::Int | Type::Dyn),
            Argument::Int => matches!(known.ty, Type::Int | Type::Dyn),
            Argument::List => matches!(known.ty, Type::List(_) | Type::Dyn),
            _ => matches!(known.ty, Type::String | Type::Word(_) | Type::Dyn),
        };
        if !fits {
            return Err(refuse(
                id,
                format!("`{}` takes no {}", method.shape, known.ty),
            ));
        }
        if matches!(
            expected,
            Argument::String | Argument::Int | Argument::List | Argument::Any
        ) {
            return Ok(known);
        }
        let Expr::Literal(LiteralValue::String(text)) = &node.expr else {
            let reason = "must be written here as a string, so that it can be checked beforehand";
            return Err(refuse(
                id,
                format!("the argument of `{}` {reason}", method.shape),
            ));
        };
        let text = text.inner();
        match expected {
            Argument::Pattern => match TextPattern::parse(text) {
                Ok(pattern) => self.findings.patterns.push(pattern),
                Err(error) => return Err(refuse(id, error.to_string())),
            },
            Argument::Zone => literal::zone(text)
                .map(|_| ())
                .map_err(|reason| refuse(id, reason))?,
            Argument::Network => literal::network(text).map_err(|reason| refuse(id, reason))?,
            Argument::Time => literal::time(text)
                .map(|_| ())
                .map_err(|reason| refuse(id, reason))?,
            Argument::Duration => literal::duration(text)
                .map(|_| ())
                .map_err(|reason| refuse(id, reason))?,
            _ => {}
        }
        Ok(known)
    }

    fn comprehension(&mut self, id: u64, of: &mut ComprehensionExpr) -> Result<Known, Refusal> {
        let range = self.visit(&mut of.iter_range)?;
        let element = match &range.ty {
            Type::List(element) => (**element).clone(),
            Type::Map(_) => Type::String,
            Type::Dyn => Type::Dyn,
            other => {
                return Err(refuse(
                    id,
                    format!("a loop runs over a list, not over a {other}"),
                ));
            }
        };
        if is_root(&of.iter_var)
            || self.scope.iter().any(|(name, _)| *name == of.iter_var)
            || FUNCTIONS
                .iter()
                .any(|known| known.name.split('.').next() == Some(of.iter_var.as_str()))
        {
            return Err(refuse(
                id,
                format!("`{}` already means something else", of.iter_var),
            ));
        }
        self.findings.iterated = self.findings.iterated.with(range.roots);
        let literal = matches!(of.iter_range.expr, Expr::List(_));
        let rounds = if literal {
            range.elements
        } else {
            cost::MAX_ITERATED as u64
        };
        if rounds > cost::MAX_ITERATED as u64 {
            return Err(refuse(
                id,
                format!("a loop runs over at most {} values", cost::MAX_ITERATED),
            ));
        }
        let start = self.visit(&mut of.accu_init)?;
        self.meter
            .enter(rounds)
            .map_err(|reason| refuse(id, reason))?;
        self.meter.copy(weight(&element));
        let outer = self.scope.len();
        self.scope.push((
            of.accu_var.clone(),
            Known {
                roots: range.roots,
                elements: rounds,
                ..start
            },
        ));
        // The accumulator of an outer loop has the same name, and is hidden by this one.
        self.scope.push((
            of.iter_var.clone(),
            Known {
                ty: element,
                ..range.element()
            },
        ));
        self.visit(&mut of.loop_cond)?;
        let step = self.visit(&mut of.loop_step)?;
        if let Some((_, accumulator)) = self.scope.get_mut(outer) {
            *accumulator = step;
        }
        self.meter.leave();
        let result = self.visit(&mut of.result)?;
        self.scope.truncate(outer);
        Ok(Known {
            elements: cost::MAX_ITERATED as u64,
            ..result
        })
    }

    /// What an operator gives; `None` where the call is of no operator.
    fn operator(&mut self, id: u64, call: &mut CallExpr) -> Result<Option<Known>, Refusal> {
        let name = call.func_name.clone();
        let is_operator = name.contains('_') && !name.contains(|c: char| c.is_ascii_lowercase());
        if !(is_operator || name == op::IN || name == op::NOT_STRICTLY_FALSE) {
            return Ok(None);
        }
        if name == op::NEGATE {
            return match call.args.as_slice() {
                [
                    Node {
                        expr: Expr::Literal(LiteralValue::Int(_)),
                        ..
                    },
                ] => Ok(Some(Known::of(Type::Int))),
                [
                    Node {
                        expr: Expr::Literal(LiteralValue::Double(_)),
                        ..
                    },
                ] => Ok(Some(Known::of(Type::Double))),
                _ => Err(refuse(
                    id,
                    "`-` before a value is for written numbers; write `0 - …`",
                )),
            };
        }
        let mut operands = Vec::with_capacity(call.args.len());
        for argument in &mut call.args {
            operands.push(self.visit(argument)?);
        }
        let known = match operands.as_slice() {
            [one] => unary(id, &name, one)?,
            [one, two] => {
                self.meter.copy(one.copied() + two.copied());
                let [left, right] = call.args.as_slice() else {
                    return Err(refuse(id, "an operator has two sides"));
                };
                check_words(one, right)?;
                check_words(two, left)?;
                let grows = matches!(&left.expr, Expr::Ident(name) if name.starts_with('@'));
                binary(id, &name, one, two, grows, right)?
            }
            [condition, one, two] => {
                expect_bool(id, condition)?;
                let joined = one.clone().join(two.clone());
                joined.ok_or_else(|| {
                    refuse(
                        id,
                        format!("one side of `:` is a {}, the other a {}", one.ty, two.ty),
                    )
                })?
            }
            _ => return Err(refuse(id, "an operator has one, two or three operands")),
        };
        Ok(Some(known))
    }
}

// === impl Known ===

impl Known {
    fn of(ty: Type) -> Self {
        let elements = cost::MAX_LISTED as u64;
        Self {
            ty,
            roots: Roots::default(),
            bytes: cost::MAX_STRING as u64,
            elements,
        }
    }

    /// What is in it.
    fn element(&self) -> Self {
        Self {
            bytes: cost::MAX_STRING as u64,
            elements: cost::MAX_LISTED as u64,
            ..self.clone()
        }
    }

    fn join(self, other: Self) -> Option<Self> {
        Some(Self {
            ty: self.ty.join(other.ty)?,
            roots: self.roots.with(other.roots),
            bytes: self.bytes.max(other.bytes),
            elements: self.elements.max(other.elements),
        })
    }

    /// How many bytes a copy of it may take.
    fn copied(&self) -> u64 {
        match &self.ty {
            Type::String => self.bytes,
            Type::List(of) | Type::Map(of) => self.elements.saturating_mul(weight(of)),
            other => weight(other),
        }
    }
}

/// What a copy of a value of this type is taken to weigh, in bytes.
fn weight(of: &Type) -> u64 {
    match of {
        Type::Access => cost::ACCESS_BYTES,
        Type::Dyn | Type::List(_) | Type::Map(_) => cost::DYNAMIC_BYTES,
        _ => cost::SCALAR_BYTES,
    }
}

// === rules of operators ===

/// The name of the function that `has(…)` on a value of unknown type becomes.
pub(super) const HAS_FIELD: &str = "@has";

/// The variable that says whether an optional one is there.
pub(super) fn presence(path: &str) -> String {
    format!("has {path}")
}

fn refuse(id: u64, reason: impl Into<String>) -> Refusal {
    Refusal {
        id,
        reason: reason.into(),
    }
}

fn is_root(name: &str) -> bool {
    VARIABLES.iter().any(|variable| variable.root() == name)
}

fn no_function(id: u64, name: &str) -> Refusal {
    let functions = METHODS.iter().chain(FUNCTIONS).map(|method| method.name);
    let mut listed: Vec<_> = functions.chain(MACROS.iter().copied()).collect();
    listed.sort_unstable();
    listed.dedup();
    refuse(
        id,
        format!(
            "there is no function `{name}`; there are {}",
            listed.join(", ")
        ),
    )
}

fn known_literal(id: u64, value: &LiteralValue) -> Result<Known, Refusal> {
    Ok(match value {
        LiteralValue::Boolean(_) => Known::of(Type::Bool),
        LiteralValue::Int(_) => Known::of(Type::Int),
        LiteralValue::Double(number) if number.inner().fract() == 0.0 => {
            return Err(refuse(id, "write whole numbers without a point"));
        }
        LiteralValue::Double(_) => Known::of(Type::Double),
        LiteralValue::Null => Known::of(Type::Null),
        LiteralValue::String(text) => Known {
            bytes: text.inner().len() as u64,
            ..Known::of(Type::String)
        },
        LiteralValue::UInt(_) => return Err(refuse(id, "write whole numbers without `u`")),
        LiteralValue::Bytes(_) => return Err(refuse(id, "bytes cannot be written here")),
    })
}

fn expect_bool(id: u64, known: &Known) -> Result<(), Refusal> {
    match known.ty {
        Type::Bool | Type::Dyn => Ok(()),
        ref other => Err(refuse(id, format!("a bool belongs here, not a {other}"))),
    }
}

fn unary(id: u64, name: &str, operand: &Known) -> Result<Known, Refusal> {
    match name {
        op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE => {
            expect_bool(id, operand)?;
            Ok(Known {
                ty: Type::Bool,
                ..operand.clone()
            })
        }
        _ => Err(refuse(id, "this operator is not for one value")),
    }
}

/// A word that is compared with one of a closed list must be on that list.
fn check_words(of: &Known, other: &Node) -> Result<(), Refusal> {
    let words = match &of.ty {
        Type::Word(words) => *words,
        Type::List(element) => match **element {
            Type::Word(words) => words,
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    match &other.expr {
        Expr::Literal(LiteralValue::String(word)) => check_word(words, other.id, word.inner()),
        Expr::List(list) => list
            .elements
            .iter()
            .try_for_each(|element| match &element.expr {
                Expr::Literal(LiteralValue::String(word)) => {
                    check_word(words, element.id, word.inner())
                }
                _ => Ok(()),
            }),
        _ => Ok(()),
    }
}

fn check_word(words: Words, id: u64, word: &str) -> Result<(), Refusal> {
    let list = words.list();
    if list.contains(&word) {
        return Ok(());
    }
    let (what, accepted) = (words.what(), list.join(", "));
    Err(refuse(
        id,
        format!("`{word}` is no {what}; write one of: {accepted}"),
    ))
}

fn binary(
    id: u64,
    name: &str,
    one: &Known,
    two: &Known,
    grows: bool,
    right: &Node,
) -> Result<Known, Refusal> {
    let roots = one.roots.with(two.roots);
    let gives = |ty: Type| Known {
        roots,
        ..Known::of(ty)
    };
    let mismatch = || {
        let sign = name.trim_matches('_').trim_start_matches('@');
        refuse(
            id,
            format!("`{sign}` is not for a {} and a {}", one.ty, two.ty),
        )
    };
    match name {
        op::LOGICAL_AND | op::LOGICAL_OR => {
            expect_bool(id, one)?;
            expect_bool(id, two)?;
            Ok(gives(Type::Bool))
        }
        op::EQUALS | op::NOT_EQUALS => one
            .ty
            .comparable(&two.ty)
            .then(|| gives(Type::Bool))
            .ok_or_else(mismatch),
        op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => {
            let ordered = !matches!(
                (&one.ty, &two.ty),
                (Type::List(_) | Type::Map(_) | Type::Null, _)
                    | (_, Type::List(_) | Type::Map(_) | Type::Null)
            );
            (ordered && one.ty.comparable(&two.ty))
                .then(|| gives(Type::Bool))
                .ok_or_else(mismatch)
        }
        op::IN => {
            let fits = match &two.ty {
                Type::List(of) => one.ty.comparable(of) || **of == Type::Nothing,
                Type::Map(_) => matches!(one.ty, Type::String | Type::Word(_) | Type::Dyn),
                Type::Dyn => one.ty.comparable(&Type::Dyn),
                _ => false,
            };
            fits.then(|| gives(Type::Bool)).ok_or_else(mismatch)
        }
        op::INDEX => {
            let ty = match (&one.ty, &two.ty) {
                (Type::List(of), Type::Int | Type::Dyn) => (**of).clone(),
                (Type::Map(of), Type::String | Type::Word(_) | Type::Dyn) => (**of).clone(),
                (Type::Dyn, Type::Int | Type::String | Type::Dyn) => Type::Dyn,
                _ => return Err(mismatch()),
            };
            Ok(gives(ty))
        }
        _ => arithmetic(name, one, two, grows, right)
            .map(|known| Known { roots, ..known })
            .ok_or_else(mismatch),
    }
}

/// Lists grow only inside the macros, and a time moves only by a written duration: both would
/// otherwise grow past what the evaluator can bear.
fn arithmetic(name: &str, one: &Known, two: &Known, grows: bool, right: &Node) -> Option<Known> {
    let sum = matches!(name, op::ADD | op::SUBSTRACT);
    let ty = match (&one.ty, &two.ty) {
        (Type::List(_), Type::List(_)) if grows && name == op::ADD => {
            one.ty.clone().join(two.ty.clone())?
        }
        (Type::String | Type::Word(_), Type::String | Type::Word(_)) if name == op::ADD => {
            Type::String
        }
        (Type::Int, Type::Int) | (Type::Double, Type::Double) => one.ty.clone(),
        (Type::Duration, Type::Duration) if sum => Type::Duration,
        (Type::Timestamp, Type::Timestamp) if name == op::SUBSTRACT => Type::Duration,
        (Type::Timestamp, Type::Duration) if sum && is_written_duration(right) => Type::Timestamp,
        (Type::Dyn, Type::Int) | (Type::Int, Type::Dyn) => Type::Int,
        (Type::Dyn, Type::String) | (Type::String, Type::Dyn) if name == op::ADD => Type::String,
        _ => return None,
    };
    Some(Known {
        bytes: one.bytes.saturating_add(two.bytes),
        ..Known::of(ty)
    })
}

fn is_written_duration(node: &Node) -> bool {
    matches!(&node.expr, Expr::Call(call) if call.target.is_none() && call.func_name == "duration")
}
