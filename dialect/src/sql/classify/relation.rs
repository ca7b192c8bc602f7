//! Relations: what a name stands for, and all that hangs on it.

use pg_query::protobuf::{RangeVar, node};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::upkeep::Upkeep;
use super::walk::{Resolved, Walk};
use crate::sql::catalogue::{Event, Relation, RelationKind, ReviewedFunction, Stored};
use crate::sql::names::{self, Name, SYSTEM};
use crate::sql::visit::Counted;

/// What the server keeps of credentials and of who trusts whom.
const CREDENTIALS: [&str; 5] = [
    "pg_authid",
    "pg_shadow",
    "pg_user_mapping",
    "pg_user_mappings",
    "pg_subscription",
];

/// The same, in the standard's own schema.
const STANDARD_CREDENTIALS: [&str; 2] = ["_pg_user_mappings", "user_mapping_options"];

/// Views of the server that read its files.
const FILE_VIEWS: [&str; 3] = [
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_file_settings",
];

/// How a relation is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) effect: Effect,
    pub(super) event: Option<Event>,
    /// Its children are left out.
    pub(super) only: bool,
    pub(super) upkeep: Option<Upkeep>,
}

impl Use {
    pub(super) const READ: Self = Self {
        effect: Effect::Read,
        event: None,
        only: false,
        upkeep: None,
    };

    pub(super) const DEFINE: Self = Self {
        effect: Effect::Define,
        event: None,
        only: true,
        upkeep: None,
    };

    pub(super) const ADMINISTER: Self = Self {
        effect: Effect::Administer,
        event: None,
        only: false,
        upkeep: None,
    };

    pub(super) fn write(event: Event) -> Self {
        Self {
            effect: Effect::Write,
            event: Some(event),
            only: false,
            upkeep: None,
        }
    }

    pub(super) fn kept_up(self, upkeep: Upkeep) -> Self {
        Self {
            upkeep: Some(upkeep),
            ..self
        }
    }

    /// Tells this use of a relation apart from others.
    pub(super) fn key(self, relation: u32, locks: bool) -> (u32, u16) {
        let event = match self.event {
            None => 0,
            Some(Event::Insert) => 1,
            Some(Event::Update) => 2,
            Some(Event::Delete) => 3,
            Some(Event::Truncate) => 4,
        };
        let upkeep = self.upkeep.map_or(0, |upkeep| upkeep as u16 + 1);
        let flags = u16::from(self.only) * 2 + u16::from(locks);
        (
            relation,
            upkeep * 256 + (self.effect as u16) * 32 + event * 4 + flags,
        )
    }
}

impl<'c> Walk<'c> {
    /// A relation that a statement names, never one of a WITH query.
    pub(super) fn range(&mut self, variable: &RangeVar, mut usage: Use) {
        self.saw(Counted::RangeVar);
        usage.only |= !variable.inh;
        if !variable.catalogname.is_empty() && variable.catalogname != self.settings.database {
            self.unresolved_relation(usage.effect);
            return;
        }
        let (schema, name) = names::relation(variable);
        self.relation_named(schema, name, usage);
    }

    pub(super) fn relation_named(&mut self, schema: Option<&str>, name: &str, usage: Use) {
        match self.resolve(schema, name) {
            Resolved::Relations(relations) => {
                for relation in relations {
                    self.touch(relation, usage);
                }
            }
            Resolved::Fresh(made) => {
                self.told_access(usage.effect, &made);
                if usage.effect == Effect::Write && !self.plain.contains(&made) {
                    self.unknown();
                }
            }
            Resolved::Missing => self.found.missing(usage.effect),
            Resolved::Unknown => self.unresolved_relation(usage.effect),
        }
    }

    /// A relation that this statement makes; tells its name where nothing of that name was there.
    pub(super) fn new_relation(&mut self, variable: &RangeVar) -> Option<Name> {
        self.saw(Counted::RangeVar);
        self.found.voids_catalogue = true;
        let (schema, name) = names::relation(variable);
        let schema = match (schema, variable.relpersistence == "t") {
            (_, true) => Some(names::TEMPORARY.to_owned()),
            (Some(schema), false) => Some(schema.to_owned()),
            (None, false) => self.creation_schema().map(str::to_owned),
        };
        let Some(schema) = schema else {
            self.void_later.insert(name.to_owned());
            self.found.unresolved(Effect::Define, ResourceKind::Table);
            return None;
        };
        let made = Name::new(schema, name);
        self.told_access(Effect::Define, &made);
        // `IF NOT EXISTS` may leave what was there, with all that hangs on it.
        if self.catalogue.relation(&made.schema, name).is_none() || self.void_names.contains(name) {
            self.void_names.remove(name);
            self.plain.remove(&made);
            self.fresh.insert(made.clone());
            return Some(made);
        }
        None
    }

