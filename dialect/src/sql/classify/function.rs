//! Calls: which functions a name may mean, and what each does.
//!
//! Which overload a call takes depends on types that are not followed here, so every function that
//! the name may mean under the search path counts. A function made by a user beside one of the
//! server is thus never hidden behind it. Nor is one that takes fewer arguments: the server leaves
//! out parameters of the type `void`, as JDBC gives them for what a function returns, and which
//! those are is not followed either.

use pg_query::protobuf::{Node, node};
use portcullis_policy::{Effect, ResourceKind};

use super::relation::{Use, statement_of};
use super::types::DEFAULTS;
use super::upkeep::{BUILDERS, Upkeep};
use super::walk::Walk;
use crate::sql::catalogue::{Body, FIRST_USER_OID, Function, FunctionKind, Stored};
use crate::sql::functions::{self, Class};
use crate::sql::names::{self, Name, SYSTEM};
use crate::sql::parser::{Parsed, parse_stored};
use crate::sql::settings::{Change, Setting, Tracked};

impl<'c> Walk<'c> {
    /// A call by a name as it is written.
    pub(super) fn call(&mut self, parts: &[&str], arguments: &[Node]) {
        self.call_counted(parts, arguments, arguments.len());
    }

    /// A call of which only the number of arguments is known, or also the arguments.
    pub(super) fn call_counted(&mut self, parts: &[&str], arguments: &[Node], count: usize) {
        let Some((schema, name)) = names::split(parts) else {
            self.unresolved_function();
            return;
        };
        let mut found = false;
        let schemas = match schema {
            Some(schema) => vec![schema.to_owned()],
            None => match self.function_schemas() {
                Some(schemas) => schemas,
                None if self.only_servers(name) => vec![SYSTEM.to_owned()],
                None => {
                    self.unresolved_function();
                    return;
                }
            },
        };
        let parameters = arguments.iter().filter(|a| is_parameter(a)).count();
        let mut given = Vec::new();
        if parameters > 0 {
            given.extend(arguments.iter().filter(|a| !is_parameter(a)).cloned());
        }
        for left_out in 0..=parameters {
            let arguments = match left_out {
                0 => arguments,
                all if all == parameters => &given,
                _ => &[],
            };
            let count = count.saturating_sub(left_out);
            for schema in &schemas {
                if schema == SYSTEM
                    && let Some(class) = functions::builtin(name, count)
                {
                    found = true;
                    self.listed(&Name::new(SYSTEM, name), class, arguments);
                }
                found |= self.call_of_schema(schema, name, arguments, count);
            }
        }
        if !found {
            // `name(x)` may also be a cast to the type of that name.
            match count == 1 && self.is_type(schema, name) {
                true => self.cast_to(&[name]),
                false => self.unknown_function(schema, name),
            }
        } else if count == 1 && self.is_type(schema, name) {
            self.cast_to(&[name]);
        }
    }

    /// A function that something else names: a trigger, an operator, a cast, an aggregate.
    pub(super) fn call_by_name(&mut self, name: &Name) {
        let builtin = (name.schema == SYSTEM)
            .then(|| {
                [1, 2, 0, 3]
                    .iter()
                    .find_map(|count| functions::builtin(&name.name, *count))
            })
            .flatten();
        if let Some(class) = builtin {
            self.listed(name, class, &[]);
            return;
        }
        let mut found = false;
        for function in self.catalogue.functions_named(&name.name) {
            if function.name.schema == name.schema {
                found = true;
                self.user_function(function, &[]);
            }
        }
        if !found {
            self.unknown_function(Some(&name.schema), &name.name);
        }
    }

