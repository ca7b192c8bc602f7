//! Functions of which it was reviewed that they give a value for whatever arguments, and of what
//! sort that is. A function that is not here may fail.

use super::arithmetic::is_ordinary;
use super::sort::{MANY, Sort};
use super::value::{Constant, Value};
use crate::sql::catalogue::Digits;

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
    array_upper array_lower array_ndims array_dims cardinality array_to_string string_to_array \
    abs round ceil ceiling floor trunc sign age isfinite pg_typeof pg_column_size num_nulls \
    num_nonnulls host family masklen network netmask broadcast abbrev hostmask text \
    isempty lower_inc upper_inc lower_inf upper_inf similarity word_similarity soundex unaccent \
    justify_days justify_hours justify_interval scale min_scale trim_scale now \
    transaction_timestamp statement_timestamp clock_timestamp ";

/// Functions that do so for their first argument where the others are given.
const TOTAL_IN_FIRST: &str = " substr substring lpad rpad split_part replace translate overlay \
    regexp_replace regexp_match regexp_substr regexp_like regexp_count regexp_instr \
    regexp_split_to_array to_char encode lag lead nth_value digest hmac array_to_string ";

/// The same for their second one: the first names a unit.
const TOTAL_IN_SECOND: &str = " date_trunc date_part extract timezone ";

/// Functions that fail where a key is NULL.
const KEYED: &str = " json_build_object jsonb_build_object json_object_agg jsonb_object_agg ";

/// Those of them that are given keys and values in turn.
const BUILDING: &str = " json_build_object jsonb_build_object ";

/// Functions that give NULL by what the value is.
const NULLING: &str = " substring regexp_match regexp_substr array_length array_upper \
    array_lower array_dims array_ndims nth_value ";

const TEXTS: &str = " upper lower initcap reverse btrim ltrim rtrim concat concat_ws left right \
    to_hex md5 quote_literal quote_ident quote_nullable json_typeof jsonb_typeof jsonb_pretty \
    json_extract_path_text jsonb_extract_path_text string_agg array_dims array_to_string pg_typeof \
    host abbrev text soundex unaccent substr substring lpad rpad split_part replace translate \
    overlay regexp_replace regexp_substr to_char encode json_array_elements_text \
    jsonb_array_elements_text json_object_keys jsonb_object_keys ";

const COUNTS: &str = " length char_length character_length octet_length bit_length position strpos \
    ascii array_length array_upper array_lower array_ndims cardinality masklen family num_nulls \
    num_nonnulls pg_column_size count sign scale min_scale regexp_count regexp_instr \
    json_array_length jsonb_array_length ";

const BOOLEANS: &str = " starts_with bool_and bool_or every isfinite isempty lower_inc upper_inc \
    lower_inf upper_inf regexp_like jsonb_path_exists jsonb_path_match jsonb_path_exists_tz \
    jsonb_path_match_tz ";

const JSONS: &str = " to_json to_jsonb array_to_json json_build_array jsonb_build_array json_agg \
    jsonb_agg json_strip_nulls jsonb_strip_nulls json_extract_path jsonb_extract_path json_array_elements \
    jsonb_array_elements jsonb_path_query jsonb_path_query_array jsonb_path_query_first \
    jsonb_path_query_tz jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_set \
    jsonb_set_lax jsonb_insert ";

const OBJECTS: &str = " row_to_json json_build_object jsonb_build_object json_object_agg \
    jsonb_object_agg ";

const BYTES: &str = " sha224 sha256 sha384 sha512 digest hmac convert_to ";

/// Arrays of texts.
const LISTS: &str = " string_to_array regexp_match regexp_split_to_array ";

/// What is of the sort of the first argument.
const SAME: &str = " min max any_value first_value last_value lag lead nth_value abs ";

/// The time of now.
const NOW: &str = " now transaction_timestamp statement_timestamp clock_timestamp ";

