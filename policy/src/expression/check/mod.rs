//! Our own walk over a parsed expression: names, types, literals and cost, before anything runs.
//!
//! It also rewrites what the evaluator gets wrong or does dearly: a declared field becomes one
//! variable (no copy of the whole record), and a selection from a value of unknown type becomes an
//! index, which fails on what is not a map where a selection would say `false`.

mod calls;
mod known;
mod loops;
mod operators;

use kube_cel::cel::common::ast::operators as op;
use kube_cel::cel::common::ast::{CallExpr, Expr, LiteralValue, SelectExpr};
use kube_cel::cel::parser::Expression as Node;

use super::cost::{self, Meter};
use super::declared::{ACCESS_FIELDS, Roots, Type, VARIABLES};
use crate::matcher::TextPattern;
use known::Known;

/// Deepest tree of an expression. Evaluation recurses, and takes some 35 KiB of stack for each level
/// in a debug build.
pub const MAX_EXPRESSION_DEPTH: usize = 32;

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
}

// === names ===

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
