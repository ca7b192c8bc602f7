//! Calls: what comes of the arguments.
//!
//! Every function that a name may mean counts, as in classification.

use std::rc::Rc;

use pg_query::protobuf::{FuncCall, Node, node};

use super::cursors::CursorChange;
use super::growth;
use super::scope::{Item, Scope};
use super::sort::Sort;
use super::total;
use super::trace::Tracer;
use super::value::{Column, Kind, Table, Value};
use crate::sql::catalogue::{Body, Function, FunctionKind, Stored};
use crate::sql::classify::statement_of;
use crate::sql::functions::{self, Class};
use crate::sql::names::{self, Name, SYSTEM};
use crate::sql::parser::{Parsed, parse_stored};
use crate::sql::visit::Counted;

/// What a function is called with, for its body.
#[derive(Debug)]
pub(super) struct Arguments {
    function: String,
    values: Vec<Value>,
    names: Vec<Option<String>>,
}

impl<'c> Tracer<'c> {
    pub(super) fn function_call(&mut self, call: &FuncCall) -> Value {
        self.saw(Counted::FuncCall);
        let (arguments, named) = self.arguments_of(&call.args);
        let name = names::strings(&call.funcname);
        let mut value = self.call_of_any(&name, &call.args, &arguments, named);
        for key in &call.agg_order {
            let key = self.expression(key);
            self.reveal(&key);
            self.work += value.absorb(&key);
        }
        if let Some(filter) = call.agg_filter.as_deref() {
            let filter = self.condition(filter);
            self.work += value.absorb(&filter);
        }
        if let Some(window) = &call.over {
            let window = self.window(window);
            self.work += value.absorb(&window);
        }
        value
    }

    /// The values of arguments, and whether some are given by name.
    pub(super) fn arguments_of(&mut self, nodes: &[Node]) -> (Vec<Value>, bool) {
        let is_named = |node: &Node| matches!(node.node, Some(node::Node::NamedArgExpr(_)));
        let values = nodes.iter().map(|node| self.expression(node)).collect();
        (values, nodes.iter().any(is_named))
    }

    pub(super) fn call(&mut self, parts: &[&str], arguments: &[Value], named: bool) -> Value {
        let (Some((schema, name)), Some(visible)) =
            (names::split(parts), self.names.function_schemas())
        else {
            return self.opaque_call(arguments);
        };
        if self.void {
            // It may have been made or changed just before.
            return self.opaque_call(arguments);
        }
        let schemas = schema.map_or(visible, |schema| vec![schema.to_owned()]);
        let mut found: Option<Value> = None;
        let of_document = match self.is_servers_own(&schemas, name, arguments.len()) {
            true => self.document_call(name, arguments),
            false => None,
        };
        for schema in &schemas {
            if schema == SYSTEM
                && let Some(class) = functions::builtin(name, arguments.len())
            {
                let value = match &of_document {
                    Some(value) => {
                        self.document_call_may_fail(name, value, arguments);
                        value.clone().sorted(total::sort_of(name, arguments))
                    }
                    None => self.listed_call(name, class, arguments),
                };
                found = Some(self.either(found, value));
            }
            for function in self.names.functions_in(schema, name, arguments.len()) {
                if function.extension.is_some() && function.body.is_none() {
                    self.call_may_fail(name, arguments);
                }
                let value = self.user_function(function, arguments, named);
                found = Some(self.either(found, value));
            }
            let mut signatures = self.catalogue.signatures_of(schema, name, arguments.len());
            if signatures.any(|signature| signature.returns_set) {
                // How many rows there are depends on what a set is made of.
                let all = match (&of_document, arguments) {
                    (Some(value), [document, ..]) => self.rows_of_parts(name, value, document),
                    _ => self.derived(arguments),
                };
                self.reveal(&all);
            }
        }
        if let [argument] = arguments {
            if found.is_none()
                && let Some(field) = self.field(argument, name)
            {
                return field;
            }
            if self.names.is_type(schema, name) {
                let sort = self.cast_may_fail(argument, name);
                let cast = self.cast(argument, name).sorted(sort);
                return self.either(found, cast);
            }
        }
        found.unwrap_or_else(|| self.opaque_call(arguments))
    }

