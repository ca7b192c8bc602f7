//! What may fail, or last, by what a value is: the answer then tells of it, whatever is masked.
//!
//! By default everything may. Total, and so free, is what was reviewed to give a value for whatever
//! it is done with: functions on the lists of [`super::total`], operators below, casts that a
//! [`Sort`] has room for, sums and products of [`super::arithmetic`]. All else that a column goes
//! into counts as a use of it: a division by it, a text read as a number, a pattern.
//! What may become NULL by what a column holds is total only as long as nothing that could fail
//! is done with it.

use pg_query::protobuf::{AExpr, AExprKind, Node, SqlValueFunctionOp, TypeName, a_const, node};

use super::Use;
use super::arithmetic::Made;
use super::document::SCALARS;
use super::growth;
use super::sort::Sort;
use super::total;
use super::trace::Tracer;
use super::value::{Constant, JSON, JSONB, Kind, Value};
use crate::sql::catalogue::Digits;
use crate::sql::names;

/// Types that take every text.
const TEXTS: [&str; 5] = ["text", "varchar", "bpchar", "name", "citext"];

/// Operators that give a truth for whatever operands.
const COMPARISONS: [&str; 15] = [
    "=", "<>", "!=", "<", ">", "<=", ">=", "@>", "<@", "&&", "?", "?|", "?&", "^@", "@@",
];

/// Those that tell the place of one network, range or box to another, or shift a number.
const PLACES: [&str; 4] = ["<<", ">>", "<<=", ">>="];

/// Operators that take a part out of a document.
const PARTS: [&str; 4] = ["->", "->>", "#>", "#>>"];

/// Functions that change a document at a path, which is their second argument: they give a value
/// where the path is given.
const AT_A_PATH: [&str; 3] = ["jsonb_set", "jsonb_set_lax", "jsonb_insert"];

