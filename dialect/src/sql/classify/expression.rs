//! Expressions: every node that the grammar can put into one. A node that is not known here makes
//! the operation Unknown.

use pg_query::protobuf::{
    FuncCall, Node, OnConflictClause, RangeFunction, RangeTableFunc, ReturningClause, WindowDef,
    node,
};
use portcullis_policy::Flag;

use super::truth::{Change, Fold};
use super::walk::Walk;
use crate::sql::names;
use crate::sql::visit::Counted;

impl<'c> Walk<'c> {
    pub(super) fn expressions(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.expression(node);
        }
    }

    pub(super) fn optional(&mut self, node: Option<&Node>) {
        if let Some(node) = node {
            self.expression(node);
        }
    }

    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the node to its parts; splitting it would hide a gap"
    )]
    pub(super) fn expression(&mut self, node: &Node) {
        use node::Node as N;
        // An absent item of a list, such as the open end of a slice.
        let Some(node) = node.node.as_ref() else {
            return;
        };
        match node {
            N::AConst(_)
            | N::ParamRef(_)
            | N::AStar(_)
            | N::SetToDefault(_)
            | N::SqlvalueFunction(_)
            | N::String(_)
            | N::Integer(_)
            | N::Float(_)
            | N::Boolean(_)
            | N::BitString(_)
            | N::Alias(_)
            | N::JsonTablePathSpec(_)
            | N::MergeSupportFunc(_)
            | N::JsonFormat(_) => {}
            N::ColumnRef(column) => {
                self.saw(Counted::ColumnRef);
                let parts = names::strings(&column.fields);
                if let [_, .., last] = parts.as_slice() {
                    self.attribute_call(last);
                }
            }
            N::AExpr(operation) => {
                self.saw(Counted::AExpr);
                self.operator(&names::strings(&operation.name));
                self.optional(operation.lexpr.as_deref());
                self.optional(operation.rexpr.as_deref());
            }
            N::CurrentOfExpr(_) => self.saw(Counted::CurrentOfExpr),
            N::BoolExpr(expression) => self.expressions(&expression.args),
            N::SubLink(link) => {
                self.saw(Counted::SubLink);
                self.operator(&names::strings(&link.oper_name));
                self.optional(link.testexpr.as_deref());
                // A lock of the query around does not reach in here.
                let locks = std::mem::replace(&mut self.context.locks, false);
                self.optional_query(link.subselect.as_deref());
                self.context.locks = locks;
            }
            N::TypeCast(cast) => {
                self.saw(Counted::TypeCast);
                self.optional(cast.arg.as_deref());
                self.type_name(cast.type_name.as_ref());
            }
            N::CollateClause(clause) => self.optional(clause.arg.as_deref()),
            N::FuncCall(call) => self.function_call(call),
            N::AIndices(indices) => {
                self.optional(indices.lidx.as_deref());
                self.optional(indices.uidx.as_deref());
            }
            N::AIndirection(indirection) => {
                self.optional(indirection.arg.as_deref());
                for name in names::strings(&indirection.indirection) {
                    self.attribute_call(name);
                }
                self.expressions(&indirection.indirection);
            }
            N::AArrayExpr(array) => self.expressions(&array.elements),
            N::List(list) => self.expressions(&list.items),
            N::ResTarget(target) => {
                self.stars += usize::from(is_star(target.val.as_deref()));
                self.expressions(&target.indirection);
                self.optional(target.val.as_deref());
            }
            N::MultiAssignRef(assignment) => {
                // Each column of the list carries the same source: it counts as often as it is
                // there.
                self.optional(assignment.source.as_deref());
            }
            N::SortBy(sort) => {
                self.operator(&names::strings(&sort.use_op));
                self.optional(sort.node.as_deref());
            }
            N::WindowDef(window) => self.window(window),
            N::CaseExpr(case) => {
                self.optional(case.arg.as_deref());
                self.expressions(&case.args);
                self.optional(case.defresult.as_deref());
            }
            N::CaseWhen(when) => {
                self.optional(when.expr.as_deref());
                self.optional(when.result.as_deref());
            }
            N::CoalesceExpr(coalesce) => self.expressions(&coalesce.args),
            N::MinMaxExpr(choice) => self.expressions(&choice.args),
            N::NullTest(test) => self.optional(test.arg.as_deref()),
            N::BooleanTest(test) => self.optional(test.arg.as_deref()),
            N::RowExpr(row) => self.expressions(&row.args),
            N::XmlExpr(xml) => {
                self.expressions(&xml.named_args);
                self.expressions(&xml.args);
            }
            N::XmlSerialize(xml) => {
                self.optional(xml.expr.as_deref());
                self.type_name(xml.type_name.as_ref());
            }
            N::NamedArgExpr(named) => self.optional(named.arg.as_deref()),
            N::GroupingFunc(grouping) => self.expressions(&grouping.args),
            N::GroupingSet(set) => self.expressions(&set.content),
            N::TypeName(name) => self.type_name(Some(name)),
            N::IndexElem(element) => {
                self.optional(element.expr.as_deref());
                self.expressions(&element.opclassopts);
            }
            N::ColumnDef(column) => self.type_name(column.type_name.as_ref()),
            N::DefElem(option) => self.optional(option.arg.as_deref()),
            N::ReturningOption(_) => {}
            other => self.json(other),
        }
    }

    pub(super) fn function_call(&mut self, call: &FuncCall) {
        self.saw(Counted::FuncCall);
        self.call(&names::strings(&call.funcname), &call.args);
        self.expressions(&call.args);
        self.expressions(&call.agg_order);
        self.optional(call.agg_filter.as_deref());
        if let Some(window) = &call.over {
            self.window(window);
        }
    }

    pub(super) fn window(&mut self, window: &WindowDef) {
        self.expressions(&window.partition_clause);
        self.expressions(&window.order_clause);
        self.optional(window.start_offset.as_deref());
        self.optional(window.end_offset.as_deref());
    }

    pub(super) fn returning(&mut self, clause: Option<&ReturningClause>) {
        if let Some(clause) = clause {
            self.expressions(&clause.exprs);
        }
    }

    pub(super) fn on_conflict(&mut self, clause: &OnConflictClause) {
        if let Some(infer) = &clause.infer {
            self.expressions(&infer.index_elems);
            self.optional(infer.where_clause.as_deref());
        }
        self.expressions(&clause.target_list);
        self.optional(clause.where_clause.as_deref());
    }

    pub(super) fn range_function(&mut self, range: &RangeFunction) {
        self.expressions(&range.functions);
        self.expressions(&range.coldeflist);
    }

    pub(super) fn range_table_function(&mut self, range: &RangeTableFunc) {
        self.optional(range.docexpr.as_deref());
        self.optional(range.rowexpr.as_deref());
        self.expressions(&range.namespaces);
        for column in &range.columns {
            match column.node.as_ref() {
                Some(node::Node::RangeTableFuncCol(column)) => {
                    self.type_name(column.type_name.as_ref());
                    self.optional(column.colexpr.as_deref());
                    self.optional(column.coldefexpr.as_deref());
                }
                _ => self.unknown(),
            }
        }
    }

    /// A change without a condition, or with conditions that may hold together for every row.
    pub(super) fn bounded(&mut self, change: &Change<'_>, conditions: &[Option<&Node>]) {
        let conditions: Vec<&Node> = conditions.iter().copied().flatten().collect();
        if conditions.is_empty() {
            self.found.flag(Flag::Unbounded);
            return;
        }
        let mut fold = Fold::new(self, change);
        let (all, looked) = (fold.selects_all(&conditions), fold.constants_looked_at);
        self.reach(all, looked);
    }

    pub(super) fn reach(&mut self, all: bool, constants_looked_at: bool) {
        if all {
            self.found.flag(Flag::ConstantWhere);
        }
        self.found.constants_looked_at |= constants_looked_at;
    }
}

/// `t.*`.
fn is_star(value: Option<&Node>) -> bool {
    let Some(node::Node::ColumnRef(column)) = value.and_then(|value| value.node.as_ref()) else {
        return false;
    };
    match column.fields.as_slice() {
        [_, .., last] => matches!(last.node, Some(node::Node::AStar(_))),
        _ => false,
    }
}
