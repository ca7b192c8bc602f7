//! What may fail, or last, by what a value is: the answer then tells of it, whatever is masked.
//!
//! Total are, and so stay free: functions on the lists below, comparisons, `||`, casts to texts and
//! from one number or date to another, sums and products with small given numbers. All else that a
//! column goes into counts as a use of it: a division by it, a text read as a number, a pattern.
//! What may become NULL by what a column holds is total only as long as nothing that could fail
//! is done with it.

use pg_query::protobuf::{AExpr, AExprKind, Node, node};

use super::Use;
use super::trace::Tracer;
use super::value::{Constant, JSON, JSONB, Kind, Value};
use crate::sql::names;

/// Functions that give a value for whatever arguments.
const TOTAL: &str = " upper lower initcap length char_length character_length octet_length bit_length \
    reverse btrim ltrim rtrim concat concat_ws position strpos starts_with left right ascii to_hex \
    md5 sha224 sha256 sha384 sha512 quote_literal quote_ident quote_nullable hashtext \
    hashtextextended to_json to_jsonb row_to_json array_to_json json_build_object \
    jsonb_build_object json_build_array jsonb_build_array json_agg jsonb_agg json_object_agg \
    jsonb_object_agg json_typeof jsonb_typeof jsonb_pretty json_strip_nulls jsonb_strip_nulls \
    json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text \
    array_agg string_agg xmlagg count sum avg min max bool_and bool_or every any_value stddev \
    stddev_pop stddev_samp variance var_pop var_samp first_value last_value array_length \
    array_upper array_lower array_ndims array_dims cardinality array_append array_prepend \
    array_position array_positions array_remove array_replace array_to_string string_to_array \
    abs round ceil ceiling floor trunc sign age isfinite pg_typeof pg_column_size num_nulls \
    num_nonnulls host family masklen network netmask broadcast abbrev hostmask text to_tsvector \
    isempty lower_inc upper_inc lower_inf upper_inf similarity word_similarity soundex unaccent ";

/// Functions that do so for their first argument where the others are given.
const TOTAL_IN_FIRST: &str = " substr substring lpad rpad split_part replace translate overlay \
    regexp_replace regexp_match regexp_substr regexp_like regexp_count regexp_instr \
    regexp_split_to_array to_char encode lag lead digest hmac array_to_string ";

/// The same for their second one: the first names a unit.
const TOTAL_IN_SECOND: &str = " date_trunc date_part extract timezone ";

/// Those of them that fail where a key is NULL.
const KEYED: &str = " json_build_object jsonb_build_object json_object_agg jsonb_object_agg ";

/// Functions that change a document at a path, which is their second argument: they give a value
/// where the path is given.
const AT_A_PATH: &str = " jsonb_set jsonb_set_lax jsonb_insert ";

/// Functions that give NULL by what the value is.
const NULLING: &str = " substring regexp_match regexp_substr array_position array_length array_upper \
    array_lower array_dims array_ndims nth_value ";

/// Functions that give a number.
const NUMBERS: &str = " length char_length character_length octet_length bit_length position strpos ascii \
    count sum avg abs round ceil ceiling floor trunc sign date_part extract array_length \
    cardinality ";

/// Types that take every text.
const TEXTS: [&str; 6] = ["text", "varchar", "bpchar", "name", "char", "citext"];

/// The numbers of types whose values are texts.
const TEXT_TYPES: [u32; 6] = [19, 25, 142, 705, 1042, 1043];

/// Operators that give a value for whatever operands.
const TOTAL_OPERATORS: [&str; 22] = [
    "=", "<>", "!=", "<", ">", "<=", ">=", "||", "->", "->>", "#>", "#>>", "@>", "<@", "&&", "?",
    "?|", "?&", "^@", "<<", ">>", "#",
];

/// The largest number that may be added to a column, or multiplied by: what overflows then is near
/// the end of its type, and so hardly a salary or a code.
const SMALL: f64 = 1000.0;

