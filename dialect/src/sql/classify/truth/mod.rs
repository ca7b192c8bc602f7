//! Does a condition restrict the rows that a change reaches?
//!
//! A change whose condition may hold for every row of its table is as wide as one without a
//! condition. Such are: a condition that reads no column of the changed table (constants,
//! parameters, the clock, columns of other tables alone), an expression compared with itself, a
//! subquery that finds each row of the table again, opposites joined by OR, and whatever stands
//! beside any of these under OR. What can only be told from the values of a column (`id > 0`) is
//! not found, and documented.

mod key;
mod operation;
mod scope;
mod subquery;
mod value;

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, BoolExprType, CaseExpr, CommonTableExpr, Node, NullTestType, RangeVar, SelectStmt,
    WithClause, node,
};

use self::scope::{Kind, Origin, Source};
use self::value::Value;
use super::walk::Walk;
use crate::sql::names::{self, Name};

/// Most subqueries that are followed in the conditions of one change. A condition with more counts
/// as none.
const MAX_SUBQUERIES: u32 = 256;

/// A change, as far as its reach depends on conditions.
pub(super) struct Change<'a> {
    pub(super) relation: Option<&'a RangeVar>,
    pub(super) with: Option<&'a WithClause>,
    /// What stands in FROM or USING.
    pub(super) sources: &'a [Node],
}

/// Folds the conditions of one change.
pub(super) struct Fold<'w, 'c, 'a> {
    walk: &'w Walk<'c>,
    target: Option<Name>,
    queries: Vec<&'a CommonTableExpr>,
    frames: Vec<Vec<Source>>,
    subqueries: u32,
    /// The answer rests on a constant of the text.
    pub(super) constants_looked_at: bool,
}

// === impl Fold ===

impl<'w, 'c, 'a> Fold<'w, 'c, 'a> {
    pub(super) fn new(walk: &'w Walk<'c>, change: &Change<'a>) -> Self {
        let mut fold = Self {
            walk,
            target: None,
            queries: Vec::new(),
            frames: Vec::new(),
            subqueries: 0,
            constants_looked_at: false,
        };
        fold.bring(change.with.map_or(&[], |with| &with.ctes));
        let mut frame = Vec::new();
        if let Some(relation) = change.relation {
            let (name, columns) = fold.relation(relation);
            fold.target = name;
            let alias = relation.alias.as_ref().map(|alias| &alias.aliasname);
            frame.push(Source {
                name: alias.unwrap_or(&relation.relname).clone(),
                kind: Kind::Target,
                columns,
                linked: false,
            });
        }
        for item in change.sources {
            fold.sources(item, &mut frame);
        }
        fold.frames.push(frame);
        fold
    }