    /// `t.f` calls the function `f` on a row of `t` where `t` has no such column.
    pub(super) fn attribute_call(&mut self, name: &str) {
        // `(x).name` may also be a cast to the type of that name.
        if self.catalogue.types_named(name).next().is_some() {
            self.cast_to(&[name]);
        }
        let Some(schemas) = self.function_schemas() else {
            return;
        };
        for function in self.catalogue.functions_named(name) {
            if function.takes_row && schemas.contains(&function.name.schema) {
                self.user_function(function, &[]);
            }
        }
    }

    /// An operator as it is written. Those of the server are pure; others are their functions.
    pub(super) fn operator(&mut self, parts: &[&str]) {
        let Some((schema, name)) = names::split(parts) else {
            return;
        };
        let Some(backed) = self.catalogue.operators.get(name) else {
            return;
        };
        let schemas = match schema {
            Some(schema) => Some(vec![schema.to_owned()]),
            None => self.function_schemas(),
        };
        for operator in backed {
            if schemas
                .as_ref()
                .is_none_or(|schemas| schemas.contains(&operator.schema))
            {
                self.call_by_name(&operator.function);
            }
        }
    }

    /// The schemas in which functions are looked up: never the temporary one.
    pub(crate) fn function_schemas(&self) -> Option<Vec<String>> {
        let path = self.context.path.as_ref()?;
        Some(
            path.iter()
                .filter(|entry| !self.is_temporary(&entry.schema))
                .map(|entry| entry.schema.clone())
                .collect(),
        )
    }

    fn call_of_schema(
        &mut self,
        schema: &str,
        name: &str,
        arguments: &[Node],
        count: usize,
    ) -> bool {
        let functions = self.functions_in(schema, name, count);
        for function in &functions {
            self.user_function(function, arguments);
        }
        !functions.is_empty()
    }