    fn told_access(&mut self, effect: Effect, name: &Name) {
        let [schema, name] = self.told(name);
        self.found
            .named(effect, ResourceKind::Table, &[&schema, &name]);
    }

    pub(super) fn unresolved_relation(&mut self, effect: Effect) {
        self.found.unresolved(effect, ResourceKind::Table);
        self.unknown();
    }

    /// A function of which somebody said what it does.
    pub(super) fn reviewed(&mut self, review: &ReviewedFunction) {
        let effect = match review.writes.is_empty() {
            true => Effect::Read,
            false => Effect::Write,
        };
        self.function_access(effect, &review.name);
        for name in &review.reads {
            self.relation_named(Some(&name.schema), &name.name, Use::READ);
        }
        // Which way it writes is not told: what any sets off counts.
        for name in &review.writes {
            for event in [Event::Insert, Event::Update, Event::Delete] {
                self.relation_named(Some(&name.schema), &name.name, Use::write(event));
            }
        }
    }

    /// Uses a relation, and all that hangs on it.
    pub(super) fn touch(&mut self, relation: &'c Relation, usage: Use) {
        self.told_access(usage.effect, &relation.name);
        if self.context.locks && usage.event.is_none() {
            self.told_access(Effect::Write, &relation.name);
        }
        self.found.touches.insert(relation.oid);
        self.found.assigns |= matches!(usage.event, Some(Event::Insert | Event::Update));
        let is_valued = matches!(usage.effect, Effect::Read | Effect::Write)
            && usage.event != Some(Event::Truncate);
        if relation.runs && is_valued {
            self.found.valued.insert(relation.oid);
        }
        if relation.unread {
            self.found.unread(&relation.name);
        }
        self.system_facts(relation, usage);
        let key = usage.key(relation.oid, self.context.locks);
        self.expand(key, |walk| {
            let locks = walk.context.locks;
            walk.enter_stored();
            walk.context.locks = locks;
            walk.behind(relation, usage);
        });
    }

    fn system_facts(&mut self, relation: &Relation, usage: Use) {
        if !relation.is_system() {
            return;
        }
        let name = relation.name.name.as_str();
        let credentials = match relation.name.schema.as_str() {
            SYSTEM => CREDENTIALS.contains(&name),
            "information_schema" => STANDARD_CREDENTIALS.contains(&name),
            _ => false,
        };
        if credentials {
            self.found.flag(Flag::CredentialAccess);
        }
        if relation.name.schema == SYSTEM && FILE_VIEWS.contains(&name) {
            self.found.flag(Flag::ServerFile);
        }
        if usage.event.is_none() {
            return;
        }
        // An update of this view sets what it names, by a rule of the server.
        if relation.name.schema == SYSTEM && name == "pg_settings" {
            self.any_setting();
        } else {
            // Rows of the server's own tables are definitions.
            self.found.raise(Effect::Administer);
            self.found.voids_catalogue = true;
            self.found.voids_names = true;
        }
    }

    fn behind(&mut self, relation: &'c Relation, usage: Use) {
        let selects = matches!(usage.effect, Effect::Read | Effect::Write);
        if selects && let Some(wrapper) = &relation.wrapper {
            self.foreign_facts(wrapper);
        }
        if selects && !relation.is_system() {
            if let Some(definition) = &relation.definition {
                self.view(relation, definition, usage);
            } else if matches!(
                relation.kind,
                RelationKind::View | RelationKind::MaterialisedView
            ) {
                self.unknown();
            }
            for policy in &relation.policies {
                self.stored(policy);
            }
        }
        if !usage.only && follows_children(relation, usage) {
            for child in &relation.children {
                self.touch_by_oid(*child, usage);
            }
        }
        if let Some(event) = usage.event {
            self.change(relation, event);
        }
        if let Some(upkeep) = usage.upkeep {
            self.kept_up(relation, upkeep);
        }
    }

    pub(super) fn foreign_facts(&mut self, wrapper: &str) {
        match wrapper {
            "file_fdw" => {
                self.found.flag(Flag::ServerFile);
                self.found.flag(Flag::ServerProgram);
            }
            _ => self.found.flag(Flag::OutboundConnection),
        }
    }