    /// True when a name can only mean the server's own function.
    fn is_servers_own(&self, schemas: &[String], name: &str, count: usize) -> bool {
        let is_other = |schema: &String| !self.names.functions_in(schema, name, count).is_empty();
        functions::builtin(name, count) == Some(Class::Pure) && !schemas.iter().any(is_other)
    }

    /// One of the values that a call may have.
    pub(super) fn either(&mut self, known: Option<Value>, value: Value) -> Value {
        match known {
            Some(mut known) => {
                self.work += known.absorb(&value);
                known.kind = Kind::Computed;
                known.row = None;
                known
            }
            None => value,
        }
    }

    /// A function that something else names: an operator, a cast, an aggregate.
    fn call_by_name(&mut self, name: &Name, arguments: &[Value]) -> Value {
        let counts = [arguments.len(), 1, 2, 0, 3];
        let builtin = (name.schema == SYSTEM)
            .then(|| {
                counts
                    .iter()
                    .find_map(|count| functions::builtin(&name.name, *count))
            })
            .flatten();
        if let Some(class) = builtin {
            return self.listed(class, arguments);
        }
        let mut found = None;
        for function in self.catalogue.functions_named(&name.name) {
            if function.name.schema == name.schema {
                let value = self.user_function(function, arguments, false);
                found = Some(self.either(found, value));
            }
        }
        found.unwrap_or_else(|| self.opaque_call(arguments))
    }

    /// An operator. Those of the server and of its extensions compute; `None` says that it is one
    /// of them.
    pub(super) fn operator(&mut self, parts: &[&str], operands: &[&Value]) -> Option<Value> {
        let (schema, name) = names::split(parts)?;
        let backed = self.catalogue.operators.get(name)?;
        let schemas = match schema {
            Some(schema) => Some(vec![schema.to_owned()]),
            None => self.names.function_schemas(),
        };
        let operands: Vec<Value> = operands.iter().map(|operand| (*operand).clone()).collect();
        let mut found = None;
        for operator in backed {
            let visible = schemas
                .as_ref()
                .is_none_or(|all| all.contains(&operator.schema));
            if visible && !self.is_plain(&operator.function) {
                let value = self.call_by_name(&operator.function, &operands);
                found = Some(self.either(found, value).into_computed());
            }
        }
        found
    }

    /// A function in C of an extension that only computes.
    fn is_plain(&self, name: &Name) -> bool {
        let mut all = self.catalogue.functions_named(&name.name).iter();
        all.any(|function| {
            let count = usize::try_from(function.arguments).unwrap_or(usize::MAX);
            let listed = function.extension.as_deref().and_then(|extension| {
                functions::of_extension(extension, &function.name.name, count)
            });
            function.name.schema == name.schema && listed == Some(Class::Pure)
        })
    }

    /// A cast to a type of this name.
    pub(super) fn cast(&mut self, value: &Value, name: &str) -> Value {
        let catalogue = self.catalogue;
        let mut cast = value.clone().into_computed();
        if value.is_literal() {
            cast.kind = Kind::Literal(false);
        }
        for function in catalogue.casts.get(name).into_iter().flatten() {
            let by_function = self.call_by_name(function, std::slice::from_ref(value));
            self.work += cast.absorb(&by_function);
        }
        for (oid, _) in catalogue.types_named(name) {
            for (_, check) in catalogue.inside(oid).checks {
                let checked = Table::of(vec![Column::new(Some("value"), value.clone())]);
                self.stored_expression(check, Item::new(None, checked));
            }
        }
        cast
    }

    // === what a function does with its arguments ===

    fn listed_call(&mut self, name: &str, class: Class, arguments: &[Value]) -> Value {
        let growth = growth::of(name, arguments);
        if class == Class::Pure {
            self.grown_call_may_fail(name, arguments, growth);
        }
        let value = self.listed(class, arguments);
        Value {
            stretch: value.stretch.max(total::stretch_of(name, arguments)),
            growth: value.growth.max(growth),
            is_nulled: value.is_nulled || total::gives_null(name),
            is_ordinary: value.sources.is_empty() && total::is_ordinary_call(name, arguments),
            ..value.sorted(total::sort_of(name, arguments))
        }
    }

