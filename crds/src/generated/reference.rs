//! The reference pages: each field with its type, default, meaning and example.

use std::fmt::Write;

use serde_json::Value;

use super::GeneratedFile;
use crate::definition::Definition;
use crate::document;

/// One field of a kind.
#[derive(Debug, Default)]
struct Field {
    path: String,
    kind: String,
    required: bool,
    default: Option<String>,
    meaning: String,
    example: Option<String>,
    /// Whether it holds a value of its own rather than other fields.
    leaf: bool,
}

/// One rule that relates fields.
#[derive(Debug)]
struct Rule {
    path: String,
    message: String,
}

/// The pages of all kinds, the page on files, and the index.
pub(super) fn pages() -> Vec<GeneratedFile> {
    let mut index = String::from(
        "# Reference\n\nMade from `crds/src` by `make gen`. Edit the types, not these pages.\n\n\
         | kind | short name | scope | what |\n|---|---|---|---|\n",
    );
    let mut files = Vec::new();
    for definition in Definition::all() {
        let page = format!("{}.md", definition.kind().to_lowercase());
        let short = definition.crd().pointer("/spec/names/shortNames/0");
        let short = short.and_then(Value::as_str).unwrap_or_default();
        let scope = if definition.is_namespaced() {
            "namespace"
        } else {
            "cluster"
        };
        let what = text(definition.schema(), "description");
        // Writing to a String cannot fail.
        let _ = writeln!(
            index,
            "| [{}]({page}) | `{short}` | {scope} | {what} |",
            definition.kind()
        );
        files.push(file(&page, kind_page(definition, short)));
    }
    index.push_str(
        "\nHow files with these kinds are read, and what is refused: [files.md](files.md).\n",
    );
    files.push(file("README.md", index));
    files.push(file("files.md", files_page()));
    files
}

/// Fields without a description, and leaves without an example: both belong to every field.
pub fn undescribed() -> Vec<String> {
    let mut lacking = Vec::new();
    for definition in Definition::all() {
        for field in fields(definition) {
            let ends = field.meaning.ends_with('.');
            if !ends || (field.leaf && field.example.is_none()) {
                lacking.push(format!("{} {}", definition.kind(), field.path));
            }
        }
    }
    lacking
}

fn file(name: &str, content: String) -> GeneratedFile {
    GeneratedFile {
        path: format!("docs/reference/{name}"),
        content,
    }
}

fn kind_page(definition: &Definition, short: &str) -> String {
    let kind = definition.kind();
    let mut page = format!(
        "# {kind}\n\nMade from `crds/src` by `make gen`. Edit the types, not this page.\n\n{}\n\n\
         `apiVersion: {}`, `kind: {kind}`, `kubectl get {short}`.\n",
        text(definition.schema(), "description"),
        Definition::api_version(),
    );
    for part in ["spec", "status"] {
        let _ = write!(
            page,
            "\n## {part}\n\n| field | type | default | meaning | example |\n|---|---|---|---|---|\n"
        );
        for field in fields(definition) {
            if field.path == part || !field.path.starts_with(part) {
                continue;
            }
            let default = match (&field.default, field.required) {
                (Some(default), _) => code(default),
                (None, true) => "required".to_owned(),
                (None, false) => String::new(),
            };
            let example = field.example.as_deref().map(code).unwrap_or_default();
            let _ = writeln!(
                page,
                "| `{}` | {} | {default} | {} | {example} |",
                field.path,
                cell(&field.kind),
                cell(&field.meaning),
            );
        }
    }
    page.push_str("\n## Rules\n\nWhat the API server, and the reader of files, also check:\n\n");
    for rule in rules(definition) {
        let path = if rule.path.is_empty() {
            "the object"
        } else {
            &rule.path
        };
        let _ = writeln!(page, "- `{path}`: {}", rule.message);
    }
    page
}

