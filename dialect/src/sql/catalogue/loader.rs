//! Rows of the catalogue queries, made into a [`Catalogue`].

use std::collections::HashMap;

use thiserror::Error;

use super::{
    Argument, Backed, Body, Cascade, Catalogue, ClassFunction, Column, Digits, Event, EventTrigger,
    Function, FunctionKind, Mode, Name, Occasion, Part, Relation, RelationKind, Rule, Schema,
    Section, Signature, Stored, Trigger, Type, Upkeep,
};

/// Most rows that one catalogue is made of.
pub const MAX_ROWS: usize = 5_000_000;

/// Stands for a definition that could not be read; none is empty.
const UNREAD: Option<&str> = Some("");

/// A row that is not what its section's query returns.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a row of the catalogue's {section:?} is invalid: {reason}")]
pub struct InvalidRow {
    pub section: Section,
    pub reason: &'static str,
}

/// Takes rows, section by section, and builds a catalogue of them.
#[derive(Debug, Default)]
pub struct Loader {
    catalogue: Catalogue,
    /// Where a function is found while aggregates are loaded: its name and place in the list.
    function_places: HashMap<u32, (String, usize)>,
    /// The same for what functions take and return.
    signature_places: HashMap<u32, (String, usize)>,
    rows: usize,
}

/// One row, read column by column.
struct Row<'r> {
    section: Section,
    values: &'r [Option<&'r str>],
}

// === impl Loader ===

