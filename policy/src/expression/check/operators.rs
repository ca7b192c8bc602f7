//! Operators: what they are for, and what they give.

use kube_cel::cel::common::ast::operators as op;
use kube_cel::cel::common::ast::{CallExpr, Expr, LiteralValue};
use kube_cel::cel::parser::Expression as Node;

use super::super::cost;
use super::super::declared::{Type, Words};
use super::known::Known;
use super::{Refusal, Walk, refuse};

// === impl Walk ===

impl Walk {
    /// What an operator gives; `None` where the call is of no operator.
    pub(super) fn operator(
        &mut self,
        id: u64,
        call: &mut CallExpr,
    ) -> Result<Option<Known>, Refusal> {
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
                let known = binary(id, &name, one, two, grows, right)?;
                if known.bytes > cost::MAX_GROWN as u64 {
                    let (bytes, most) = (known.bytes, cost::MAX_GROWN);
                    let reason =
                        format!("this may grow to {bytes} bytes; at most {most} are allowed");
                    return Err(refuse(id, reason));
                }
                known
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

// === rules ===

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
            Ok(Known {
                bytes: one.bytes,
                ..gives(ty)
            })
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
    let bytes = match ty {
        Type::List(_) => one.bytes.max(two.bytes),
        _ => one.bytes.saturating_add(two.bytes),
    };
    Some(Known {
        bytes,
        ..Known::of(ty)
    })
}

fn is_written_duration(node: &Node) -> bool {
    matches!(&node.expr, Expr::Call(call) if call.target.is_none() && call.func_name == "duration")
}