fn is_in(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

impl Tracer<'_> {
    /// Something that is seen depends on the value in a way that no mask covers.
    pub(super) fn may_fail(&mut self, value: &Value) {
        if !value.sources.is_empty() {
            let seen = Value {
                untraced: false,
                ..value.clone()
            };
            self.look_at(&seen, Use::Fails);
        }
    }

    // === calls ===

    pub(super) fn call_may_fail(&mut self, name: &str, arguments: &[Value]) {
        if is_in(KEYED, name) && arguments.iter().any(|value| value.is_nulled) {
            arguments.iter().for_each(|value| self.may_fail(value));
            return;
        }
        if is_in(AT_A_PATH, name) {
            return self.path_may_fail(name, arguments);
        }
        if is_in(TOTAL, name) {
            return;
        }
        let free = match name {
            _ if is_in(TOTAL_IN_FIRST, name) => Some(0),
            _ if is_in(TOTAL_IN_SECOND, name) => Some(1),
            _ => None,
        };
        if name == "format"
            && let Some((first, rest)) = arguments.split_first()
            && matches!(&first.constant, Some(Constant::One(form)) if !form.contains('*'))
            && !rest.iter().any(|value| value.is_nulled)
        {
            return;
        }
        let mut others = arguments.iter().enumerate();
        let is_given = others.all(|(at, value)| Some(at) == free || value.is_literal());
        for (at, value) in arguments.iter().enumerate() {
            if !(is_given && Some(at) == free && !value.is_nulled) {
                self.may_fail(value);
            }
        }
    }

    /// Where a path leads nowhere, or two ways, tells what it is made of.
    fn path_may_fail(&mut self, name: &str, arguments: &[Value]) {
        for (at, value) in arguments.iter().enumerate() {
            // What is done with NULL is a choice of the lax one.
            if at == 1 || at > 2 || value.is_nulled || name == "jsonb_set_lax" && at == 2 {
                self.may_fail(value);
            }
        }
    }

    /// True when a call may give NULL by what its arguments hold.
    pub(super) fn gives_null(name: &str) -> bool {
        is_in(NULLING, name)
    }

    /// The same of a call that is known to look at this part of its document.
    pub(super) fn document_call_may_fail(&mut self, name: &str, value: &Value, all: &[Value]) {
        let [document, rest @ ..] = all else { return };
        if name.contains("path_query") || name.contains("path_exists") {
            let is_lax = rest.iter().all(|given| match &given.constant {
                // Methods convert, and strict paths end where a member is missing.
                Some(Constant::One(path)) => !path.contains("()") && !path.contains("strict"),
                _ => false,
            });
            if !is_lax {
                self.may_fail(value);
            }
            return;
        }
        // Whether it is an object or an array.
        let seen = self.outline(document);
        self.call_may_fail(name, &[seen]);
    }

    // === operators ===

    pub(super) fn operator_may_fail(&mut self, operation: &AExpr, left: &Value, right: &Value) {
        let name = names::strings(&operation.name).last().copied();
        match AExprKind::try_from(operation.kind) {
            Ok(AExprKind::AexprNullif) => self.compared(left, right),
            Ok(AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar) => {
                self.may_fail(right);
                // A pattern that ends in an escape fails where all before it fits.
                let is_sound = match &right.constant {
                    Some(Constant::One(pattern)) => !pattern.ends_with('\\'),
                    _ => false,
                };
                if !is_sound || left.is_nulled {
                    self.may_fail(left);
                }
            }
            // Two comparisons, of which the first may spare the second: what that could fail by.
            Ok(
                AExprKind::AexprBetween
                | AExprKind::AexprNotBetween
                | AExprKind::AexprBetweenSym
                | AExprKind::AexprNotBetweenSym,
            ) => {
                let bounds = operation.rexpr.as_deref();
                if left.is_nulled || !bounds.is_some_and(are_given) {
                    self.may_fail(left);
                    self.may_fail(right);
                }
            }
            Ok(AExprKind::AexprOp) => match name {
                Some("#-") => self.may_fail(right),
                Some("+" | "-" | "*") => self.sum_may_fail(operation.lexpr.is_none(), left, right),
                Some("/" | "%" | "~" | "~*" | "!~" | "!~*") => {
                    self.may_fail(right);
                    if left.is_nulled {
                        self.may_fail(left);
                    }
                }
                // A row is compared as far as its first part that differs, or is NULL.
                Some(name) if TOTAL_OPERATORS.contains(&name) => {
                    let is_row = [&operation.lexpr, &operation.rexpr]
                        .into_iter()
                        .any(|side| {
                            let node = side.as_deref().and_then(|side| side.node.as_ref());
                            matches!(node, Some(node::Node::RowExpr(_)))
                        });
                    if is_row && (left.is_nulled || right.is_nulled) {
                        self.may_fail(left);
                        self.may_fail(right);
                    }
                }
                _ => {
                    let nulled = [left, right].into_iter().any(|value| value.is_nulled);
                    if nulled || matches!(name, Some("^" | "|/" | "||/" | "!!")) {
                        self.may_fail(left);
                        self.may_fail(right);
                    }
                }
            },
            _ => {}
        }
    }

    fn sum_may_fail(&mut self, is_sign: bool, left: &Value, right: &Value) {
        let is_stored = |value: &Value| !value.sources.is_empty() || value.untraced;
        let free = |other: &Value| is_sign || is_stored(other) || is_small(other);
        for (value, other) in [(left, right), (right, left)] {
            if value.is_nulled || !free(other) && !value.is_document() {
                self.may_fail(value);
            }
        }
    }

    // === casts ===

    /// A cast to a type of this name; `from` is what is cast, where it is known.
    pub(super) fn cast_may_fail(&mut self, value: &Value, name: &str, from: Option<&Node>) {
        if TEXTS.contains(&name) || self.catalogue.is_unchecked_text(name) {
            return;
        }
        let is_free = match value.kind {
            Kind::Plain(oid) if TEXT_TYPES.contains(&oid) => name == "bytea",
            Kind::Plain(JSON | JSONB) | Kind::Part(_) => matches!(name, "json" | "jsonb"),
            Kind::Plain(_) => true,
            Kind::Literal(_) => true,
            Kind::Computed => from.is_some_and(is_number) && !value.is_nulled,
        };
        if is_free {
            return;
        }
        let seen = self.outline(value);
        self.may_fail(&seen);
    }

    // === COALESCE ===

    /// Later arms run only where the first ones are NULL: where they may fail, that is told.
    pub(super) fn arms_may_fail(&mut self, arms: &[Value]) {
        let is_plain = |value: &Value| value.is_literal() || matches!(value.kind, Kind::Plain(_));
        for (at, arm) in arms.iter().enumerate() {
            let mut later = arms.iter().skip(at + 1);
            if arm.is_nulled && later.any(|value| !is_plain(value)) {
                self.may_fail(arm);
            }
        }
    }
}

