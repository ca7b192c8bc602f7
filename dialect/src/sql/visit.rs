//! A visitor that sees every field of a tree, whatever its node is.
//!
//! The typed walk in `classify` knows what each node means, but a node that it forgot would be
//! silence. The parser's tree can be serialised, and serialising reaches every field, so a
//! serialiser that only counts is exhaustive by construction. The two must agree: what the typed
//! walk did not account for makes the operation Unknown.

use std::fmt;

use serde::ser::{self, Serialize};

/// The nodes that the typed walk must account for, one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Counted {
    RangeVar,
    FuncCall,
    SelectStmt,
    InsertStmt,
    UpdateStmt,
    DeleteStmt,
    MergeStmt,
    AExpr,
    TypeCast,
    SubLink,
    ColumnRef,
    CommonTableExpr,
    LockingClause,
    IntoClause,
    CurrentOfExpr,
}

const NAMES: [&str; 15] = [
    "RangeVar",
    "FuncCall",
    "SelectStmt",
    "InsertStmt",
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
    "AExpr",
    "TypeCast",
    "SubLink",
    "ColumnRef",
    "CommonTableExpr",
    "LockingClause",
    "IntoClause",
    "CurrentOfExpr",
];

/// How many nodes of each counted sort there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts([u32; NAMES.len()]);

/// What the names of a node are, as far as they stand in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Named {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Of a relation: what it is called in this place.
    pub(crate) alias: String,
}

/// What a statement mentions, wherever it stands.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    pub(crate) counts: Counts,
    pub(crate) relations: Vec<Named>,
    /// Names of called functions, each as its parts, with the number of arguments.
    pub(crate) functions: Vec<(Vec<String>, usize)>,
    /// Names of types, each as its parts, and whether an array of it is meant.
    pub(crate) types: Vec<(Vec<String>, bool)>,
    /// Names of operators, each as its parts.
    pub(crate) operators: Vec<Vec<String>>,
    /// Names of columns, each as its parts; `*` for all.
    pub(crate) columns: Vec<Vec<String>>,
}

// === impl Counts ===

impl Counts {
    pub(crate) fn add(&mut self, counted: Counted) {
        if let Some(count) = self.0.get_mut(counted as usize) {
            *count += 1;
        }
    }

    /// True when something stands in the tree that differs from row to row.
    pub(crate) fn looks_at_rows(&self) -> bool {
        [Counted::ColumnRef, Counted::CurrentOfExpr]
            .iter()
            .any(|sort| self.0.get(*sort as usize).is_some_and(|count| *count > 0))
    }

    /// The sum of both.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
        self
    }
}

// === entry points ===

/// Counts what a tree holds; `None` when it could not be seen whole.
pub(crate) fn count(tree: &impl Serialize) -> Option<Counts> {
    let mut visitor = Visitor::new(false);
    tree.serialize(&mut visitor).ok()?;
    Some(visitor.mentions.counts)
}

/// Collects all that a tree mentions; `None` when it could not be seen whole.
pub(crate) fn mentions(tree: &impl Serialize) -> Option<Mentions> {
    let mut visitor = Visitor::new(true);
    tree.serialize(&mut visitor).ok()?;
    Some(visitor.mentions)
}

/// How many parts of a tree are inside of each other; `None` when it could not be seen whole.
pub(crate) fn depth(tree: &impl Serialize) -> Option<usize> {
    let mut visitor = Visitor::new(false);
    tree.serialize(&mut visitor).ok()?;
    Some(visitor.deepest)
}

// === the visitor ===

struct Visitor {
    mentions: Mentions,
    depth: usize,
    deepest: usize,
    collects: bool,
    stack: Vec<Frame>,
}

/// A struct that is being visited.
struct Frame {
    sort: Sort,
    field: &'static str,
    strings: Vec<(&'static str, String)>,
    arguments: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Carries a string up to what holds it.
    Carrier,
    Relation,
    Function,
    Type,
    Operator,
    Column,
    /// The value of an option may look like a type.
    Option,
    Other,
}

/// Stands in the names of a type that is that of a column.
const OF_COLUMN: &str = "%TYPE";

impl Visitor {
    fn new(collects: bool) -> Self {
        Self {
            mentions: Mentions::default(),
            depth: 0,
            deepest: 0,
            collects,
            stack: Vec::new(),
        }
    }