    fn listed(&mut self, class: Class, arguments: &[Value]) -> Value {
        let mut value = self.derived(arguments);
        self.risks += usize::from(class != Class::Pure);
        match class {
            Class::Pure | Class::SequenceRead => {}
            Class::Reveals | Class::LargeObjectRead | Class::FileRead => {
                self.copy(&value);
                value.untraced = true;
            }
            Class::SequenceWrite
            | Class::Session
            | Class::Settings
            | Class::Write
            | Class::LargeObjectWrite
            | Class::FileWrite
            | Class::Administer => self.copy(&value),
            Class::Tables | Class::Replay | Class::Outbound | Class::Dynamic => {
                return self.opaque_call(arguments);
            }
        }
        value
    }

    /// Code that cannot be read: it may read anything and send its arguments anywhere.
    fn opaque_call(&mut self, arguments: &[Value]) -> Value {
        let mut value = self.derived(arguments);
        self.risks += 1;
        self.copy(&value);
        self.untraced = true;
        self.cursor_changed(CursorChange::Forget);
        value.untraced = true;
        value
    }

    fn user_function(&mut self, function: &'c Function, arguments: &[Value], named: bool) -> Value {
        let listed = match (&function.extension, function.language.as_str()) {
            (Some(extension), "c" | "internal") => {
                functions::of_extension(extension, &function.name.name, arguments.len())
            }
            _ => None,
        };
        // It may take its time.
        self.risks += usize::from(listed.is_none());
        if self.catalogue.review_of(function).is_some() {
            // Found harmless, but nobody said what it returns.
            let mut value = self.derived(arguments);
            value.untraced = true;
            value
        } else if let Some(class) = listed {
            self.listed(class, arguments)
        } else if function.kind == FunctionKind::Aggregate {
            let mut value = self.derived(arguments);
            let each = vec![value.clone(); arguments.len() + 1];
            for called in &function.calls {
                let part = self.call_by_name(called, &each);
                self.work += value.absorb(&part);
            }
            value
        } else if let Some(body) = &function.body {
            let table = self.body(function, body, arguments, named);
            self.returned(function, &table)
        } else {
            self.opaque_call(arguments)
        }
    }

    /// What a function in SQL returns, as one value.
    fn returned(&mut self, function: &Function, table: &Table) -> Value {
        let mut value = self.whole_row(table);
        let signature = self.catalogue.signature(function);
        if let Some(known) = signature {
            value.sort = Sort::of(self.catalogue, known.result);
        }
        let names = signature.map(|known| self.result_names(known));
        value.row = match names.flatten() {
            Some(names) if names.len() == table.columns.len() && !table.opaque => {
                let fields = names
                    .iter()
                    .zip(table.columns.iter())
                    .map(|(named, column)| {
                        let mut value = column.value.clone();
                        if value.kind != Kind::Plain(named.1) {
                            let sort = Sort::of(self.catalogue, named.1);
                            value = value.into_computed().sorted(sort);
                        }
                        value.constant = None;
                        Column::new(named.0.as_deref(), value)
                    });
                Some(fields.collect())
            }
            _ => None,
        };
        value
    }

    /// Traces the body of a function with the values that it is called with. Tells what its last
    /// statement returns.
    fn body(
        &mut self,
        function: &'c Function,
        body: &'c Body,
        arguments: &[Value],
        named: bool,
    ) -> Table {
        let bound = self.bound(function, arguments, named);
        let traced = self.apart(|trace| {
            trace.arguments = Some(Rc::new(bound));
            match body {
                Body::Atomic(stored) => {
                    trace.names.run_with(function);
                    trace.names.enter_stored();
                    trace.atomic_body(stored)
                }
                Body::Quoted(stored) => {
                    trace.names.enter_quoted(function);
                    trace.quoted_body(stored)
                }
            }
        });
        traced.flatten().unwrap_or_else(|| Table::of(Vec::new()))
    }