/// Parts of a date or time that are small whatever it is.
const SMALL_PARTS: &str = " century day decade dow doy hour isodow isoyear millennium minute month \
    quarter second timezone timezone_hour timezone_minute week year ";

/// What a sum of many rows counts as.
const MANY_ROWS: f64 = 1e6;

/// Digits of the parts of a date or time.
const PART: Digits = Digits {
    before: 19,
    after: 6,
};

fn is_in(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

/// Which arguments of a call it may fail by.
pub(super) fn fails_by(name: &str, arguments: &[Value]) -> Vec<bool> {
    let none = || vec![false; arguments.len()];
    if is_in(KEYED, name) {
        let every = match is_in(BUILDING, name) {
            true => 2,
            // Of an aggregate the first.
            false => usize::MAX,
        };
        let is_key = |(at, value): (usize, &Value)| at % every == 0 && !value.is_literal();
        return arguments.iter().enumerate().map(is_key).collect();
    }
    if is_in(TOTAL, name) && is_total_of(name, arguments) {
        return none();
    }
    let free = match name {
        "convert_to" if is_one(arguments.get(1), |to| to.eq_ignore_ascii_case("utf8")) => Some(0),
        _ if is_in(TOTAL_IN_FIRST, name) => Some(0),
        _ if is_in(TOTAL_IN_SECOND, name) => Some(1),
        _ => None,
    };
    if name == "format"
        && let Some((first, rest)) = arguments.split_first()
        && is_one(Some(first), inserts_texts)
        && !rest.iter().any(|value| value.is_nulled)
    {
        return none();
    }
    let mut others = arguments.iter().enumerate();
    let mut is_given = others.all(|(at, value)| Some(at) == free || value.is_literal());
    if name.starts_with("regexp_") || name == "substring" {
        // A pattern that refers back may last by what it is matched with.
        let pattern = arguments.get(1).and_then(|value| value.constant.as_ref());
        is_given &= !matches!(pattern, Some(Constant::One(text)) if refers_back(text));
    }
    if name == "to_char" {
        // It multiplies by as many tens as the form says.
        is_given &= is_one(arguments.get(1), |form| !form.contains(['V', 'v']));
    }
    let fails = |(at, value): (usize, &Value)| !(is_given && Some(at) == free && !value.is_nulled);
    arguments.iter().enumerate().map(fails).collect()
}

/// The sort of what a reviewed function gives.
pub(super) fn sort_of(name: &str, arguments: &[Value]) -> Sort {
    let first = arguments.first();
    let own = first.map_or(Sort::Unknown, |value| value.sort);
    match name {
        "sum" => match own {
            Sort::Count | Sort::Int2 | Sort::Int4 => Sort::Int8,
            Sort::Int8 | Sort::Numeric(_) => Sort::Numeric(None),
            Sort::Float4 | Sort::Float8 => Sort::Float8,
            Sort::Money => own,
            _ => Sort::Unknown,
        },
        "avg" => match own {
            _ if own.is_float() => Sort::Float8,
            _ => Sort::Numeric(own.digits().map(|digits| Digits {
                after: MANY,
                ..digits
            })),
        },
        "round" | "ceil" | "ceiling" | "floor" | "trunc" => rounded(own, arguments.len()),
        "extract" | "date_part" => match is_one(first, |part| is_in(SMALL_PARTS, part)) {
            true => Sort::Count,
            false if name == "extract" => Sort::Numeric(Some(PART)),
            false => Sort::Float8,
        },
        "date_trunc" => match arguments.get(1).map(|value| value.sort) {
            Some(Sort::Interval) => Sort::Interval,
            _ => Sort::Stamp,
        },
        "timezone" => Sort::Stamp,
        "age" | "justify_days" | "justify_hours" | "justify_interval" => Sort::Interval,
        "upper" | "lower" if matches!(own, Sort::Array(_) | Sort::Other) => Sort::Unknown,
        "to_json" | "to_jsonb" if first.is_some_and(|value| value.row.is_some()) => Sort::Object,
        "network" | "netmask" | "broadcast" | "hostmask" => Sort::Inet,
        "hashtext" => Sort::Int4,
        "hashtextextended" => Sort::Int8,
        "trim_scale" => own,
        "array_agg" => Sort::Array(0),
        _ if is_in(NOW, name) => Sort::Stamp,
        _ if is_in(SAME, name) => own,
        _ if is_in(TEXTS, name) && own == Sort::Bytes => Sort::Bytes,
        _ if is_in(TEXTS, name) => Sort::Text,
        _ if is_in(COUNTS, name) => Sort::Count,
        _ if is_in(BOOLEANS, name) => Sort::Bool,
        _ if is_in(OBJECTS, name) => Sort::Object,
        _ if is_in(JSONS, name) => Sort::Json,
        _ if is_in(BYTES, name) => Sort::Bytes,
        _ if is_in(LISTS, name) => Sort::Array(25),
        _ => Sort::Unknown,
    }
}

/// A sum of whole numbers past eight bytes is as far as there are rows.
pub(super) fn stretch_of(name: &str, arguments: &[Value]) -> f64 {
    let own = arguments.first().map_or(Sort::Unknown, |value| value.sort);
    match name == "sum" && (own == Sort::Int8 || own.is_numeric()) {
        true => MANY_ROWS,
        false => 1.0,
    }
}

/// The time of now, or what is made of it alone.
pub(super) fn is_ordinary_call(name: &str, arguments: &[Value]) -> bool {
    match is_in(TOTAL_IN_SECOND, name) {
        true => arguments.iter().skip(1).all(is_ordinary),
        false => is_in(NOW, name),
    }
}

/// True when a call may give NULL by what its arguments hold.
pub(super) fn gives_null(name: &str) -> bool {
    is_in(NULLING, name)
}

/// What a function of the list is not total of.
fn is_total_of(name: &str, arguments: &[Value]) -> bool {
    let own = arguments.first().map_or(Sort::Unknown, |value| value.sort);
    match name {
        // Arrays of one shape alone go into another.
        "array_agg" => !matches!(own, Sort::Array(_) | Sort::Unknown),
        // Of many rows it overflows by what one of them holds.
        "sum" | "avg" => sort_of("sum", arguments) != Sort::Unknown,
        // In another encoding.
        "length" => arguments.len() == 1,
        _ => true,
    }
}

fn rounded(own: Sort, count: usize) -> Sort {
    let digits = own.digits();
    match own {
        Sort::Numeric(_) => Sort::Numeric(digits.map(|digits| Digits {
            before: digits.before.saturating_add(1),
            after: MANY,
        })),
        _ if own.is_integer() && count > 1 => Sort::Numeric(digits),
        _ if own.is_integer() || own.is_float() => Sort::Float8,
        _ => Sort::Unknown,
    }
}

fn is_one(value: Option<&Value>, is: impl FnOnce(&str) -> bool) -> bool {
    match value.and_then(|value| value.constant.as_ref()) {
        Some(Constant::One(text)) => is(text),
        _ => false,
    }
}

/// A form for `format` that takes each argument as a text: an identifier may not be NULL, and a
/// width may be too large.
fn inserts_texts(form: &str) -> bool {
    let mut rest = form.chars();
    while let Some(next) = rest.next() {
        if next != '%' {
            continue;
        }
        let kind = rest.find(|c| !c.is_ascii_digit() && !matches!(c, '$' | '-'));
        if !matches!(kind, Some('s' | 'L' | '%')) {
            return false;
        }
    }
    true
}

/// True for a pattern with `\1` and its like.
pub(super) fn refers_back(pattern: &str) -> bool {
    let mut rest = pattern.chars();
    while let Some(next) = rest.next() {
        if next == '\\' && matches!(rest.next(), Some('1'..='9')) {
            return true;
        }
    }
    false
}