    /// The functions of a schema that a call with so many arguments may mean.
    pub(crate) fn functions_in(&self, schema: &str, name: &str, count: usize) -> Vec<&'c Function> {
        if self.names_void || self.void_names.contains(name) {
            return Vec::new();
        }
        self.catalogue
            .functions_named(name)
            .iter()
            .filter(|function| function.name.schema == schema && function.takes(count))
            .collect()
    }

    /// Whether there is a function that a call by this name, with this many arguments, may mean.
    pub(crate) fn may_call(&self, parts: &[&str], count: usize) -> bool {
        let Some((schema, name)) = names::split(parts) else {
            return true;
        };
        let schemas = match schema {
            Some(schema) => Some(vec![schema.to_owned()]),
            None => self.function_schemas(),
        };
        schemas.is_none_or(|schemas| {
            schemas.iter().any(|schema| {
                schema == SYSTEM && functions::builtin(name, count).is_some()
                    || !self.functions_in(schema, name, count).is_empty()
            })
        })
    }

    fn unresolved_function(&mut self) {
        self.found
            .unresolved(Effect::Unknown, ResourceKind::Function);
    }

    fn unknown_function(&mut self, schema: Option<&str>, name: &str) {
        match self.names_void || self.void_names.contains(name) {
            // An earlier statement of the text may have made it.
            true => self.unresolved_function(),
            false => self.found.missing_function(schema, name),
        }
    }

    // === what a function does ===

    fn user_function(&mut self, function: &'c Function, arguments: &[Node]) {
        if function.security_definer {
            self.found
                .attribute("securityDefiner", function.name.to_string());
        }
        let listed = match (&function.extension, function.language.as_str()) {
            (Some(extension), "c" | "internal") => {
                functions::of_extension(extension, &function.name.name, arguments.len())
            }
            _ => None,
        };
        self.values_of_call(function);
        if let Some(defaults) = &function.default_values {
            self.expand((function.oid, DEFAULTS), |walk| walk.stored(defaults));
        }
        if let Some(review) = self.catalogue.review_of(function) {
            self.reviewed(review);
        } else if let Some(class) = listed {
            self.listed(&function.name, class, arguments);
        } else if function.kind == FunctionKind::Aggregate {
            self.function_access(Effect::Read, &function.name);
            self.expand((function.oid, u16::from(self.context.in_default)), |walk| {
                for called in &function.calls {
                    walk.call_by_name(called);
                }
            });
        } else if let Some(body) = &function.body {
            self.body(function, body);
        } else if function.language == "internal" && self.catalogue.makes_a_range(&function.name) {
            // Its bounds are values of the call.
        } else if function.unread {
            self.function_access(Effect::Unknown, &function.name);
            self.found.unread(&function.name);
            self.voids_all();
        } else if function.oid < FIRST_USER_OID {
            // What came with the server and is in no list.
            self.function_access(Effect::Unknown, &function.name);
        } else {
            self.function_access(Effect::Unknown, &function.name);
            self.found.unreviewed(function);
            self.voids_all();
        }
    }

    /// Code that cannot be read may change anything.
    pub(super) fn voids_all(&mut self) {
        self.found.voids_catalogue = true;
        self.found.voids_names = true;
        self.found.voids_settings = true;
    }

    pub(super) fn function_access(&mut self, effect: Effect, name: &Name) {
        self.found
            .named(effect, ResourceKind::Function, &[&name.schema, &name.name]);
    }

    /// A function in SQL does what its body does.
    fn body(&mut self, function: &'c Function, body: &'c Body) {
        // A body that was walked before has told its effect then.
        let mut effect = None;
        self.expand((function.oid, u16::from(self.context.in_default)), |walk| {
            walk.context.locks = false;
            // What a function in SQL returns is assigned to its result.
            walk.found.assigns = true;
            let found = walk.apart(|walk| match body {
                Body::Atomic(stored) => {
                    walk.run_with(function);
                    walk.enter_stored();
                    walk.atomic_body(stored);
                }
                Body::Quoted(stored) => walk.quoted_body(function, stored),
            });
            effect = Some(found.effect.unwrap_or(Effect::Read));
            walk.found.merge(found);
        });
        if let Some(effect) = effect {
            self.function_access(effect, &function.name);
        }
    }

    fn atomic_body(&mut self, stored: &'c Stored) {
        let Some(tree) = stored.tree() else {
            self.unknown();
            return;
        };
        for raw in &tree.stmts {
            match statement_of(raw) {
                Some(node::Node::CreateFunctionStmt(made)) => match &made.sql_body {
                    Some(body) => self.inside_stored(body, |walk| walk.sql_body(body)),
                    None => self.unknown(),
                },
                _ => self.unknown(),
            }
        }
    }

    /// A quoted body is read by the settings of the caller, or by its own.
    fn quoted_body(&mut self, function: &'c Function, stored: &'c Stored) {
        self.enter_quoted(function);
        match &self.context.conforming {
            Tracked::Known(true) => match stored.tree() {
                Some(tree) => {
                    for raw in &tree.stmts {
                        self.stored_statement(raw);
                    }
                }
                None => self.unknown(),
            },
            other => match parse_stored(stored.text(), &other.clone()) {
                Ok(Parsed::Tree(tree)) => {
                    for raw in &tree.stmts {
                        self.stored_statement(raw);
                    }
                }
                _ => self.unknown(),
            },
        }
    }

    /// A function of the reviewed lists.
    fn listed(&mut self, name: &Name, class: Class, arguments: &[Node]) {
        for flag in class.flags() {
            self.found.flag(*flag);
        }
        match class {
            Class::Pure => {}
            Class::SequenceRead | Class::SequenceWrite => {
                // Taking the next value is part of the write whose default it is.
                if !(self.context.in_default && class == Class::SequenceWrite) {
                    self.sequence(class.effect(), arguments);
                }
            }
            Class::LargeObjectRead | Class::LargeObjectWrite => {
                let segments = [SYSTEM, "pg_largeobject"];
                self.found
                    .named(class.effect(), ResourceKind::Table, &segments);
            }
            Class::Tables => {
                self.function_access(Effect::Read, name);
                self.found.unresolved(Effect::Read, ResourceKind::Table);
            }
            Class::Replay => {
                self.function_access(class.effect(), name);
                self.found.unresolved(Effect::Read, ResourceKind::Table);
            }
            Class::Settings => self.set_config(arguments),
            Class::FileRead | Class::FileWrite => {
                self.function_access(class.effect(), name);
                self.file_path(class.effect(), arguments);
            }
            Class::Outbound | Class::Dynamic => {
                self.function_access(Effect::Unknown, name);
                self.voids_all();
            }
            Class::Session | Class::Reveals | Class::Write | Class::Administer => {
                self.function_access(class.effect(), name);
                if BUILDERS.contains(&name.name.as_str()) {
                    self.all_kept_up(None, Upkeep::Rebuild);
                }
            }
        }
    }

    /// A sequence named by a literal is a relation; one that is computed could be any.
    fn sequence(&mut self, effect: Effect, arguments: &[Node]) {
        let usage = Use {
            effect,
            event: None,
            only: true,
            upkeep: None,
        };
        let parts = arguments
            .first()
            .and_then(literal)
            .and_then(names::parse_dotted);
        let parts: Option<Vec<&str>> = parts
            .as_ref()
            .map(|parts| parts.iter().map(String::as_str).collect());
        match parts.as_deref().and_then(names::split) {
            Some((schema, name)) => self.relation_named(schema, name, usage),
            None => self.found.unresolved(effect, ResourceKind::Table),
        }
    }

    fn file_path(&mut self, effect: Effect, arguments: &[Node]) {
        match arguments.iter().find_map(literal) {
            Some(path) => {
                let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
                self.found.named(effect, ResourceKind::Path, &segments);
            }
            None => self.found.unresolved(effect, ResourceKind::Path),
        }
    }

    /// `set_config` with literals is a SET; with anything else it may set anything.
    fn set_config(&mut self, arguments: &[Node]) {
        self.found.raise(Effect::Session);
        let named = self.context.setting.take();
        let name = arguments.first().and_then(literal).or(named.as_deref());
        let Some(name) = name else {
            return self.any_setting();
        };
        self.setting_facts(name);
        if let Some(setting) = Setting::from_name(name) {
            // Only a literal FALSE outlives the transaction for certain, and whether a function in
            // a query runs at all depends on rows: the value must be read again.
            let change = Change {
                setting,
                value: None,
                local: !matches!(arguments.get(2).and_then(boolean), Some(false)),
            };
            self.settings.apply(&change);
            self.found.changes.push(change);
        }
    }
}