    fn enter(&mut self, name: &'static str) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if let Some(index) = NAMES.iter().position(|counted| *counted == name)
            && let Some(count) = self.mentions.counts.0.get_mut(index)
        {
            *count += 1;
        }
        if self.collects {
            let sort = match name {
                "Node" | "String" | "Alias" | "AStar" => Sort::Carrier,
                "RangeVar" => Sort::Relation,
                "FuncCall" => Sort::Function,
                "TypeName" => Sort::Type,
                "AExpr" => Sort::Operator,
                "ColumnRef" => Sort::Column,
                "DefElem" => Sort::Option,
                _ => Sort::Other,
            };
            self.stack.push(Frame {
                sort,
                field: "",
                strings: Vec::new(),
                arguments: 0,
            });
            if name == "AStar" {
                self.string("*");
            }
        }
    }

    fn string(&mut self, value: &str) {
        let holder = self
            .stack
            .iter_mut()
            .rev()
            .find(|frame| frame.sort != Sort::Carrier);
        if let Some(frame) = holder
            && !matches!(frame.sort, Sort::Other | Sort::Option)
        {
            frame.strings.push((frame.field, value.to_owned()));
        }
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let named = |wanted: &str| -> Vec<String> {
            frame
                .strings
                .iter()
                .filter(|(field, _)| *field == wanted)
                .map(|(_, value)| value.clone())
                .collect()
        };
        match frame.sort {
            Sort::Relation => self.mentions.relations.push(Named {
                schema: named("schemaname").concat(),
                name: named("relname").concat(),
                alias: named("alias").into_iter().next().unwrap_or_default(),
            }),
            Sort::Function => {
                let called = (named("funcname"), frame.arguments);
                self.mentions.functions.push(called);
            }
            Sort::Type => {
                let option = self.stack.iter().any(|frame| frame.sort == Sort::Option);
                if !option && named("pct_type").is_empty() {
                    let is_array = !named("array_bounds").is_empty();
                    self.mentions.types.push((named("names"), is_array));
                }
            }
            Sort::Operator => self.mentions.operators.push(named("name")),
            Sort::Column => self.mentions.columns.push(named("fields")),
            Sort::Carrier | Sort::Option | Sort::Other => {}
        }
    }
}

/// A type of the tree refused to be serialised. None does; if one did, the tree would count as
/// not seen.
#[derive(Debug)]
struct Unseen;

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node could not be visited")
    }
}

impl std::error::Error for Unseen {}

impl ser::Error for Unseen {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! ignored {
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(fn $method(self, _: $type) -> Result<(), Unseen> {
            Ok(())
        })+
    };
}

impl ser::Serializer for &mut Visitor {
    type Ok = ();
    type Error = Unseen;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    ignored!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_f32: f32, serialize_f64: f64, serialize_char: char,
        serialize_bytes: &[u8], serialize_unit_struct: &'static str,
    );

    fn serialize_bool(self, value: bool) -> Result<(), Unseen> {
        if value
            && let Some(frame) = self.stack.last_mut()
            && frame.sort == Sort::Type
        {
            frame.strings.push((frame.field, OF_COLUMN.to_owned()));
        }
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Unseen> {
        if self.collects {
            self.string(value);
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unseen> {
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Unseen> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unseen> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), Unseen> {
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unseen> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unseen> {
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Unseen> {
        if let Some(frame) = self.stack.last_mut()
            && frame.sort == Sort::Function
            && frame.field == "args"
        {
            frame.arguments = length.unwrap_or_default();
        }
        if let Some(frame) = self.stack.last_mut()
            && frame.sort == Sort::Type
            && frame.field == "array_bounds"
            && length != Some(0)
        {
            frame.strings.push((frame.field, String::new()));
        }
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unseen> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unseen> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unseen> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unseen> {
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, Unseen> {
        self.enter(name);
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Self, Unseen> {
        self.enter(name);
        Ok(self)
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),+ $(,)?) => {
        $(impl ser::$trait for &mut Visitor {
            type Ok = ();
            type Error = Unseen;

            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unseen> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Unseen> {
                Ok(())
            }
        })+
    };
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
);

impl ser::SerializeMap for &mut Visitor {
    type Ok = ();
    type Error = Unseen;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, _: &T) -> Result<(), Unseen> {
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unseen> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Unseen> {
        Ok(())
    }
}

macro_rules! fields {
    ($($trait:ident),+ $(,)?) => {
        $(impl ser::$trait for &mut Visitor {
            type Ok = ();
            type Error = Unseen;

            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unseen> {
                if let Some(frame) = self.stack.last_mut() {
                    frame.field = name;
                }
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Unseen> {
                self.leave();
                Ok(())
            }
        })+
    };
}

fields!(SerializeStruct, SerializeStructVariant);