fn files_page() -> String {
    let mut page = String::from(
        "# Files\n\nMade from `crds/src` by `make gen`. Edit the sources, not this page.\n\n\
A standalone proxy, `validate` and `explain` read our kinds and core/v1 Secret, ConfigMap and \
Namespace from YAML files, many documents in a file. A file is held to the same schema, defaults and rules as an API \
server holds objects to, and to more. All errors of all files are told at once, each as `file: document \
N: field: what is wrong; what would be right (line, column)`. No error repeats a value of a Secret.\n\n\
Refused, each by name:\n\n\
- an unknown field, a wrong type, a missing field, a field without a value, a value outside its bounds;\n\
- a key that is there twice in one map, an object that is there twice in all files;\n\
- a kind or apiVersion that is not read, a namespace on a cluster-scoped kind;\n\
- under `metadata`, what means something in a cluster only: `generateName`, `ownerReferences`, \
`finalizers`, `deletionTimestamp`;\n\
- anchors, aliases, merge keys (`<<`), tags (`!!str`) and directives (`%YAML`);\n\
- plain words that readers of YAML understand differently: `yes`, `no`, `on`, `off`, `y`, `n`, `010`, \
`0o7`, `0x1f`, `1_000`, `1e3`, `.5`, `12:30:45`. Write `true` or `false`, plain digits, or quotes;\n\
- characters that readers or people take differently: U+0085, U+2028 and U+2029 (a line's end to some), \
other control characters, a carriage return alone, marks of writing direction, signs without width. In \
double quotes they can be escaped, as `\"\\u202E\"`.\n\n\
What `kubectl get -o yaml` prints reads as it is, also several objects in a `v1` List (fields are then told \
as `items[0].spec…`). What a cluster noted there is passed over, for it says nothing that could be enforced: \
`status` (except of an ApprovalRequest, whose decisions are part of it), and under `metadata` \
`creationTimestamp`, `generation`, `managedFields`, `resourceVersion`, `selfLink` and `uid`.\n\n\
An object without a namespace is in `default`. Its UID is made from its kind, namespace and name, its \
generation from its content.\n\n\
A Namespace is read for its labels, which `allowedNamespaces.selector` of a ConnectionClass and \
`namespaceSelector` of a platform policy ask for. Every namespace has the label \
`kubernetes.io/metadata.name` with its name, whatever is written; one without a document has no other. \
So write the document of each namespace whose labels a platform policy selects by, or it is not \
bound.\n\n## Limits\n\n| limit | value |\n|---|---|\n",
    );
    for (limit, value) in [
        ("bytes in a file", document::MAX_FILE_BYTES),
        ("bytes in all files together", document::MAX_TOTAL_BYTES),
        ("documents in a file", document::MAX_DOCUMENTS),
        ("keys and values in a file", document::MAX_NODES),
        ("objects in all files together", document::MAX_OBJECTS),
        ("depth of maps and lists in a document", document::MAX_DEPTH),
        (
            "errors that are told; the rest is counted",
            document::MAX_ERRORS,
        ),
    ] {
        let _ = writeln!(page, "| {limit} | {value} |");
    }
    page
}

fn fields(definition: &Definition) -> Vec<Field> {
    let mut fields = Vec::new();
    collect_fields(definition.schema(), "", &mut fields);
    fields
}

fn collect_fields(schema: &Value, path: &str, fields: &mut Vec<Field>) {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let items = property.get("items");
        let nested = items.unwrap_or(property);
        let inner = nested.get("properties").is_some();
        fields.push(Field {
            kind: type_of(property),
            required: required.contains(&name.as_str()),
            default: property.get("default").map(Value::to_string),
            meaning: text(property, "description").to_owned(),
            example: property.get("example").map(Value::to_string),
            leaf: !inner,
            path: path.clone(),
        });
        let below = if items.is_some() {
            format!("{path}[]")
        } else {
            path
        };
        collect_fields(nested, &below, fields);
    }
}

fn rules(definition: &Definition) -> Vec<Rule> {
    let mut rules = Vec::new();
    collect_rules(definition.schema(), "", &mut rules);
    rules
}

fn collect_rules(schema: &Value, path: &str, rules: &mut Vec<Rule>) {
    let own = schema
        .get("x-kubernetes-validations")
        .and_then(Value::as_array);
    for rule in own.into_iter().flatten() {
        let field = format!("{path}{}", text(rule, "fieldPath"));
        let path = field.trim_start_matches('.').to_owned();
        rules.push(Rule {
            path,
            message: text(rule, "message").to_owned(),
        });
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        collect_rules(property, &path, rules);
    }
    if let Some(items) = schema.get("items") {
        collect_rules(items, &format!("{path}[]"), rules);
    }
}

/// The type in words, with its bounds.
fn type_of(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<String> = words
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect();
        return words.join(" or ");
    }
    let up_to = |key: &str| number(schema, key).map(|most| format!(" up to {most}"));
    match text(schema, "type") {
        "array" => {
            let of = schema.get("items").map(type_of).unwrap_or_default();
            format!("list of{}: {of}", up_to("maxItems").unwrap_or_default())
        }
        "object" => match schema.get("additionalProperties") {
            Some(of) => {
                format!(
                    "map of{}: text to {}",
                    up_to("maxProperties").unwrap_or_default(),
                    type_of(of)
                )
            }
            None => "object".to_owned(),
        },
        "integer" => match (number(schema, "minimum"), number(schema, "maximum")) {
            (Some(least), Some(most)) => format!("integer, {least} to {most}"),
            (Some(least), None) => format!("integer, at least {least}"),
            _ => "integer".to_owned(),
        },
        "string" => match text(schema, "format") {
            "duration" => "duration".to_owned(),
            "date-time" => "time".to_owned(),
            _ => match number(schema, "maxLength") {
                Some(most) => format!("text up to {most} long"),
                None => "text".to_owned(),
            },
        },
        other => other.to_owned(),
    }
}

/// A text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

fn text<'s>(schema: &'s Value, key: &str) -> &'s str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(schema: &Value, key: &str) -> Option<i64> {
    schema.get(key).and_then(Value::as_i64)
}
