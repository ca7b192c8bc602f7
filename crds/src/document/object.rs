//! From a tree to a typed object.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_cel::{CompiledSchema, Validator, compile_schema};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Documents;
use super::check::{Checker, Problem, apply_defaults};
use super::list::{self, LIST, Part};
use super::metadata::{self, FOR_CLUSTERS, take_notes};
use super::scalar::{Scalar, shown};
use super::tree::{Node, NodeValue, Position};
use crate::definition::Definition;
use crate::{ApprovalRequest, Connection, ConnectionClass, GuardrailPolicy, MaskingRule};

/// Namespace of a namespaced object that names none, as with kubectl.
const DEFAULT_NAMESPACE: &str = "default";

const UNREADABLE: &str =
    "a value under data is not base64; encode it, or write it under stringData";

/// Reads objects of the kinds that files may hold.
pub(super) struct Kinds {
    checker: Checker,
    validator: Validator,
}

/// The kinds, with their rules compiled once.
static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let own = [
        Kind::own("Connection", |value| Ok(Typed::Connection(from(value)?))),
        Kind::own("ConnectionClass", |value| {
            Ok(Typed::ConnectionClass(from(value)?))
        }),
        Kind::own("GuardrailPolicy", |value| {
            Ok(Typed::GuardrailPolicy(from(value)?))
        }),
        Kind::own("MaskingRule", |value| Ok(Typed::MaskingRule(from(value)?))),
        Kind::own("ApprovalRequest", |value| {
            Ok(Typed::ApprovalRequest(from(value)?))
        }),
    ];
    let core = [
        Kind::core("Secret", metadata::secret(), |value| {
            Ok(Typed::Secret(from(value)?))
        }),
        Kind::core("ConfigMap", metadata::config_map(), |value| {
            Ok(Typed::ConfigMap(from(value)?))
        }),
        Kind::namespace(),
    ];
    own.into_iter().chain(core).collect()
});

/// An object that fits its schema.
#[derive(Debug)]
pub(super) struct Object {
    kind: &'static str,
    namespace: String,
    name: String,
    typed: Typed,
    pub(super) position: Position,
}

/// One kind that files may hold.
struct Kind {
    name: &'static str,
    api_version: String,
    namespaced: bool,
    /// With apiVersion, kind and metadata, which a CRD's schema leaves out.
    schema: Value,
    rules: Option<CompiledSchema>,
    /// Whether errors may repeat values.
    discloses: bool,
    /// Whether the status is part of what is read: decisions about a request are.
    carries_status: bool,
    typed: fn(Value) -> Result<Typed, serde_json::Error>,
}

#[derive(Debug)]
enum Typed {
    Connection(Box<Connection>),
    ConnectionClass(Box<ConnectionClass>),
    GuardrailPolicy(Box<GuardrailPolicy>),
    MaskingRule(Box<MaskingRule>),
    ApprovalRequest(Box<ApprovalRequest>),
    Secret(Box<Secret>),
    ConfigMap(Box<ConfigMap>),
    Namespace(Box<Namespace>),
}

// === impl Kinds ===

impl Kinds {
    pub(super) fn new() -> Self {
        Self {
            checker: Checker::default(),
            validator: Validator::new(),
        }
    }

    /// The objects of a document, still to be read.
    pub(super) fn parts(&mut self, root: Node) -> Result<Vec<Part>, Vec<Problem>> {
        list::parts(&mut self.checker, root)
    }

    /// The object that a node holds, or all that is wrong with it.
    pub(super) fn read(&mut self, mut node: Node) -> Result<Object, Vec<Problem>> {
        if !matches!(node.value, NodeValue::Map(_)) {
            return Err(vec![problem(
                "",
                node.position,
                "is no object; write apiVersion, kind and metadata",
            )]);
        }
        let kind = kind_of(&KINDS, &node)?;
        take_notes(&mut node, kind.carries_status);
        let node = &node;
        let (mut value, mut problems) = self.checker.check(&kind.schema, node, kind.discloses);
        problems.iter_mut().for_each(advise);
        if !problems.is_empty() {
            return Err(problems);
        }
        apply_defaults(&kind.schema, &mut value);
        if let Some(rules) = &kind.rules
            && let Err(errors) = self.validator.validate_compiled(rules, &value, None)
        {
            let broken = errors.into_iter().map(|error| Problem {
                position: Some(position_of(node, &error.field_path)),
                field: error.field_path,
                reason: error.message,
            });
            return Err(broken.collect());
        }
        complete(&mut value, kind.namespaced);
        let typed = (kind.typed)(value).map_err(|error| {
            // The schemas admit nothing that does not read, but for a value in base64 whose last
            // bits are not zero. What serde says of it may repeat it.
            let said = if kind.discloses {
                error.to_string()
            } else {
                UNREADABLE.to_owned()
            };
            vec![problem("", node.position, &said)]
        })?;
        Ok(Object::new(kind.name, typed, node))
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(KINDS.iter().map(|kind| kind.name))
            .finish()
    }
}

