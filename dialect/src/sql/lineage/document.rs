//! Parts of documents: which part an expression takes out, and which ones a condition looks at.
//!
//! A value that is a document, or a part of one, carries its [`Place`]: what it is made of is that
//! part and what is below. Where the part cannot be told (a path that is computed, an unknown
//! function), the place stays the one before, and all below it counts.
//!
//! An *outline* is what is seen of a part without what is below it: whether it is there, of which
//! type, how many elements it has, its members' names; or a scalar, such as what a cast to a number
//! leaves.

use std::collections::HashMap;

use pg_query::protobuf::ColumnDef;
use portcullis_policy::mask::{DocumentPlace, PlaceStep};

use super::Use;
use super::sort::Sort;
use super::trace::Tracer;
use super::value::{Column, Constant, Kind, Place, Source, Sources, Value};
use super::{constant, jsonpath};

/// Most steps of one place in a document; what is past them counts as all of the part before.
const MAX_STEPS: usize = 64;

/// Most places in documents of one text; what is past them counts as all of the part before.
const MAX_PLACES: usize = 4096;

/// Types that a cast makes of a scalar only: it fails for an object or an array.
pub(super) const SCALARS: [&str; 17] = [
    "bool",
    "boolean",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "inet",
    "money",
];

/// The parts of documents that a text names.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// All but the whole document, which is number 0.
    known: Vec<Known>,
    numbers: HashMap<(Place, Option<PlaceStep>), Place>,
}

#[derive(Debug)]
struct Known {
    parent: Place,
    /// None for the outline of the parent.
    step: Option<PlaceStep>,
    depth: usize,
}

// === impl Places ===

impl Places {
    fn known(&self, place: Place) -> Option<&Known> {
        let at = usize::try_from(place.0).ok()?.checked_sub(1)?;
        self.known.get(at)
    }

    /// The place one step below another, or its outline; `None` where it is not told apart.
    fn below(&mut self, place: Place, step: Option<&PlaceStep>) -> Option<Place> {
        let (depth, is_outline) = self
            .known(place)
            .map_or((0, false), |known| (known.depth, known.step.is_none()));
        if is_outline {
            return Some(place);
        }
        let key = (place, step.cloned());
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        if depth >= MAX_STEPS || self.known.len() >= MAX_PLACES {
            return None;
        }
        self.known.push(Known {
            parent: place,
            step: key.1.clone(),
            depth: depth + 1,
        });
        let number = Place(u32::try_from(self.known.len()).ok()?);
        self.numbers.insert(key, number);
        Some(number)
    }

    pub(super) fn told(&self, place: Place) -> DocumentPlace {
        let mut steps = Vec::new();
        let mut whole = true;
        let mut at = place;
        while let Some(known) = self.known(at) {
            match &known.step {
                Some(step) => steps.push(step.clone()),
                None => whole = false,
            }
            at = known.parent;
        }
        steps.reverse();
        DocumentPlace { steps, whole }
    }
}

// === impl Tracer ===

