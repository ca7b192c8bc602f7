//! Calls with parameters: which function the server takes may depend on their types.

use pg_query::protobuf::Node;

use super::trace::Tracer;
use super::value::Value;
use crate::sql::classify::is_parameter;

impl Tracer<'_> {
    /// The server may leave parameters out of a call, and what it calls then counts as well.
    pub(super) fn call_of_any(
        &mut self,
        name: &[&str],
        nodes: &[Node],
        arguments: &[Value],
        named: bool,
    ) -> Value {
        let parameters = nodes.iter().filter(|node| is_parameter(node)).count();
        let mut value = None;
        for left_out in 0..=parameters {
            let count = arguments.len() - left_out;
            if parameters > 0 && !self.names.may_call(name, count) {
                continue;
            }
            let mut left = left_out;
            let kept = nodes.iter().zip(arguments).filter(|(node, _)| {
                let goes = left > 0 && is_parameter(node);
                left -= usize::from(goes);
                !goes
            });
            let kept: Vec<Value> = kept.map(|(_, value)| value.clone()).collect();
            let called = self.call(name, &kept, named);
            value = Some(self.either(value, called));
        }
        value.unwrap_or_else(|| self.call(name, arguments, named))
    }
}