// === impl Kind ===

impl Kind {
    fn own(name: &'static str, typed: fn(Value) -> Result<Typed, serde_json::Error>) -> Self {
        let definition = Definition::find(name);
        let schema = definition.map_or(Value::Null, |definition| definition.schema().clone());
        let namespaced = definition.is_none_or(Definition::is_namespaced);
        Self {
            name,
            api_version: Definition::api_version(),
            namespaced,
            rules: Some(compile_schema(&schema)),
            schema: whole(schema, namespaced),
            discloses: true,
            carries_status: name == "ApprovalRequest",
            typed,
        }
    }

    fn core(
        name: &'static str,
        schema: Value,
        typed: fn(Value) -> Result<Typed, serde_json::Error>,
    ) -> Self {
        Self {
            name,
            api_version: "v1".to_owned(),
            namespaced: true,
            schema: whole(schema, true),
            rules: None,
            discloses: false,
            // These have none, and one that is written is an unknown field.
            carries_status: true,
            typed,
        }
    }

    fn namespace() -> Self {
        let schema = metadata::namespace();
        let mut kind = Self::core("Namespace", schema, |value| {
            Ok(Typed::Namespace(from(value)?))
        });
        kind.namespaced = false;
        kind.schema["properties"]["metadata"] = metadata::of_namespace();
        (kind.discloses, kind.carries_status) = (true, false);
        kind
    }
}

// === impl Object ===

impl Object {
    fn new(kind: &'static str, typed: Typed, node: &Node) -> Self {
        let metadata = typed.metadata();
        let position = node
            .member("metadata")
            .and_then(|metadata| metadata.node.member("name"))
            .map_or(node.position, |name| name.node.position);
        Self {
            kind,
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            typed,
            position,
        }
    }

    /// What no second object may share.
    pub(super) fn key(&self) -> (String, String, String) {
        (
            self.kind.to_owned(),
            self.namespace.clone(),
            self.name.clone(),
        )
    }

    /// The object in words.
    pub(super) fn title(&self) -> String {
        match self.namespace.as_str() {
            "" => format!("{} {}", self.kind, self.name),
            namespace => format!("{} {namespace}/{}", self.kind, self.name),
        }
    }

    pub(super) fn kept(self, documents: &mut Documents) {
        match self.typed {
            Typed::Connection(object) => documents.connections.push(*object),
            Typed::ConnectionClass(object) => documents.connection_classes.push(*object),
            Typed::GuardrailPolicy(object) => documents.guardrail_policies.push(*object),
            Typed::MaskingRule(object) => documents.masking_rules.push(*object),
            Typed::ApprovalRequest(object) => documents.approval_requests.push(*object),
            Typed::Secret(object) => documents.secrets.push(merged(*object)),
            Typed::ConfigMap(object) => documents.config_maps.push(*object),
            Typed::Namespace(object) => documents.namespaces.push(*object),
        }
    }
}

// === impl Typed ===

impl Typed {
    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Connection(object) => &object.metadata,
            Self::ConnectionClass(object) => &object.metadata,
            Self::GuardrailPolicy(object) => &object.metadata,
            Self::MaskingRule(object) => &object.metadata,
            Self::ApprovalRequest(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
            Self::ConfigMap(object) => &object.metadata,
            Self::Namespace(object) => &object.metadata,
        }
    }
}

