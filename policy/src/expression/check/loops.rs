//! Loops: `all`, `exists`, `exists_one`, `map` and `filter`, as the parser has spelt them out.

use kube_cel::cel::common::ast::{ComprehensionExpr, Expr};

use super::super::cost;
use super::super::declared::{FUNCTIONS, Type};
use super::known::{Known, weight};
use super::{Refusal, Walk, is_root, refuse};

// === impl Walk ===

impl Walk {
    pub(super) fn comprehension(
        &mut self,
        id: u64,
        of: &mut ComprehensionExpr,
    ) -> Result<Known, Refusal> {
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
}
