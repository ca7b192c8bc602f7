//! The JSON constructors of the SQL standard. Other forms are not followed.

use pg_query::protobuf::{JsonAggConstructor, JsonOutput, JsonValueExpr, Node, node};

use super::trace::Tracer;
use super::value::Value;

/// The version in which they came: before, the same words are functions that a user may have made.
const CONSTRUCTORS: u32 = 160_000;

impl<'c> Tracer<'c> {
    /// A JSON form. Any other node is not known.
    pub(super) fn json(&mut self, whole: &Node, node: &node::Node) -> Value {
        use node::Node as N;
        if self.catalogue.server_version < CONSTRUCTORS {
            return self.unknown(whole);
        }
        match node {
            N::JsonValueExpr(value) => self.json_value(Some(value)),
            N::JsonIsPredicate(predicate) => {
                self.optional(predicate.expr.as_deref()).into_computed()
            }
            N::JsonKeyValue(pair) => {
                let key = self.optional(pair.key.as_deref());
                let value = self.json_value(pair.value.as_deref());
                self.derived([&key, &value])
            }
            N::JsonObjectConstructor(object) => {
                self.json_output(object.output.as_ref());
                self.all(&object.exprs)
            }
            N::JsonArrayConstructor(array) => {
                self.json_output(array.output.as_ref());
                self.all(&array.exprs)
            }
            N::JsonArrayQueryConstructor(array) => {
                self.json_output(array.output.as_ref());
                let table = self.optional_query(array.query.as_deref());
                self.whole_row(&table).into_computed()
            }
            N::JsonObjectAgg(aggregate) => {
                let pair = aggregate.arg.as_deref();
                let key = self.optional(pair.and_then(|pair| pair.key.as_deref()));
                let value = self.json_value(pair.and_then(|pair| pair.value.as_deref()));
                let rest = self.json_aggregate(aggregate.constructor.as_deref());
                self.derived([&key, &value, &rest])
            }
            N::JsonArrayAgg(aggregate) => {
                let value = self.json_value(aggregate.arg.as_deref());
                let rest = self.json_aggregate(aggregate.constructor.as_deref());
                self.derived([&value, &rest])
            }
            _ => self.unknown(whole),
        }
    }

    fn json_value(&mut self, value: Option<&JsonValueExpr>) -> Value {
        let Some(value) = value else {
            return Value::computed();
        };
        let raw = self.optional(value.raw_expr.as_deref());
        let formatted = self.optional(value.formatted_expr.as_deref());
        self.derived([&raw, &formatted])
    }

    fn json_aggregate(&mut self, aggregate: Option<&JsonAggConstructor>) -> Value {
        let Some(aggregate) = aggregate else {
            return Value::computed();
        };
        self.json_output(aggregate.output.as_ref());
        let mut value = self.all(&aggregate.agg_order);
        self.reveal(&value);
        if let Some(filter) = aggregate.agg_filter.as_deref() {
            let filter = self.condition(filter);
            self.work += value.absorb(&filter);
        }
        if let Some(window) = &aggregate.over {
            let window = self.window(window);
            self.work += value.absorb(&window);
        }
        value
    }

    fn json_output(&mut self, output: Option<&JsonOutput>) {
        if let Some(output) = output {
            self.pass_over(&output.type_name);
        }
    }
}