impl Loader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one row as text, as the simple protocol returns it.
    pub fn row(&mut self, section: Section, values: &[Option<&str>]) -> Result<(), InvalidRow> {
        let row = Row { section, values };
        self.rows += 1;
        if self.rows > MAX_ROWS {
            return Err(row.invalid("there are too many rows"));
        }
        match section {
            Section::Server => self.catalogue.server_version = row.number(0)?,
            Section::Schemas => self.schema(&row)?,
            Section::Relations => self.relation(&row)?,
            Section::Columns => self.column(&row)?,
            Section::Functions => self.function(&row)?,
            Section::AggregateCalls => self.aggregate_call(&row)?,
            Section::Operators => {
                let backed = Backed {
                    schema: row.text(1)?.to_owned(),
                    function: row.name(2)?,
                };
                let name = row.text(0)?.to_owned();
                self.catalogue
                    .operators
                    .entry(name)
                    .or_default()
                    .push(backed);
            }
            Section::Casts => {
                let target = row.text(0)?.to_owned();
                let function = row.name(1)?;
                if row.optional(3)?.is_some() {
                    let types = [row.number(3)?, row.number(4)?];
                    self.catalogue.types.cast(types, &function, row.boolean(5)?);
                }
                let casts = self.catalogue.casts.entry(target).or_default();
                casts.push(function);
            }
            Section::Types => {
                let made = Type::new(row.name(1)?, row.text(3)?, row.number(4)?);
                let made = made.ok_or_else(|| row.invalid("no such kind of type"))?;
                let oid = row.number(0)?;
                self.catalogue.types.add(oid, made);
                if let Some(default) = row.optional(5)? {
                    self.catalogue.types.run(oid, default);
                }
            }
            Section::Domains => self.catalogue.types.run(row.number(0)?, row.text(1)?),
            Section::ClassFunctions => self.catalogue.class_functions.push(ClassFunction {
                class: row.text(0)?.to_owned(),
                is_default: row.boolean(1)?,
                function: row.name(2)?,
            }),
            Section::EventTriggers => {
                let tags = row
                    .optional(3)?
                    .into_iter()
                    .flat_map(|tags| tags.split(','));
                self.catalogue.event_triggers.push(EventTrigger {
                    function: row.name(0)?,
                    event: row.text(2)?.to_owned(),
                    tags: tags.map(str::to_owned).collect(),
                });
            }
            Section::Servers => {
                let (server, wrapper) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
                self.catalogue.servers.insert(server, wrapper);
            }
            Section::Extensions => {
                let (name, schema) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
                self.catalogue.extensions.insert(name, schema);
            }
            Section::RowTypes => {
                let (relation, row_type) = (row.number(0)?, row.number(1)?);
                self.catalogue.row_types.insert(row_type, relation);
            }
            Section::Signatures => self.signature(&row)?,
            Section::Arguments => self.argument(&row)?,
            Section::Children => self.child(&row)?,
            _ => self.about_relation(&row)?,
        }
        Ok(())
    }

    /// The catalogue of all rows that were taken.
    pub fn finish(mut self) -> Catalogue {
        let runs = self.catalogue.relations_that_run();
        for oid in runs {
            if let Some(relation) = self.catalogue.relations.get_mut(&oid) {
                relation.runs = true;
            }
        }
        self.catalogue
    }

    fn schema(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let schema = Schema {
            owner: row.text(1)?.to_owned(),
            usable: row.boolean(2)?,
        };
        let name = row.text(0)?.to_owned();
        self.catalogue.schemas.insert(name, schema);
        Ok(())
    }

    fn relation(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let kind = match row.text(3)? {
            "r" => RelationKind::Table,
            "p" => RelationKind::Partitioned,
            "v" => RelationKind::View,
            "m" => RelationKind::MaterialisedView,
            "f" => RelationKind::Foreign,
            "S" => RelationKind::Sequence,
            "i" | "I" => RelationKind::Index,
            "t" => RelationKind::Toast,
            "c" => RelationKind::Composite,
            _ => return Err(row.invalid("no such kind of relation")),
        };
        let definition = row.optional(5)?;
        let relation = Relation {
            oid: row.number(0)?,
            name: row.name(1)?,
            kind,
            owner: row.text(4)?.to_owned(),
            columns: Vec::new(),
            definition: read(definition).map(Stored::statement),
            wrapper: row.optional(6)?.map(str::to_owned),
            children: Vec::new(),
            parents: Vec::new(),
            cascades: Vec::new(),
            triggers: Vec::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            checks: Vec::new(),
            upkeep: Vec::new(),
            dependents: Vec::new(),
            unique: Vec::new(),
            runs: false,
            unread: definition == UNREAD,
        };
        self.catalogue
            .relation_names
            .entry(relation.name.schema.clone())
            .or_default()
            .insert(relation.name.name.clone(), relation.oid);
        self.catalogue.relations.insert(relation.oid, relation);
        Ok(())
    }

    fn column(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let default = row.optional(4)?;
        let column = Column {
            number: row.number(1)?,
            name: row.text(2)?.to_owned(),
            type_oid: row.number(3)?,
            default: read(default).map(Stored::expression),
            generated: false,
            digits: None,
            has_length: false,
            not_null: row.boolean(5)?,
        };
        if let Some(relation) = self.owner(row)? {
            relation.columns.push(column);
            relation.unread |= default == UNREAD;
        }
        Ok(())
    }

    /// Sections whose first column names the relation that the row belongs to.
    fn about_relation(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let section = row.section;
        let Some(relation) = self.owner(row)? else {
            return Ok(());
        };
        match section {
            Section::Dependents => relation.dependents.push(row.number(1)?),
            Section::Unique => relation.unique.push(row.number(1)?),
            Section::Generated => {
                if let Some(column) = column(relation, row.number(1)?) {
                    column.generated = true;
                }
            }
            Section::Digits => {
                let digits = Digits {
                    before: row.number(2)?,
                    after: row.number(3)?,
                };
                if let Some(column) = column(relation, row.number(1)?) {
                    column.digits = Some(digits);
                }
            }
            Section::Lengths => {
                if let Some(column) = column(relation, row.number(1)?) {
                    column.has_length = true;
                }
            }
            Section::Policies | Section::Checks if row.optional(1)? == UNREAD => {
                relation.unread = true;
            }
            Section::Triggers if row.optional(4)? == UNREAD => relation.unread = true,
            Section::Rules if row.optional(2)? == UNREAD => relation.unread = true,
            Section::Upkeep if row.optional(2)? == UNREAD => relation.unread = true,
            Section::Policies => relation.policies.push(Stored::expression(row.text(1)?)),
            Section::Checks => relation.checks.push(Stored::expression(row.text(1)?)),
            Section::Upkeep => relation.upkeep.push(Upkeep {
                occasion: Occasion::from_letter(row.text(1)?)
                    .ok_or_else(|| row.invalid("no such occasion"))?,
                part: match row.optional(2)? {
                    Some(expression) => Part::Expression(Stored::expression(expression)),
                    None => Part::Function(row.name(3)?),
                },
            }),
            Section::Cascades => relation.cascades.push(Cascade {
                child: row.number(1)?,
                on_delete: row.boolean(2)?,
                on_update: row.boolean(3)?,
            }),
            Section::Triggers => relation.triggers.push(Trigger {
                function: row.name(1)?,
                events: trigger_events(row.number(3)?),
                definition: Stored::statement(row.text(4)?),
            }),
            Section::Rules => relation.rules.push(Rule {
                event: match row.text(1)? {
                    "2" => Event::Update,
                    "3" => Event::Insert,
                    "4" => Event::Delete,
                    _ => return Err(row.invalid("no such event of a rule")),
                },
                definition: Stored::statement(row.text(2)?),
            }),
            _ => return Err(row.invalid("the section has no relation")),
        }
        Ok(())
    }

    fn child(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let (parent, child) = (row.number(0)?, row.number(1)?);
        if let Some(relation) = self.catalogue.relations.get_mut(&parent) {
            relation.children.push(child);
        }
        if let Some(relation) = self.catalogue.relations.get_mut(&child) {
            relation.parents.push(parent);
        }
        Ok(())
    }

    /// The relation of a row's first column. A relation that is not there was made after the
    /// snapshot, or belongs to another session.
    fn owner(&mut self, row: &Row<'_>) -> Result<Option<&mut Relation>, InvalidRow> {
        let oid: u32 = row.number(0)?;
        Ok(self.catalogue.relations.get_mut(&oid))
    }

    fn function(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let kind = match row.text(3)? {
            "f" => FunctionKind::Function,
            "p" => FunctionKind::Procedure,
            "a" => FunctionKind::Aggregate,
            "w" => FunctionKind::Window,
            _ => return Err(row.invalid("no such kind of function")),
        };
        let atomic = row.optional(12)?;
        let body = match (atomic, row.optional(11)?) {
            _ if atomic == UNREAD => None,
            (Some(atomic), _) => Some(Body::Atomic(Stored::atomic_body(atomic))),
            (None, Some(quoted)) => Some(Body::Quoted(Stored::statement(quoted))),
            (None, None) => None,
        };
        let function = Function {
            oid: row.number(0)?,
            name: row.name(1)?,
            kind,
            owner: row.text(4)?.to_owned(),
            language: row.text(5)?.to_owned(),
            arguments: row.number(6)?,
            defaults: row.number(7)?,
            variadic: row.boolean(8)?,
            takes_row: row.boolean(9)?,
            security_definer: row.boolean(10)?,
            default_values: row.optional(16)?.map(Stored::expression),
            body,
            settings: row
                .optional(13)?
                .map(|settings| settings.lines().map(str::to_owned).collect())
                .unwrap_or_default(),
            extension: row.optional(14)?.map(str::to_owned),
            definition_hash: row.optional(15)?.unwrap_or_default().to_owned(),
            calls: Vec::new(),
            unread: atomic == UNREAD,
        };
        let name = function.name.name.clone();
        let list = self.catalogue.functions.entry(name.clone()).or_default();
        self.function_places
            .insert(function.oid, (name, list.len()));
        list.push(function);
        Ok(())
    }

    fn signature(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let signature = Signature {
            oid: row.number(0)?,
            schema: row.text(1)?.to_owned(),
            count: row.number(3)?,
            defaults: row.number(4)?,
            variadic: row.boolean(5)?,
            returns_set: row.boolean(6)?,
            result: row.number(7)?,
            arguments: Vec::new(),
        };
        let name = row.text(2)?.to_owned();
        let list = self.catalogue.signatures.entry(name.clone()).or_default();
        self.signature_places
            .insert(signature.oid, (name, list.len()));
        list.push(signature);
        Ok(())
    }

    fn argument(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let oid: u32 = row.number(0)?;
        let argument = Argument {
            mode: Mode::from_letter(row.text(1)?)
                .ok_or_else(|| row.invalid("no such mode of an argument"))?,
            name: row
                .optional(2)?
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            type_oid: row.number(3)?,
        };
        let signature = self.signature_places.get(&oid).and_then(|(name, place)| {
            self.catalogue
                .signatures
                .get_mut(name)
                .and_then(|list| list.get_mut(*place))
        });
        if let Some(signature) = signature {
            signature.arguments.push(argument);
        }
        Ok(())
    }

    fn aggregate_call(&mut self, row: &Row<'_>) -> Result<(), InvalidRow> {
        let oid: u32 = row.number(0)?;
        let called = row.name(1)?;
        let function = self.function_places.get(&oid).and_then(|(name, place)| {
            self.catalogue
                .functions
                .get_mut(name)
                .and_then(|list| list.get_mut(*place))
        });
        if let Some(function) = function {
            function.calls.push(called);
        }
        Ok(())
    }
}