impl Tracer<'_> {
    /// The part of a document that these steps lead to.
    pub(super) fn part(&mut self, document: &Value, steps: &[PlaceStep]) -> Value {
        let own = document.kind != Kind::Part(false);
        let steps = steps.iter().map(Some);
        match self.placed(document, steps) {
            Some(sources) => Value {
                untraced: document.untraced,
                ..Value::of(sources, Kind::Part(own))
            },
            None => document.clone().into_computed(),
        }
    }

    /// What is seen of a document without what is below; all of any other value.
    pub(super) fn outline(&mut self, value: &Value) -> Value {
        let mut outline = value.clone().into_computed();
        if value.is_document()
            && let Some(sources) = self.placed(value, [None].into_iter())
        {
            outline.sources = sources;
        }
        outline
    }

    fn placed<'s>(
        &mut self,
        document: &Value,
        steps: impl Iterator<Item = Option<&'s PlaceStep>> + Clone,
    ) -> Option<Sources> {
        let mut placed = Sources::default();
        for source in document.sources.iter() {
            let mut place = source.place;
            for step in steps.clone() {
                self.work += 1;
                place = self.places.below(place, step)?;
            }
            self.work += placed.add(&Sources::one(Source { place, ..source }));
        }
        Some(placed)
    }

    fn member(&mut self, document: &Value, key: &str) -> Value {
        self.part(document, &[PlaceStep::Key(key.to_owned())])
    }

    fn some_member(&mut self, document: &Value) -> Value {
        self.part(document, &[PlaceStep::Any])
    }

    fn element(&mut self, document: &Value) -> Value {
        self.part(document, &[PlaceStep::Element])
    }

    /// A document as another type.
    pub(super) fn cast_document(&mut self, document: &Value, cast: Value, name: &str) -> Value {
        match name {
            "json" | "jsonb" | "text" | "varchar" => {
                let part = self.part(document, &[]);
                match cast.sources == document.sources {
                    true => part,
                    // A cast of the user's own looked at more.
                    false => cast,
                }
            }
            name if SCALARS.contains(&name) => self.outline(document),
            _ => cast,
        }
    }

    // === operators ===

    /// What an operator of the server makes of a document; `None` where it says nothing of parts.
    pub(super) fn document_operator(
        &mut self,
        name: &str,
        left: &Value,
        right: &Value,
    ) -> Option<Value> {
        if !left.is_document() {
            return None;
        }
        match name {
            "->" | "->>" => Some(self.step_into(left, right)),
            "#>" | "#>>" => {
                let keys = constant::list(right.constant.as_ref()?)?;
                Some(self.path_into(left, &keys))
            }
            "?" | "?|" | "?&" => {
                let keys = match (name, right.constant.as_ref()) {
                    ("?", Some(Constant::One(key))) => Some(vec![key.to_string()]),
                    ("?", _) | (_, None) => None,
                    (_, Some(given)) => constant::list(given),
                };
                Some(self.has_keys(left, right, keys))
            }
            "@>" => {
                let Some(Constant::One(given)) = &right.constant else {
                    return None;
                };
                let mut all = Value::computed();
                for leaf in constant::leaves(given)? {
                    let part = self.part(left, &leaf.steps);
                    let seen = self.outline(&part);
                    self.work += all.absorb(&seen);
                }
                Some(all)
            }
            "@?" | "@@" => self.by_jsonpath(left, right, false),
            _ => None,
        }
    }

    /// `document -> key`, `document[key]`.
    pub(super) fn step_into(&mut self, document: &Value, key: &Value) -> Value {
        let mut part = match &key.constant {
            Some(Constant::One(key)) => self.member(document, key),
            _ => self.some_member(document),
        };
        if !key.sources.is_empty() || key.untraced {
            part = part.into_computed();
            self.work += part.absorb(key);
        }
        part
    }

    fn path_into(&mut self, document: &Value, keys: &[String]) -> Value {
        let steps: Vec<PlaceStep> = keys.iter().cloned().map(PlaceStep::Key).collect();
        self.part(document, &steps)
    }

    /// Whether there are members of these names, or elements that are these strings.
    fn has_keys(&mut self, document: &Value, given: &Value, keys: Option<Vec<String>>) -> Value {
        let mut parts = vec![document.clone(), self.element(document)];
        match keys {
            Some(keys) => parts.extend(keys.iter().map(|key| self.member(document, key))),
            None => parts.push(self.some_member(document)),
        }
        let mut all = given.clone().into_computed();
        for part in parts {
            let seen = self.outline(&part);
            self.work += all.absorb(&seen);
        }
        all
    }

    /// What an SQL/JSON path looks at; `answers` when it gives what it leads to.
    fn by_jsonpath(&mut self, document: &Value, path: &Value, answers: bool) -> Option<Value> {
        let Some(Constant::One(path)) = &path.constant else {
            return None;
        };
        let mut all = Value::computed();
        for read in jsonpath::reads(path, answers)? {
            let part = self.part(document, &read.steps);
            let seen = match read.whole {
                true => part,
                false => self.outline(&part),
            };
            self.work += all.absorb(&seen);
        }
        Some(all)
    }

    // === functions ===

    /// What a function of the server makes of a document; `None` where it says nothing of parts.
    pub(super) fn document_call(&mut self, name: &str, arguments: &[Value]) -> Option<Value> {
        let (document, rest) = arguments.split_first()?;
        if !document.is_document() {
            return None;
        }
        let kind = name
            .strip_prefix("jsonb_")
            .or_else(|| name.strip_prefix("json_"))?;
        let value = match kind {
            "extract_path" | "extract_path_text" => {
                let mut keys = Vec::new();
                for key in rest {
                    match key.constant.as_ref()? {
                        Constant::One(key) => keys.push(key.to_string()),
                        Constant::List(all) => keys.extend(all.iter().map(ToString::to_string)),
                    }
                }
                self.path_into(document, &keys)
            }
            "typeof" | "array_length" | "object_keys" => self.outline(document),
            "array_elements" | "array_elements_text" | "to_recordset" => self.element(document),
            "to_record" => self.part(document, &[]),
            "each" | "each_text" => {
                let key = self.outline(document);
                let value = self.some_member(document);
                let mut row = self.derived([&key, &value]);
                let sort = match kind {
                    "each" => Sort::Json,
                    _ => Sort::Text,
                };
                let fields = [
                    ("key", key.sorted(Sort::Text)),
                    ("value", value.sorted(sort)),
                ];
                let fields = fields.map(|(name, value)| Column::new(Some(name), value));
                row.row = Some(fields.into());
                row
            }
            "path_exists" | "path_exists_tz" | "path_match" | "path_match_tz" => {
                self.jsonpath_call(document, rest, false)?
            }
            "path_query"
            | "path_query_tz"
            | "path_query_array"
            | "path_query_array_tz"
            | "path_query_first"
            | "path_query_first_tz" => self.jsonpath_call(document, rest, true)?,
            _ => return None,
        };
        Some(value)
    }

    fn jsonpath_call(&mut self, document: &Value, rest: &[Value], answers: bool) -> Option<Value> {
        let (path, others) = rest.split_first()?;
        let mut value = self.by_jsonpath(document, path, answers)?;
        for other in others {
            self.work += value.absorb(other);
        }
        Some(value)
    }

    /// What the number of rows of a function tells that gives parts of a document, each as a row.
    pub(super) fn rows_of_parts(&mut self, name: &str, value: &Value, document: &Value) -> Value {
        match name.contains("path_query") {
            true => value.clone(),
            false => self.outline(document),
        }
    }

    /// A column of json_to_record and its like: the member of its name, where it fits.
    pub(super) fn named_parts(&mut self, record: &Value, defined: &[&ColumnDef]) -> Vec<Column> {
        let column = |defined: &&ColumnDef| {
            let member = self.member(record, &defined.colname);
            let sort = self.member_may_fail(&member, defined.type_name.as_ref());
            Column::new(Some(&defined.colname), member.sorted(sort))
        };
        defined.iter().map(column).collect()
    }

    /// The elements of an array may stand elsewhere from now on.
    pub(super) fn elements_move(&mut self, document: &Value) {
        let elements = self.element(document);
        self.reveal(&elements);
    }

    // === conditions ===

    /// `document @> given`: the scalars of what is given are looked up, each in its place.
    pub(super) fn containment(&mut self, document: &Value, given: &Value) -> bool {
        let is_lookup =
            document.is_document() && document.kind != Kind::Part(false) && given.is_literal();
        if !is_lookup {
            return false;
        }
        let leaves = match &given.constant {
            Some(Constant::One(text)) => constant::leaves(text),
            _ => None,
        };
        let Some(leaves) = leaves else {
            // Bound, or too much of it.
            let whole = self.part(document, &[]);
            self.look_at(&whole, Use::Equality);
            return true;
        };
        for leaf in leaves {
            let part = self.part(document, &leaf.steps);
            let seen = self.outline(&part);
            let seen = Value {
                kind: Kind::Part(true),
                ..seen
            };
            let usage = match leaf.is_scalar {
                true => Use::Equality,
                false => Use::Reveals,
            };
            self.look_at(&seen, usage);
        }
        true
    }
}
