//! How objects are defined at this moment, as texts to compare.

use std::collections::BTreeSet;
use std::fmt::Write;

use portcullis_policy::{Operation, Resource, ResourceKind};

use super::{Catalogue, Function, Relation};

impl Catalogue {
    /// The definitions of what an operation reaches: of these relations, of the functions behind
    /// their triggers, and of each function that it names. Equal texts are equal definitions.
    ///
    /// A stored text is told as the server tells it, and so are the columns, owners and numbers
    /// around it: an object that was dropped and made again is another one.
    pub fn definitions(&self, relations: &BTreeSet<u32>, operation: &Operation) -> String {
        let mut told = String::new();
        for oid in relations {
            let Some(relation) = self.relations.get(oid) else {
                let _ = writeln!(told, "relation {oid} is not known");
                continue;
            };
            relation.define(&mut told);
            for (_, check) in self.inside_row(relation).checks {
                let _ = writeln!(told, "value {}", check.text());
            }
            for trigger in &relation.triggers {
                let name = &trigger.function;
                self.define_functions(&name.schema, &name.name, &mut told);
            }
        }
        for access in operation.accesses.iter() {
            if let Resource::Named { kind, segments } = &access.resource
                && *kind == ResourceKind::Function
                && let [schema, name] = segments.as_slice()
            {
                self.define_functions(schema, name, &mut told);
            }
        }
        told
    }

    fn define_functions(&self, schema: &str, name: &str, out: &mut String) {
        for function in self.functions_named(name) {
            if function.name.schema == schema {
                function.define(out);
            }
        }
    }
}

impl Relation {
    fn define(&self, out: &mut String) {
        // Views that others make of it change nothing about it.
        let Self {
            oid,
            name,
            kind,
            owner,
            columns,
            definition,
            wrapper,
            children,
            parents,
            cascades,
            triggers,
            rules,
            policies,
            checks,
            upkeep,
            dependents: _,
            unique,
            runs: _,
            unread,
        } = self;
        let _ = writeln!(
            out,
            "relation {:?}",
            (
                (oid, name, kind, owner, columns, definition, wrapper),
                (children, parents, cascades, triggers),
                (rules, policies, checks, upkeep, unique, unread),
            )
        );
    }
}

impl Function {
    fn define(&self, out: &mut String) {
        let Self {
            oid,
            name,
            owner,
            security_definer,
            settings,
            definition_hash,
            calls,
            unread,
            ..
        } = self;
        let _ = writeln!(
            out,
            "function {:?}",
            (
                oid,
                name,
                owner,
                security_definer,
                settings,
                definition_hash,
                calls,
                unread
            )
        );
    }
}