// === impl Row ===

impl<'r> Row<'r> {
    fn optional(&self, index: usize) -> Result<Option<&'r str>, InvalidRow> {
        self.values
            .get(index)
            .copied()
            .ok_or_else(|| self.invalid("it has too few columns"))
    }

    fn text(&self, index: usize) -> Result<&'r str, InvalidRow> {
        self.optional(index)?
            .ok_or_else(|| self.invalid("a value is NULL"))
    }

    fn number<T: std::str::FromStr>(&self, index: usize) -> Result<T, InvalidRow> {
        self.text(index)?
            .parse()
            .map_err(|_| self.invalid("a value is no number"))
    }

    fn boolean(&self, index: usize) -> Result<bool, InvalidRow> {
        match self.text(index)? {
            "t" => Ok(true),
            "f" => Ok(false),
            _ => Err(self.invalid("a value is neither `t` nor `f`")),
        }
    }

    /// A schema and a name, in two columns.
    fn name(&self, index: usize) -> Result<Name, InvalidRow> {
        Ok(Name::new(self.text(index)?, self.text(index + 1)?))
    }

    fn invalid(&self, reason: &'static str) -> InvalidRow {
        InvalidRow {
            section: self.section,
            reason,
        }
    }
}

/// A definition that was read.
fn column(relation: &mut Relation, number: i16) -> Option<&mut Column> {
    let mut columns = relation.columns.iter_mut();
    columns.find(|column| column.number == number)
}

fn read(definition: Option<&str>) -> Option<&str> {
    definition.filter(|text| !text.is_empty())
}

/// The events in the bits of `tgtype`.
fn trigger_events(bits: u16) -> Vec<Event> {
    [
        (4, Event::Insert),
        (8, Event::Delete),
        (16, Event::Update),
        (32, Event::Truncate),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, event)| event)
    .collect()
}