impl Tracer<'_> {
    /// Something that is seen depends on the value in a way that no mask covers.
    pub(super) fn may_fail(&mut self, value: &Value) {
        self.risks += 1;
        if !value.sources.is_empty() {
            let seen = Value {
                untraced: false,
                ..value.clone()
            };
            self.look_at(&seen, Use::Fails);
        }
    }

    fn both_may_fail(&mut self, left: &Value, right: &Value) {
        self.may_fail(left);
        self.may_fail(right);
    }

    // === calls ===

    pub(super) fn call_may_fail(&mut self, name: &str, arguments: &[Value]) {
        self.grown_call_may_fail(name, arguments, growth::of(name, arguments));
    }

    /// The same of a call whose result may be so many times as long as what is stored.
    pub(super) fn grown_call_may_fail(&mut self, name: &str, arguments: &[Value], growth: f64) {
        if AT_A_PATH.contains(&name) {
            return self.path_may_fail(name, arguments);
        }
        if let ("mod" | "div", [left, right]) = (name, arguments) {
            self.quotient_may_fail(name, left, right);
            return;
        }
        let is_long = growth > growth::MOST;
        for (value, fails) in arguments.iter().zip(total::fails_by(name, arguments)) {
            if fails || is_long {
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

    /// The same of a call that is known to look at this part of its document.
    pub(super) fn document_call_may_fail(&mut self, name: &str, value: &Value, all: &[Value]) {
        let [document, rest @ ..] = all else { return };
        // What it leads to must be true or false.
        if name.contains("path_match") {
            return self.may_fail(value);
        }
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

    /// Tells of what sort the outcome is, too.
    pub(super) fn operator_may_fail(
        &mut self,
        operation: &AExpr,
        left: &Value,
        right: &Value,
    ) -> Made {
        let name = names::strings(&operation.name).last().copied();
        let truth = Made::of(Sort::Bool);
        match AExprKind::try_from(operation.kind) {
            Ok(AExprKind::AexprNullif) => {
                self.compared(left, right);
                Made::as_is(left)
            }
            Ok(AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar) => {
                self.may_fail_if(!right.is_literal(), right);
                // A pattern that ends in an escape fails where all before it fits.
                let is_sound = match &right.constant {
                    Some(Constant::One(pattern)) => !pattern.ends_with('\\'),
                    _ => false,
                };
                self.may_fail_if(!is_sound || left.is_nulled, left);
                truth
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
                    self.both_may_fail(left, right);
                }
                truth
            }
            Ok(AExprKind::AexprDistinct | AExprKind::AexprNotDistinct | AExprKind::AexprIn) => {
                truth
            }
            Ok(AExprKind::AexprOp | AExprKind::AexprOpAny | AExprKind::AexprOpAll) => match name {
                Some(name) => self.named_operator_may_fail(name, operation, left, right),
                None => Made::default(),
            },
            _ => {
                self.both_may_fail(left, right);
                Made::default()
            }
        }
    }

    fn may_fail_if(&mut self, fails: bool, value: &Value) {
        if fails {
            self.may_fail(value);
        }
    }

    fn named_operator_may_fail(
        &mut self,
        name: &str,
        operation: &AExpr,
        left: &Value,
        right: &Value,
    ) -> Made {
        let is_prefix = operation.lexpr.is_none();
        let truth = Made::of(Sort::Bool);
        match name {
            "~~" | "!~~" | "~~*" | "!~~*" | "~" | "~*" | "!~" | "!~*" if !is_prefix => {
                self.may_fail_if(!right.is_literal(), right);
                let is_sound = match &right.constant {
                    Some(Constant::One(pattern)) => !total::refers_back(pattern),
                    Some(Constant::List(_)) => true,
                    None => false,
                };
                self.may_fail_if(!is_sound || left.is_nulled, left);
                truth
            }
            _ if COMPARISONS.contains(&name) => {
                // A row is compared as far as its first part that differs, or is NULL.
                let sides = [&operation.lexpr, &operation.rexpr];
                let is_row = sides.into_iter().any(|side| {
                    let node = side.as_deref().and_then(|side| side.node.as_ref());
                    matches!(node, Some(node::Node::RowExpr(_)))
                });
                if is_row && (left.is_nulled || right.is_nulled) {
                    self.both_may_fail(left, right);
                }
                truth
            }
            _ if PARTS.contains(&name) => Made::of(match name.ends_with(">>") {
                true => Sort::Text,
                false => Sort::Json,
            }),
            _ if PLACES.contains(&name) => match left.sort.is_integer() {
                true => Made::as_is(left),
                false => truth,
            },
            "+" | "-" if is_prefix => self.sign_may_fail(right),
            "-" if is_json(left) => self.removal_may_fail(left, right),
            "+" | "-" | "*" => self.sum_may_fail(name, left, right),
            "/" | "%" => self.quotient_may_fail(name, left, right),
            "||" => self.joining_may_fail(left, right),
            "@" if is_prefix => self.sign_may_fail(right),
            "#-" => self.removal_may_fail(left, right),
            "#" | "&" | "|" if left.sort.is_integer() && right.sort.is_integer() => {
                Made::as_is(left)
            }
            // How far texts are from each other.
            "<->" if left.sort == Sort::Text => Made::of(Sort::Float4),
            "@?" => truth,
            _ => {
                self.both_may_fail(left, right);
                Made::default()
            }
        }
    }

    /// `document - key`, `document #- path`: a scalar has no members.
    fn removal_may_fail(&mut self, left: &Value, right: &Value) -> Made {
        self.may_fail_if(!right.is_literal(), right);
        if left.sort != Sort::Object || left.is_nulled {
            let seen = self.outline(left);
            self.may_fail(&seen);
        }
        Made::of(left.sort)
    }

    /// `||`: arrays fit into each other by their shapes.
    fn joining_may_fail(&mut self, left: &Value, right: &Value) -> Made {
        let sides = [left, right];
        if growth::joined([left, right]) > growth::MOST {
            self.both_may_fail(left, right);
        }
        let is_array = |value: &&Value| matches!(value.sort, Sort::Array(_));
        let is_dark = |value: &&Value| value.sort == Sort::Unknown && !value.is_literal();
        if sides.iter().any(is_array) || sides.iter().any(is_dark) {
            self.both_may_fail(left, right);
            let arrays = sides.into_iter().find(is_array);
            return Made::of(arrays.map_or(Sort::Unknown, |array| array.sort));
        }
        let sort = [Sort::Json, Sort::Object, Sort::Bytes, Sort::Other]
            .into_iter()
            .find(|sort| sides.iter().any(|value| value.sort == *sort));
        Made::of(match sort {
            Some(Sort::Object) => Sort::Json,
            Some(Sort::Other) if sides.iter().any(|value| value.sort == Sort::Text) => Sort::Text,
            Some(sort) => sort,
            None => Sort::Text,
        })
    }

    // === casts ===

    pub(super) fn written_cast_may_fail(&mut self, value: &Value, written: &TypeName) -> Sort {
        let Some(name) = names::strings(&written.names).last().copied() else {
            self.may_fail(value);
            return Sort::Unknown;
        };
        let is_array = !written.array_bounds.is_empty();
        let sort = match Sort::named(name, is_array) {
            // So many digits and no more.
            Sort::Numeric(None) if !written.typmods.is_empty() => match digits(&written.typmods) {
                Some(digits) => Sort::Numeric(Some(digits)),
                None => Sort::Unknown,
            },
            sort => sort,
        };
        self.sorted_cast_may_fail(value, name, sort, is_array)
    }

    /// A cast to a type of this name, as a function.
    pub(super) fn cast_may_fail(&mut self, value: &Value, name: &str) -> Sort {
        self.sorted_cast_may_fail(value, name, Sort::named(name, false), false)
    }

    fn sorted_cast_may_fail(
        &mut self,
        value: &Value,
        name: &str,
        sort: Sort,
        is_array: bool,
    ) -> Sort {
        if !is_array && (TEXTS.contains(&name) || self.catalogue.is_unchecked_text(name)) {
            return Sort::Text;
        }
        let is_free = match value.kind {
            Kind::Literal(_) => true,
            Kind::Plain(JSON | JSONB) | Kind::Part(_) => matches!(name, "json" | "jsonb"),
            // The first byte of it.
            _ if name == "char" && !is_array => value.sort == Sort::Text,
            _ => !value.is_nulled && value.sort.fits(sort, value.stretch),
        };
        if !is_free {
            self.reading_may_fail(value, name, is_array);
        }
        sort
    }

    /// A document is read as another type: only of a scalar becomes a number and its like.
    fn reading_may_fail(&mut self, value: &Value, name: &str, is_array: bool) {
        let seen = match !is_array && SCALARS.contains(&name) {
            true => self.outline(value),
            false => value.clone(),
        };
        self.may_fail(&seen);
    }

    /// The type of a column that a document is taken apart into: what does not fit into it fails.
    pub(super) fn member_may_fail(&mut self, member: &Value, written: Option<&TypeName>) -> Sort {
        let Some(written) = written else {
            self.may_fail(member);
            return Sort::Unknown;
        };
        let name = names::strings(&written.names)
            .last()
            .copied()
            .unwrap_or_default();
        let is_array = !written.array_bounds.is_empty();
        let takes_all = !is_array
            && written.typmods.is_empty()
            && matches!(name, "text" | "varchar" | "bpchar" | "json" | "jsonb");
        if !takes_all {
            self.reading_may_fail(member, name, is_array);
        }
        Sort::named(name, is_array)
    }

    // === choices ===

    /// Later arms run only where the first ones are NULL: where they may fail, or last, that is
    /// told. `risks` has what was met before each arm, and behind the last.
    pub(super) fn arms_may_fail(&mut self, arms: &[Value], risks: &[usize]) {
        let is_plain = |value: &Value| value.is_literal() || matches!(value.kind, Kind::Plain(_));
        let end = risks.last().copied().unwrap_or_default();
        for (at, arm) in arms.iter().enumerate() {
            let mut later = arms.iter().skip(at + 1);
            let is_risky = risks.get(at + 1).is_some_and(|before| *before < end);
            if is_risky || arm.is_nulled && later.any(|value| !is_plain(value)) {
                self.may_fail(arm);
            }
        }
    }

    /// The elements of ARRAY[…]: arrays among them must be of one shape.
    pub(super) fn elements_may_fail(&mut self, elements: &[Value]) {
        let is_nested = |value: &&Value| matches!(value.sort, Sort::Array(_) | Sort::Unknown);
        for element in elements.iter().filter(is_nested) {
            if !element.is_literal() {
                self.may_fail(element);
            }
        }
    }
}

/// What CURRENT_DATE and its like are.
pub(super) fn of_now(op: i32) -> Value {
    use SqlValueFunctionOp as Op;
    let sort = match Op::try_from(op) {
        Ok(Op::SvfopCurrentDate) => Sort::Date,
        Ok(
            Op::SvfopCurrentTime | Op::SvfopCurrentTimeN | Op::SvfopLocaltime | Op::SvfopLocaltimeN,
        ) => Sort::Time,
        Ok(
            Op::SvfopCurrentTimestamp
            | Op::SvfopCurrentTimestampN
            | Op::SvfopLocaltimestamp
            | Op::SvfopLocaltimestampN,
        ) => Sort::Stamp,
        _ => Sort::Text,
    };
    Value {
        is_ordinary: sort != Sort::Text,
        ..Value::computed().sorted(sort)
    }
}

fn is_json(value: &Value) -> bool {
    value.is_document() || matches!(value.sort, Sort::Json | Sort::Object)
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

/// `(10, 2)` of numeric(10, 2).
fn digits(typmods: &[Node]) -> Option<Digits> {
    let number = |node: &Node| match node.node.as_ref()? {
        node::Node::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(number) => u32::try_from(number.ival).ok(),
            _ => None,
        },
        _ => None,
    };
    let (precision, scale) = match typmods {
        [precision] => (number(precision)?, 0),
        [precision, scale] => (number(precision)?, number(scale)?),
        _ => return None,
    };
    Some(Digits {
        before: precision.saturating_sub(scale),
        after: scale,
    })
}