/// The kind that a document says it is.
fn kind_of<'k>(kinds: &'k [Kind], node: &Node) -> Result<&'k Kind, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut word = |key: &str| match node.member(key).map(|member| &member.node) {
        Some(Node {
            value: NodeValue::Scalar(Scalar::Text(text)),
            ..
        }) => Some(text.clone()),
        Some(other) => {
            problems.push(problem(key, other.position, "is no text; write one"));
            None
        }
        None => {
            problems.push(problem(
                key,
                node.position,
                "is missing; it must be written",
            ));
            None
        }
    };
    let (api_version, kind) = (word("apiVersion"), word("kind"));
    let (Some(api_version), Some(name)) = (api_version, kind) else {
        return Err(problems);
    };
    let at = |key: &str| {
        node.member(key)
            .map_or(node.position, |member| member.node.position)
    };
    if name == LIST {
        let reason = "a List holds objects and no other List; write them into one";
        return Err(vec![problem("kind", at("kind"), reason)]);
    }
    let Some(kind) = kinds.iter().find(|kind| kind.name == name) else {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
        let reason = format!(
            "{} is no kind that is read; there are {}, and {LIST} of these",
            shown(&name),
            names.join(", ")
        );
        return Err(vec![problem("kind", at("kind"), &reason)]);
    };
    if kind.api_version != api_version {
        let reason = format!(
            "{} has no {name}; write {}",
            shown(&api_version),
            kind.api_version
        );
        return Err(vec![problem("apiVersion", at("apiVersion"), &reason)]);
    }
    Ok(kind)
}

fn from<T: DeserializeOwned>(value: Value) -> Result<Box<T>, serde_json::Error> {
    serde_json::from_value(value).map(Box::new)
}

/// A kind's schema with the members that every object has.
fn whole(mut schema: Value, namespaced: bool) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("apiVersion".to_owned(), json!({ "type": "string" }));
        properties.insert("kind".to_owned(), json!({ "type": "string" }));
        properties.insert("metadata".to_owned(), metadata::metadata(namespaced));
    }
    if let Some(members) = schema.as_object_mut() {
        let required = members.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            required.push(json!("metadata"));
        }
    }
    schema
}

/// What an API server would add: the namespace, a UID and a generation. The UID stays as long as
/// the name does, the generation changes with the content.
fn complete(value: &mut Value, namespaced: bool) {
    let content = value.to_string();
    let kind = value
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    if namespaced {
        metadata
            .entry("namespace")
            .or_insert_with(|| json!(DEFAULT_NAMESPACE));
    }
    let text = |key: &str| {
        metadata
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let uid = uid(&format!(
        "{kind}\u{0}{}\u{0}{}",
        text("namespace"),
        text("name")
    ));
    metadata.insert("uid".to_owned(), json!(uid));
    metadata.insert("generation".to_owned(), json!(generation(&content)));
}

/// A UUID of version 8 (RFC 9562), which is what a hash may be.
fn uid(identity: &str) -> String {
    let hash = digest(&SHA256, identity.as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// A positive number that JSON carries without loss.
fn generation(content: &str) -> i64 {
    let hash = digest(&SHA256, content.as_bytes());
    let bits = hash
        .as_ref()
        .iter()
        .take(6)
        .fold(0, |bits, byte| (bits << 8) | i64::from(*byte));
    bits + 1
}

/// As an API server does: what is written as text wins.
fn merged(mut secret: Secret) -> Secret {
    if let Some(texts) = secret.string_data.take() {
        let data = secret.data.get_or_insert_default();
        data.extend(
            texts
                .into_iter()
                .map(|(key, text)| (key, ByteString(text.into_bytes()))),
        );
    }
    secret
}

/// What a cluster writes gets its own advice.
fn advise(problem: &mut Problem) {
    let own = problem
        .field
        .strip_prefix("metadata.")
        .is_some_and(|name| FOR_CLUSTERS.contains(&name));
    if own {
        problem.reason = "means something in a cluster only; remove it".to_owned();
    } else if problem.field == "metadata.namespace" && problem.reason.starts_with("there is no") {
        problem.reason = "this kind belongs to no namespace; remove it".to_owned();
    }
}

/// Where the field of a broken rule stands, or else the nearest part around it.
fn position_of(root: &Node, field: &str) -> Position {
    let mut node = root;
    for step in field.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
        let next = match &node.value {
            NodeValue::Map(_) => node.member(step).map(|member| &member.node),
            NodeValue::List(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            NodeValue::Scalar(_) => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node.position
}

fn problem(field: &str, position: Position, reason: &str) -> Problem {
    Problem {
        field: field.to_owned(),
        position: Some(position),
        reason: reason.to_owned(),
    }
}