/// The text of a string literal, also under a cast.
pub(super) fn literal(node: &Node) -> Option<&str> {
    use pg_query::protobuf::a_const::Val;
    match node.node.as_ref()? {
        node::Node::AConst(constant) => match constant.val.as_ref()? {
            Val::Sval(text) => Some(&text.sval),
            _ => None,
        },
        node::Node::TypeCast(cast) => literal(cast.arg.as_deref()?),
        node::Node::NamedArgExpr(named) => literal(named.arg.as_deref()?),
        _ => None,
    }
}

/// The value of a boolean literal.
fn boolean(node: &Node) -> Option<bool> {
    use pg_query::protobuf::a_const::Val;
    match node.node.as_ref()? {
        node::Node::AConst(constant) => match constant.val.as_ref()? {
            Val::Boolval(value) => Some(value.boolval),
            Val::Sval(text) => crate::sql::settings::parse_boolean(&text.sval),
            _ => None,
        },
        node::Node::TypeCast(cast) => boolean(cast.arg.as_deref()?),
        _ => None,
    }
}

/// A parameter, whatever it is cast to: the server may leave it out of a call.
pub(crate) fn is_parameter(node: &Node) -> bool {
    match &node.node {
        Some(node::Node::ParamRef(_)) => true,
        Some(node::Node::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_parameter),
        _ => false,
    }
}