    /// True when the conditions may hold together for every row.
    pub(super) fn selects_all(&mut self, conditions: &[&'a Node]) -> bool {
        let values: Vec<Value> = conditions
            .iter()
            .map(|condition| self.condition(condition))
            .collect();
        value::all(&values).may_hold() || self.too_many()
    }

    /// True when the condition may fail for every row.
    pub(super) fn selects_none(&mut self, condition: &'a Node) -> bool {
        let value = self.condition(condition);
        value.may_fail() || value == Value::Null || self.too_many()
    }

    /// True when a query reads every row of the changed table.
    pub(super) fn reads_all(&mut self, select: &'a SelectStmt) -> bool {
        self.whole(select).is_some() || self.too_many()
    }

    /// Counts a subquery; false where there were too many.
    fn counted(&mut self) -> bool {
        self.subqueries = self.subqueries.saturating_add(1);
        !self.too_many()
    }

    fn too_many(&self) -> bool {
        self.subqueries > MAX_SUBQUERIES
    }

    /// A whole condition: what it joins by AND is looked through for joins of the table with
    /// itself first.
    fn condition(&mut self, condition: &'a Node) -> Value {
        self.link(condition);
        self.value(condition).as_truth()
    }

    fn optional(&mut self, node: Option<&'a Node>) -> Value {
        node.map_or(Value::Null, |node| self.value(node))
    }

    fn values(&mut self, nodes: &'a [Node]) -> Vec<Value> {
        nodes.iter().map(|node| self.value(node)).collect()
    }

    fn value(&mut self, node: &'a Node) -> Value {
        use node::Node as N;
        let Some(node) = node.node.as_ref() else {
            return Value::Varies;
        };
        match node {
            N::AConst(constant) => self.constant(constant),
            N::ParamRef(_) => Value::Fixed,
            N::CurrentOfExpr(_) => Value::Varies,
            N::ColumnRef(column) => {
                let origin = self.column(column);
                self.look(self.of_row(&origin) && !self.is_its_table(&origin))
            }
            N::BoolExpr(expression) => {
                let values: Vec<Value> = self
                    .values(&expression.args)
                    .iter()
                    .map(Value::as_truth)
                    .collect();
                match BoolExprType::try_from(expression.boolop) {
                    Ok(BoolExprType::NotExpr) => values.first().map_or(Value::Varies, value::not),
                    Ok(BoolExprType::OrExpr) if self.has_opposites(&expression.args) => Value::True,
                    Ok(BoolExprType::OrExpr) => value::any(&values),
                    Ok(BoolExprType::AndExpr) if self.has_opposites(&expression.args) => {
                        Value::False
                    }
                    Ok(BoolExprType::AndExpr) => value::all(&values),
                    _ => Value::Varies,
                }
            }
            N::AExpr(operation) => self.operation(operation),
            N::NullTest(test) => {
                let is_null = test.nulltesttype == NullTestType::IsNull as i32;
                self.null_test(test.arg.as_deref(), is_null)
            }
            N::BooleanTest(test) => {
                let value = self.optional(test.arg.as_deref()).as_truth();
                value::boolean_test(test.booltesttype, &value)
            }
            N::TypeCast(cast) => self.optional(cast.arg.as_deref()),
            N::CollateClause(clause) => self.optional(clause.arg.as_deref()),
            N::CoalesceExpr(coalesce) => self.coalesce(&coalesce.args),
            N::CaseExpr(case) => self.case(case),
            N::List(list) => value::made_of(&self.values(&list.items)),
            N::RowExpr(row) => value::made_of(&self.values(&row.args)),
            N::AArrayExpr(array) => value::made_of(&self.values(&array.elements)),
            N::SubLink(link) => self.subquery(link),
            // Of what type a value is, is the same for every row.
            N::FuncCall(call) if names::strings(&call.funcname).last() == Some(&"pg_typeof") => {
                Value::Fixed
            }
            other => self.look(self.reads_row(other)),
        }
    }

    fn look(&self, at_row: bool) -> Value {
        match at_row {
            true => Value::Varies,
            false => Value::Fixed,
        }
    }

    fn constant(&mut self, constant: &AConst) -> Value {
        match constant.val.as_ref() {
            None => Value::Null,
            Some(Val::Boolval(value)) => value::truth(value.boolval),
            Some(Val::Ival(number)) => Value::Number(f64::from(number.ival)),
            Some(Val::Fval(number)) => number.fval.parse().map_or(Value::Fixed, Value::Number),
            Some(Val::Sval(text)) => Value::Text(text.sval.clone()),
            Some(Val::Bsval(_)) => Value::Fixed,
        }
    }

    /// `a IS NULL` looks at the row; columns that hold no NULL, a whole row, a comparison and the
    /// system's columns are hardly ever NULL.
    fn null_test(&mut self, tested: Option<&'a Node>, is_null: bool) -> Value {
        let value = self.optional(tested);
        if value == Value::Fixed {
            return value;
        }
        if !value.looks_at_row() {
            return value::truth(is_null == (value == Value::Null));
        }
        match tested.is_some_and(|tested| self.is_never_null(tested)) {
            true if is_null => Value::MayFail,
            true => Value::MayHold,
            false => Value::Varies,
        }
    }

    pub(super) fn is_never_null(&self, node: &Node) -> bool {
        use node::Node as N;
        match node.node.as_ref() {
            Some(N::ColumnRef(column)) => match self.column(column) {
                Origin::Target(name) | Origin::Same(_, _, Some(name)) => {
                    name == "*" || self.holds_no_null(&name)
                }
                _ => false,
            },
            Some(N::AExpr(operation)) => operation::is_comparison(operation),
            Some(N::BoolExpr(_) | N::NullTest(_) | N::BooleanTest(_)) => true,
            Some(N::TypeCast(cast)) => self.is_some_never_null(cast.arg.as_deref()),
            Some(N::CollateClause(clause)) => self.is_some_never_null(clause.arg.as_deref()),
            Some(N::CoalesceExpr(choice)) => choice.args.iter().any(|one| self.is_never_null(one)),
            Some(N::RowExpr(row)) => row.args.iter().all(|one| self.is_never_null(one)),
            _ => false,
        }
    }

    fn is_some_never_null(&self, node: Option<&Node>) -> bool {
        node.is_some_and(|node| self.is_never_null(node))
    }

    /// A column of the changed table that holds no NULL. No join makes the changed row NULL.
    fn holds_no_null(&self, name: &str) -> bool {
        let target = self.target.as_ref();
        let relation = target.and_then(|t| self.walk.catalogue.relation(&t.schema, &t.name));
        scope::SYSTEM_COLUMNS.contains(&name)
            || relation.is_some_and(|relation| {
                let mut columns = relation.columns.iter();
                columns.any(|column| column.name == name && column.not_null)
            })
    }

    /// Of which table a row is, where all rows of the changed one are of it alone.
    fn is_its_table(&self, origin: &Origin) -> bool {
        let target = self.target.as_ref();
        let relation = target.and_then(|t| self.walk.catalogue.relation(&t.schema, &t.name));
        matches!(origin, Origin::Target(name) if name == "tableoid")
            && relation.is_some_and(|relation| relation.children.is_empty())
    }

    /// The first that is not NULL counts; one that is not known may be.
    fn coalesce(&mut self, arguments: &'a [Node]) -> Value {
        let mut met = Vec::new();
        for argument in arguments {
            match self.value(argument) {
                Value::Null => {}
                value @ (Value::Fixed | Value::Varies | Value::MayHold | Value::MayFail) => {
                    let of_row = value.looks_at_row();
                    met.push(value);
                    if of_row {
                        break;
                    }
                }
                value if met.is_empty() => return value,
                value => {
                    met.push(value.as_truth());
                    break;
                }
            }
        }
        either(&met)
    }

    /// What its branches are, from the last to the first.
    fn case(&mut self, case: &'a CaseExpr) -> Value {
        let mut found = self.optional(case.defresult.as_deref()).as_truth();
        let of = case.arg.as_deref().map(|of| (of, self.value(of)));
        for when in case.args.iter().rev() {
            let Some(node::Node::CaseWhen(when)) = when.node.as_ref() else {
                return Value::Varies;
            };
            let condition = match (&of, when.expr.as_deref()) {
                (Some((of, known)), Some(value)) => self.pair_known("=", of, known, value),
                (_, condition) => self.optional(condition).as_truth(),
            };
            let result = self.optional(when.result.as_deref()).as_truth();
            found = match condition {
                Value::True => result,
                Value::False | Value::Null => found,
                condition => {
                    let looks = [&condition, &result, &found]
                        .iter()
                        .any(|value| value.looks_at_row());
                    let open = |is: fn(&Value) -> bool| {
                        (condition.may_hold() && is(&result))
                            || (condition.may_fail() && is(&found))
                            || (is(&result) && is(&found))
                    };
                    match looks {
                        true => Value::of_row(open(Value::may_hold), open(Value::may_fail)),
                        false => Value::Fixed,
                    }
                }
            };
        }
        found
    }
}

/// One of these, and which is not known.
fn either(values: &[Value]) -> Value {
    match values {
        [] => Value::Null,
        [only] => only.clone(),
        _ if !values.iter().any(Value::looks_at_row) => Value::Fixed,
        _ => Value::of_row(
            values.iter().any(Value::may_hold),
            values.iter().any(Value::may_fail),
        ),
    }
}