    /// The values by their places and names. Those given by name may stand anywhere.
    fn bound(&mut self, function: &Function, arguments: &[Value], named: bool) -> Arguments {
        let count = usize::try_from(function.arguments).unwrap_or_default();
        let all = self.derived(arguments);
        let mixed = named || function.variadic || arguments.len() > count;
        let mut values = match mixed {
            true => vec![all; count],
            false => arguments.to_vec(),
        };
        // The rest are defaults, which hold no columns.
        values.resize(count.max(values.len()), Value::computed());
        let names = self.catalogue.signature(function).map(|signature| {
            let inputs = signature.inputs();
            inputs.map(|argument| argument.name.clone()).collect()
        });
        Arguments {
            function: function.name.name.clone(),
            values,
            names: names.unwrap_or_default(),
        }
    }

    fn atomic_body(&mut self, stored: &'c Stored) -> Option<Table> {
        let Some([raw]) = stored.tree().map(|tree| tree.stmts.as_slice()) else {
            self.untraced = true;
            return None;
        };
        match statement_of(raw) {
            Some(node::Node::CreateFunctionStmt(made)) => match made.sql_body.as_deref() {
                Some(body) => self.accounted(body, |trace| trace.sql_body(body)),
                None => None,
            },
            _ => {
                self.untraced = true;
                None
            }
        }
    }

    /// The statements between BEGIN ATOMIC and END, or what stands after RETURN.
    fn sql_body(&mut self, body: &Node) -> Option<Table> {
        match body.node.as_ref() {
            Some(node::Node::List(list)) => {
                let mut last = None;
                for item in &list.items {
                    last = self.sql_body(item);
                }
                last
            }
            Some(node::Node::ReturnStmt(returned)) => {
                let value = self.expression(returned.returnval.as_deref()?);
                Some(Table::of(vec![Column::new(None, value)]))
            }
            Some(_) => self.statement(body),
            None => None,
        }
    }

    fn quoted_body(&mut self, stored: &'c Stored) -> Option<Table> {
        let conforming = self.names.context.conforming.clone();
        let parsed;
        let tree = match conforming.known() {
            Some(true) => stored.tree(),
            _ => {
                parsed = parse_stored(stored.text(), &conforming);
                match &parsed {
                    Ok(Parsed::Tree(tree)) => Some(tree),
                    _ => None,
                }
            }
        };
        let Some(tree) = tree else {
            self.untraced = true;
            return None;
        };
        let mut last = None;
        for raw in &tree.stmts {
            last = self.accounted(raw, |trace| match raw.stmt.as_deref() {
                Some(statement) => trace.statement(statement),
                None => None,
            });
        }
        last
    }

    // === arguments within a body ===

    /// `$n`: within a body what the function was called with, else what the client binds.
    pub(super) fn parameter(&mut self, number: i32) -> Value {
        let Some(arguments) = &self.arguments else {
            return Value::of(super::value::Sources::default(), Kind::Literal(true));
        };
        let place = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        let value = place.and_then(|place| arguments.values.get(place));
        value.cloned().unwrap_or_else(Value::untraced)
    }

    /// An argument by its name.
    pub(super) fn argument(&mut self, name: &str) -> Option<Value> {
        let arguments = self.arguments.as_ref()?;
        let called = |own: &Option<String>| own.as_deref() == Some(name);
        let place = arguments.names.iter().position(called)?;
        Some(
            arguments
                .values
                .get(place)
                .cloned()
                .unwrap_or_else(Value::untraced),
        )
    }

    /// `f.argument` within the body of f, or a field of an argument.
    pub(super) fn argument_field(&mut self, first: &str, second: &str) -> Option<Value> {
        let arguments = Rc::clone(self.arguments.as_ref()?);
        if arguments.function == first
            && let Some(value) = self.argument(second)
        {
            return Some(value);
        }
        let value = self.argument(first)?;
        Some(
            self.field(&value, second)
                .unwrap_or_else(|| value.into_computed()),
        )
    }

    /// Entries of a scope that stand for nothing but themselves.
    pub(super) fn within(&mut self, items: Vec<Item>) {
        self.scopes.push(Scope {
            items,
            ..Scope::default()
        });
    }
}
