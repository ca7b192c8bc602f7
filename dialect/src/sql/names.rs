//! Names as the parser hands them over, and lists of names as settings hold them.

use pg_query::protobuf::{Node, RangeVar, RoleSpec, RoleSpecType, node};

/// An object by its schema and name, after the server's case folding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    pub schema: String,
    pub name: String,
}

/// The schema that a session's temporary objects are told under, whatever its number.
pub(crate) const TEMPORARY: &str = "pg_temp";

/// The schema of the server's own objects.
pub(crate) const SYSTEM: &str = "pg_catalog";

// === impl Name ===

impl Name {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

// === names in a tree ===

/// The text of a string node.
pub(crate) fn string(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        node::Node::String(string) => Some(&string.sval),
        _ => None,
    }
}

/// All string nodes of a list.
pub(crate) fn strings(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().filter_map(string).collect()
}

/// A dotted name: schema where it is written, and the last part. A third part in front is the
/// database; the server takes only the current one there.
pub(crate) fn split<'n>(parts: &[&'n str]) -> Option<(Option<&'n str>, &'n str)> {
    match parts {
        [name] => Some((None, name)),
        [schema, name] | [_, schema, name] => Some((Some(schema), name)),
        _ => None,
    }
}

/// A dotted name in a list of string nodes, or a list node that holds one.
pub(crate) fn dotted(node: &Node) -> Vec<&str> {
    match node.node.as_ref() {
        Some(node::Node::List(list)) => strings(&list.items),
        Some(node::Node::String(string)) => vec![&string.sval],
        Some(node::Node::TypeName(name)) => strings(&name.names),
        Some(node::Node::ObjectWithArgs(object)) => strings(&object.objname),
        _ => Vec::new(),
    }
}

/// Schema, where it is written, and name of a relation.
pub(crate) fn relation(variable: &RangeVar) -> (Option<&str>, &str) {
    let schema = (!variable.schemaname.is_empty()).then_some(variable.schemaname.as_str());
    (schema, &variable.relname)
}

/// A role by name; `None` for the role in force, and for PUBLIC.
pub(crate) fn role(role: Option<&RoleSpec>) -> Option<&str> {
    let role = role?;
    (role.roletype == RoleSpecType::RolespecCstring as i32).then_some(role.rolename.as_str())
}

/// The roles of a list, by name.
pub(crate) fn roles(nodes: &[Node]) -> Vec<&str> {
    nodes
        .iter()
        .filter_map(|item| match item.node.as_ref()? {
            node::Node::RoleSpec(spec) => role(Some(spec)),
            node::Node::AccessPriv(granted) => Some(granted.priv_name.as_str()),
            _ => None,
        })
        .collect()
}

// === names in settings ===

/// Most names in a list that a setting holds; a longer list is malformed.
pub const MAX_NAMES: usize = 256;

/// Reads `a, "B c"` as the server reads the value of `search_path`; `None` when it is malformed.
pub fn parse_list(text: &str) -> Option<Vec<String>> {
    parse_separated(text, ',')
}

/// Reads `a."B c"` as the server reads the name of a relation in a text.
pub(crate) fn parse_dotted(text: &str) -> Option<Vec<String>> {
    parse_separated(text, '.')
}

fn parse_separated(text: &str, separator: char) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.trim_matches(is_space);
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_name(quoted)?,
            None => {
                let end = rest
                    .find(|c: char| c == separator || c == '"' || is_space(c))
                    .unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(end)?;
                (name.to_ascii_lowercase(), after)
            }
        };
        if name.is_empty() || names.len() >= MAX_NAMES {
            return None;
        }
        names.push(name);
        let after = after.trim_start_matches(is_space);
        if after.is_empty() {
            return Some(names);
        }
        rest = after.strip_prefix(separator)?.trim_start_matches(is_space);
    }
}

/// A name whose opening quote has been read, and what follows it.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}
