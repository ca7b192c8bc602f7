//! Calls of functions and methods, and their arguments.

use kube_cel::cel::common::ast::{CallExpr, Expr, LiteralValue};
use kube_cel::cel::parser::Expression as Node;

use super::super::cost;
use super::super::declared::{Argument, FUNCTIONS, MACROS, METHODS, Method, Type, has_size};
use super::super::literal;
use super::known::Known;
use super::{Refusal, Walk, refuse};
use crate::matcher::TextPattern;

// === impl Walk ===

impl Walk {
    pub(super) fn call(&mut self, id: u64, call: &mut CallExpr) -> Result<Known, Refusal> {
        if call.target.is_none()
            && let Some(known) = self.operator(id, call)?
        {
            return Ok(known);
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