    pub(super) fn touch_by_oid(&mut self, oid: u32, usage: Use) {
        match self.catalogue.relation_by_oid(oid) {
            Some(relation) => self.touch(relation, usage),
            None => self.unresolved_relation(usage.effect),
        }
    }

    /// What a view selects is read. A view without rules or triggers of its own passes a change on
    /// to the one relation that it selects from.
    fn view(&mut self, relation: &'c Relation, definition: &'c Stored, usage: Use) {
        self.stored(definition);
        let Some(event) = usage.event else { return };
        let has_own = relation.rules.iter().any(|rule| rule.event == event)
            || relation
                .triggers
                .iter()
                .any(|trigger| trigger.events.contains(&event));
        if has_own || relation.kind != RelationKind::View {
            return;
        }
        match base_of(definition) {
            Some(base) => {
                let (schema, name) = names::relation(base);
                let only = usage.only || !base.inh;
                self.relation_named(schema, name, Use { only, ..usage });
            }
            // The server refuses to change such a view.
            None => self.found.raise(Effect::Write),
        }
    }

    /// What a change of the relation sets off.
    fn change(&mut self, relation: &'c Relation, event: Event) {
        for trigger in relation
            .triggers
            .iter()
            .filter(|trigger| trigger.events.contains(&event))
        {
            self.call_by_name(&trigger.function);
            self.trigger_condition(&trigger.definition);
        }
        for rule in relation.rules.iter().filter(|rule| rule.event == event) {
            self.rule(&rule.definition);
        }
        if matches!(event, Event::Insert | Event::Update) {
            for check in &relation.checks {
                self.stored(check);
            }
            self.kept_up(relation, Upkeep::Write);
            self.values_written(relation);
            self.context.in_default = true;
            for default in relation.columns.iter().filter_map(|c| c.default.as_ref()) {
                self.stored(default);
            }
            self.context.in_default = false;
        }
        for cascade in &relation.cascades {
            let next = match event {
                Event::Delete if cascade.on_delete => Event::Delete,
                Event::Update if cascade.on_update => Event::Update,
                _ => continue,
            };
            // A key may be set to NULL or to its default instead: that is a change as well.
            self.touch_by_oid(cascade.child, Use::write(next));
            if next == Event::Delete {
                self.touch_by_oid(cascade.child, Use::write(Event::Update));
            }
        }
    }

    /// Walks a stored definition. One that the parser cannot read is not known.
    pub(super) fn stored(&mut self, stored: &'c Stored) {
        match stored.tree() {
            Some(tree) => {
                for raw in &tree.stmts {
                    self.stored_statement(raw);
                }
            }
            None => self.unknown(),
        }
    }

    fn trigger_condition(&mut self, definition: &'c Stored) {
        let Some(tree) = definition.tree() else {
            self.unknown();
            return;
        };
        for raw in &tree.stmts {
            if let Some(node::Node::CreateTrigStmt(trigger)) = statement_of(raw)
                && let Some(condition) = &trigger.when_clause
            {
                self.inside_stored(condition, |walk| walk.expression(condition));
            }
        }
    }

    fn rule(&mut self, definition: &'c Stored) {
        let Some(tree) = definition.tree() else {
            self.unknown();
            return;
        };
        for raw in &tree.stmts {
            let Some(node::Node::RuleStmt(rule)) = statement_of(raw) else {
                self.unknown();
                continue;
            };
            if let Some(condition) = &rule.where_clause {
                self.inside_stored(condition, |walk| walk.expression(condition));
            }
            for action in &rule.actions {
                self.inside_stored(action, |walk| walk.rule_action(action));
            }
        }
    }
}

/// The statement of a raw one.
pub(crate) fn statement_of(raw: &pg_query::protobuf::RawStmt) -> Option<&node::Node> {
    raw.stmt.as_ref()?.node.as_ref()
}

/// An insert goes to children only where the parent is partitioned.
fn follows_children(relation: &Relation, usage: Use) -> bool {
    match usage.event {
        Some(Event::Insert) => relation.kind == RelationKind::Partitioned,
        _ => true,
    }
}

/// The one relation that a view selects from, where it is that simple.
fn base_of(definition: &Stored) -> Option<&RangeVar> {
    let [raw] = definition.tree()?.stmts.as_slice() else {
        return None;
    };
    let Some(node::Node::SelectStmt(select)) = statement_of(raw) else {
        return None;
    };
    match select.from_clause.as_slice() {
        [only] => match only.node.as_ref()? {
            node::Node::RangeVar(variable) => Some(variable),
            _ => None,
        },
        _ => None,
    }
}