/// True for a list of constants, parameters and columns: to make one of them cannot fail.
fn are_given(bounds: &Node) -> bool {
    use node::Node as N;
    match bounds.node.as_ref() {
        Some(N::List(list)) => list.items.iter().all(are_given),
        Some(N::AConst(_) | N::ParamRef(_) | N::ColumnRef(_)) => true,
        Some(N::TypeCast(cast)) => cast
            .arg
            .as_deref()
            .and_then(|arg| arg.node.as_ref())
            .is_some_and(|arg| matches!(arg, N::AConst(_))),
        _ => false,
    }
}

/// A given number that is small, or a text in which all numbers are.
fn is_small(value: &Value) -> bool {
    let Some(Constant::One(text)) = &value.constant else {
        return false;
    };
    match text.parse::<f64>() {
        Ok(number) => text.len() <= 16 && number.abs() <= SMALL,
        Err(_) => text
            .split(|c: char| !c.is_ascii_digit())
            .all(|run| run.len() <= 4),
    }
}

/// True for what is surely a number or a boolean.
fn is_number(node: &Node) -> bool {
    use node::Node as N;
    match node.node.as_ref() {
        Some(N::BoolExpr(_) | N::NullTest(_) | N::BooleanTest(_)) => true,
        Some(N::AExpr(operation)) => match AExprKind::try_from(operation.kind) {
            Ok(AExprKind::AexprOp) => matches!(
                names::strings(&operation.name).last(),
                Some(&("+" | "-" | "*" | "/" | "%" | "=" | "<>" | "<" | ">" | "<=" | ">="))
            ),
            Ok(AExprKind::AexprNullif) => false,
            Ok(_) => true,
            Err(_) => false,
        },
        Some(N::FuncCall(call)) => names::strings(&call.funcname)
            .last()
            .is_some_and(|name| is_in(NUMBERS, name)),
        _ => false,
    }
}
