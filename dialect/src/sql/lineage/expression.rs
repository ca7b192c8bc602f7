//! Expressions: what each is made of.

use pg_query::protobuf::{
    AExpr, AExprKind, CaseExpr, ColumnRef, Node, SubLink, SubLinkType, TypeName, WindowDef,
    XmlExprOp, a_const, node,
};

use super::constant;
use super::failing::of_now;
use super::sort::Sort;
use super::trace::Tracer;
use super::value::{Column, Constant, Kind, Sources, Value};
use crate::sql::names;
use crate::sql::visit::Counted;

impl<'c> Tracer<'c> {
    pub(super) fn expression(&mut self, node: &Node) -> Value {
        self.work += 1;
        if self.is_exhausted() {
            return Value::untraced();
        }
        match node.node.as_ref() {
            Some(expression) => self.expression_node(node, expression),
            // An absent item of a list, such as the open end of a slice.
            None => Value::computed(),
        }
    }

    /// What several expressions together are made of.
    pub(super) fn all(&mut self, nodes: &[Node]) -> Value {
        let mut all = Value::computed();
        for node in nodes {
            let value = self.expression(node);
            self.work += all.absorb(&value);
        }
        all
    }

    pub(super) fn optional(&mut self, node: Option<&Node>) -> Value {
        node.map_or_else(Value::computed, |node| self.expression(node))
    }

    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the node to its parts; splitting it would hide a gap"
    )]
    fn expression_node(&mut self, whole: &Node, node: &node::Node) -> Value {
        use node::Node as N;
        match node {
            N::AConst(constant) => {
                let untyped = matches!(constant.val, None | Some(a_const::Val::Sval(_)));
                let sort = match &constant.val {
                    Some(a_const::Val::Ival(_)) => Sort::Int4,
                    Some(a_const::Val::Fval(_)) => Sort::Numeric(None),
                    Some(a_const::Val::Boolval(_)) => Sort::Bool,
                    _ => Sort::Unknown,
                };
                Value {
                    constant: constant::of(constant),
                    ..Value::of(Sources::default(), Kind::Literal(untyped)).sorted(sort)
                }
            }
            N::ParamRef(parameter) => self.parameter(parameter.number),
            N::SetToDefault(_)
            | N::String(_)
            | N::Integer(_)
            | N::Float(_)
            | N::Boolean(_)
            | N::BitString(_)
            | N::JsonFormat(_) => Value::computed(),
            N::SqlvalueFunction(function) => of_now(function.op),
            N::CurrentOfExpr(_) => {
                self.saw(Counted::CurrentOfExpr);
                Value::computed()
            }
            N::ColumnRef(column) => self.column_reference(column),
            N::AExpr(operation) => self.operation(operation),
            N::BoolExpr(expression) => self.junction(expression).sorted(Sort::Bool),
            N::SubLink(link) => self.sublink(link),
            N::TypeCast(cast) => {
                self.saw(Counted::TypeCast);
                let value = self.optional(cast.arg.as_deref());
                let written = cast.type_name.as_ref();
                self.pass_over(&cast.type_name);
                match written {
                    Some(written) => {
                        let sort = self.written_cast_may_fail(&value, written);
                        let cast = self.written_cast(&value, written);
                        Value {
                            is_ordinary: value.is_ordinary,
                            ..cast.sorted(sort)
                        }
                    }
                    None => Value::untraced(),
                }
            }
            N::CollateClause(clause) => {
                let value = self.optional(clause.arg.as_deref());
                let sort = value.sort;
                value.into_computed().sorted(sort)
            }
            N::FuncCall(call) => self.function_call(call),
            N::AIndirection(indirection) => self.indirection(indirection),
            N::AArrayExpr(array) => {
                let values: Vec<Value> = array
                    .elements
                    .iter()
                    .map(|part| self.expression(part))
                    .collect();
                self.elements_may_fail(&values);
                let mut value = self.derived(&values).sorted(Sort::Array(0));
                if values.iter().all(Value::is_literal) {
                    value.kind = Kind::Literal(false);
                    value.constant = constant::array(&values);
                }
                value
            }
            N::List(list) => self.all(&list.items),
            N::AIndices(indices) => {
                let mut value = self.optional(indices.lidx.as_deref());
                let upper = self.optional(indices.uidx.as_deref());
                self.work += value.absorb(&upper);
                value
            }
            N::ResTarget(target) => {
                let mut value = self.all(&target.indirection);
                let assigned = self.optional(target.val.as_deref());
                self.work += value.absorb(&assigned);
                value
            }
            N::MultiAssignRef(assignment) => {
                let value = self.optional(assignment.source.as_deref());
                let place = usize::try_from(assignment.colno).unwrap_or_default();
                let part = value.row.as_deref().filter(|_| assignment.ncolumns > 1);
                let part = part.and_then(|row| row.get(place.checked_sub(1)?));
                part.map_or_else(|| value.clone().into_computed(), |part| part.value.clone())
            }
            N::CaseExpr(case) => self.case(case),
            N::SortBy(sort) => self.optional(sort.node.as_deref()),
            N::CoalesceExpr(coalesce) => self.coalesce(&coalesce.args),
            N::MinMaxExpr(choice) => {
                let arms: Vec<Value> = choice.args.iter().map(|arm| self.expression(arm)).collect();
                self.derived(&arms).sorted(Value::common_sort(&arms))
            }
            N::NullTest(test) => {
                let value = self.optional(test.arg.as_deref());
                self.outline(&value).sorted(Sort::Bool)
            }
            N::BooleanTest(test) => {
                let value = self.optional(test.arg.as_deref());
                value.into_computed().sorted(Sort::Bool)
            }
            N::RowExpr(row) => self.row(&row.args),
            N::XmlExpr(xml) => {
                let mut value = self.all(&xml.named_args);
                let arguments = self.all(&xml.args);
                if [
                    XmlExprOp::IsXmlparse,
                    XmlExprOp::IsXmlpi,
                    XmlExprOp::IsXmlroot,
                ]
                .iter()
                .any(|op| xml.op == *op as i32)
                {
                    self.call_may_fail("xml", std::slice::from_ref(&arguments));
                }
                self.work += value.absorb(&arguments);
                value
            }
            N::XmlSerialize(xml) => {
                self.pass_over(&xml.type_name);
                let value = self.optional(xml.expr.as_deref());
                value.into_computed().sorted(Sort::Text)
            }
            N::NamedArgExpr(named) => self.optional(named.arg.as_deref()),
            N::GroupingFunc(grouping) => self.all(&grouping.args),
            other => self.json(whole, other),
        }
    }

    pub(super) fn column_reference(&mut self, column: &ColumnRef) -> Value {
        self.saw(Counted::ColumnRef);
        let parts = names::strings(&column.fields);
        if parts.len() != column.fields.len() {
            return self.starred_row(column);
        }
        match parts[..] {
            [name] => self.column(name),
            [item, name] => self.qualified(None, item, name),
            [schema, item, name] | [_, schema, item, name] => {
                self.qualified(Some(schema), item, name)
            }
            _ => Value::untraced(),
        }
    }

    fn operation(&mut self, operation: &AExpr) -> Value {
        self.saw(Counted::AExpr);
        let left = self.optional(operation.lexpr.as_deref());
        let right = self.optional(operation.rexpr.as_deref());
        let operands: Vec<&Value> = match operation.lexpr {
            Some(_) => vec![&left, &right],
            None => vec![&right],
        };
        let name = names::strings(&operation.name);
        let made = self.operator_may_fail(operation, &left, &right);
        let own = self.operator(&name, &operands);
        let is_own = own.is_some();
        let mut value = match (own, name.last()) {
            (Some(own), _) => {
                let mut value = self.derived([&left, &right]);
                self.work += value.absorb(&own);
                value
            }
            (None, Some(name)) if operation.kind == AExprKind::AexprOp as i32 => self
                .document_operator(name, &left, &right)
                .unwrap_or_else(|| self.derived([&left, &right])),
            _ => self.derived([&left, &right]),
        };
        value.is_nulled |= operation.kind == AExprKind::AexprNullif as i32;
        if !is_own {
            value.sort = made.sort;
            value.stretch = made.stretch;
            value.is_ordinary = made.is_ordinary && value.sources.is_empty();
        }
        value
    }

    /// The first that is not NULL: where all are documents, or given ones, parts can be told apart.
    fn coalesce(&mut self, arms: &[Node]) -> Value {
        let mut values = Vec::new();
        let mut risks = vec![self.risks];
        for arm in arms {
            values.push(self.expression(arm));
            risks.push(self.risks);
        }
        self.arms_may_fail(&values, &risks);
        let mut value = self.derived(&values).sorted(Value::common_sort(&values));
        let fits = |value: &Value| value.is_document() || value.is_literal();
        if values.iter().all(fits) && values.iter().any(Value::is_document) {
            value.kind = Kind::Part(false);
        }
        value
    }

    fn written_cast(&mut self, value: &Value, written: &TypeName) -> Value {
        let Some(name) = names::strings(&written.names).last().copied() else {
            return Value::untraced();
        };
        let mut cast = self.cast(value, name);
        if keeps_constant(name, written, value.constant.as_ref()) {
            cast.constant.clone_from(&value.constant);
        }
        if written.array_bounds.is_empty() && value.is_document() && !cast.untraced {
            return self.cast_document(value, cast, name);
        }
        cast
    }

    fn case(&mut self, case: &CaseExpr) -> Value {
        let subject = case.arg.as_deref().map(|node| self.expression(node));
        let otherwise = self.optional(case.defresult.as_deref());
        let mut arms = Vec::new();
        let mut value = otherwise.clone().into_computed();
        value.is_nulled = true;
        if case.defresult.is_some() {
            arms.push(otherwise);
        }
        for branch in &case.args {
            let Some(node::Node::CaseWhen(when)) = branch.node.as_ref() else {
                return self.unknown(branch);
            };
            let decided = match (&subject, when.expr.as_deref()) {
                (Some(subject), Some(node)) => {
                    let other = self.expression(node);
                    self.compared(subject, &other);
                    self.derived([subject, &other])
                }
                (None, Some(node)) => self.condition(node),
                (_, None) => Value::untraced(),
            };
            let result = self.optional(when.result.as_deref());
            self.work += value.absorb(&decided) + value.absorb(&result);
            arms.push(result);
        }
        value.sorted(Value::common_sort(&arms))
    }

    /// A row that is written out.
    fn row(&mut self, nodes: &[Node]) -> Value {
        let mut fields = self.targets(nodes);
        let named = fields
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| Column {
                name: Some(format!("f{}", place + 1).into()),
                value: column.value.clone(),
            });
        fields.columns = named.collect();
        self.whole_row(&fields)
    }

    fn sublink(&mut self, link: &SubLink) -> Value {
        self.saw(Counted::SubLink);
        // It may take its time.
        self.risks += 1;
        let test = self.optional(link.testexpr.as_deref());
        let table = self.optional_query(link.subselect.as_deref());
        let mut all = self.whole_row(&table);
        match SubLinkType::try_from(link.sub_link_type) {
            // Whether there is a row, what decides about rows has told.
            Ok(SubLinkType::ExistsSublink) => Value::computed(),
            Ok(SubLinkType::ExprSublink) => match &table.columns[..] {
                [only] if !table.opaque => only.value.clone(),
                _ => all,
            },
            Ok(SubLinkType::ArraySublink) => all.into_computed().sorted(Sort::Array(0)),
            _ => {
                self.work += all.absorb(&test);
                if let Some(own) = self.operator(&names::strings(&link.oper_name), &[&test, &all]) {
                    self.work += all.absorb(&own);
                }
                all.into_computed()
            }
        }
    }

    // === windows ===

    /// The WINDOW clause of a query.
    pub(super) fn windows(&mut self, nodes: &[Node]) {
        for node in nodes {
            let Some(node::Node::WindowDef(window)) = node.node.as_ref() else {
                self.unknown(node);
                continue;
            };
            let value = self.window(window);
            if let Some(scope) = self.scopes.last_mut() {
                scope.windows.push((window.name.clone(), value));
            }
        }
    }

    /// What a window looks at.
    pub(super) fn window(&mut self, window: &WindowDef) -> Value {
        let mut value = self.all(&window.partition_clause);
        for key in &window.order_clause {
            let key = self.expression(key);
            self.work += value.absorb(&key);
        }
        for bound in [&window.start_offset, &window.end_offset]
            .into_iter()
            .flatten()
        {
            let bound = self.expression(bound);
            self.work += value.absorb(&bound);
        }
        self.reveal(&value);
        if let Some(scope) = self.scopes.last() {
            for (name, named) in &scope.windows {
                if *name == window.name || *name == window.refname {
                    self.work += value.absorb(named);
                }
            }
        }
        value
    }
}

/// Whether a constant is the same after it was cast. What is cut to a length, or rounded, is another.
fn keeps_constant(name: &str, written: &TypeName, constant: Option<&Constant>) -> bool {
    let is_whole = |text: &str| {
        let number: Option<i64> = text.parse().ok();
        number.is_some_and(|number| number.to_string() == text)
    };
    match name {
        "interval" => true,
        _ if !written.typmods.is_empty() => false,
        "text" | "varchar" | "json" | "jsonb" | "numeric" | "float4" | "float8" | "date"
        | "timestamp" | "timestamptz" => true,
        "int2" | "int4" | "int8" => {
            matches!(constant, Some(Constant::One(text)) if is_whole(text))
        }
        _ => false,
    }
}
