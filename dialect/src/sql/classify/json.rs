//! The JSON forms of the SQL standard. They came with server versions 16 and 17: on an older server
//! the same words are calls of functions that a user may have made, and so they are judged as such.

use pg_query::protobuf::{
    JsonAggConstructor, JsonBehavior, JsonOutput, JsonTable, JsonTableColumn, JsonValueExpr, Node,
    node,
};

use super::walk::Walk;

/// The version in which most constructors came.
const CONSTRUCTORS: u32 = 160_000;

/// The version in which the query functions came.
const QUERIES: u32 = 170_000;

impl<'c> Walk<'c> {
    /// A JSON form. Any other node is not known.
    pub(super) fn json(&mut self, node: &node::Node) {
        use node::Node as N;
        match node {
            N::JsonValueExpr(value) => self.json_value(Some(value)),
            N::JsonIsPredicate(predicate) => self.optional(predicate.expr.as_deref()),
            N::JsonKeyValue(pair) => {
                self.optional(pair.key.as_deref());
                self.json_value(pair.value.as_deref());
            }
            N::JsonArgument(argument) => self.json_value(argument.val.as_deref()),
            N::JsonFuncExpr(function) => {
                self.since(QUERIES, &["json_exists", "json_query", "json_value"]);
                self.json_value(function.context_item.as_deref());
                self.optional(function.pathspec.as_deref());
                self.expressions(&function.passing);
                self.json_output(function.output.as_ref());
                self.json_behaviour(function.on_empty.as_deref());
                self.json_behaviour(function.on_error.as_deref());
            }
            N::JsonParseExpr(parse) => {
                self.since(QUERIES, &["json"]);
                self.json_value(parse.expr.as_deref());
                self.json_output(parse.output.as_ref());
            }
            N::JsonScalarExpr(scalar) => {
                self.since(QUERIES, &["json_scalar"]);
                self.optional(scalar.expr.as_deref());
                self.json_output(scalar.output.as_ref());
            }
            N::JsonSerializeExpr(serialise) => {
                self.since(QUERIES, &["json_serialize"]);
                self.json_value(serialise.expr.as_deref());
                self.json_output(serialise.output.as_ref());
            }
            N::JsonObjectConstructor(object) => {
                self.since(CONSTRUCTORS, &["json_object"]);
                self.expressions(&object.exprs);
                self.json_output(object.output.as_ref());
            }
            N::JsonArrayConstructor(array) => {
                self.since(CONSTRUCTORS, &["json_array"]);
                self.expressions(&array.exprs);
                self.json_output(array.output.as_ref());
            }
            N::JsonArrayQueryConstructor(array) => {
                self.since(CONSTRUCTORS, &["json_array"]);
                self.optional_query(array.query.as_deref());
                self.json_output(array.output.as_ref());
            }
            N::JsonObjectAgg(aggregate) => {
                self.since(CONSTRUCTORS, &["json_objectagg"]);
                if let Some(pair) = &aggregate.arg {
                    self.optional(pair.key.as_deref());
                    self.json_value(pair.value.as_deref());
                }
                self.json_aggregate(aggregate.constructor.as_deref());
            }
            N::JsonArrayAgg(aggregate) => {
                self.since(CONSTRUCTORS, &["json_arrayagg"]);
                self.json_value(aggregate.arg.as_deref());
                self.json_aggregate(aggregate.constructor.as_deref());
            }
            _ => self.unknown(),
        }
    }

    pub(super) fn json_table(&mut self, table: &JsonTable) {
        self.since(QUERIES, &["json_table"]);
        self.json_value(table.context_item.as_deref());
        if let Some(path) = &table.pathspec {
            self.optional(path.string.as_deref());
        }
        self.expressions(&table.passing);
        self.json_columns(&table.columns);
        self.json_behaviour(table.on_error.as_deref());
    }

    fn json_columns(&mut self, columns: &[Node]) {
        for column in columns {
            match column.node.as_ref() {
                Some(node::Node::JsonTableColumn(column)) => self.json_column(column),
                _ => self.unknown(),
            }
        }
    }

    fn json_column(&mut self, column: &JsonTableColumn) {
        self.type_name(column.type_name.as_ref());
        if let Some(path) = &column.pathspec {
            self.optional(path.string.as_deref());
        }
        self.json_columns(&column.columns);
        self.json_behaviour(column.on_empty.as_deref());
        self.json_behaviour(column.on_error.as_deref());
    }

    fn json_aggregate(&mut self, aggregate: Option<&JsonAggConstructor>) {
        let Some(aggregate) = aggregate else { return };
        self.json_output(aggregate.output.as_ref());
        self.optional(aggregate.agg_filter.as_deref());
        self.expressions(&aggregate.agg_order);
        if let Some(window) = &aggregate.over {
            self.window(window);
        }
    }

    fn json_value(&mut self, value: Option<&JsonValueExpr>) {
        if let Some(value) = value {
            self.optional(value.raw_expr.as_deref());
            self.optional(value.formatted_expr.as_deref());
        }
    }

    fn json_output(&mut self, output: Option<&JsonOutput>) {
        if let Some(output) = output {
            self.type_name(output.type_name.as_ref());
        }
    }

    fn json_behaviour(&mut self, behaviour: Option<&JsonBehavior>) {
        if let Some(behaviour) = behaviour {
            self.optional(behaviour.expr.as_deref());
        }
    }

    /// On a server before `version` these words are ordinary names of functions.
    fn since(&mut self, version: u32, names: &[&str]) {
        if self.catalogue.server_version < version {
            for name in names {
                self.call(&[name], &[]);
            }
        }
    }
}
