//! MaskingRule to the mask that rewrites.

use kube::ResourceExt;
use portcullis_policy::mask::detect::{CustomPattern, DetectorKind};
use portcullis_policy::mask::rule as policy;
use portcullis_policy::mask::{JsonPath, MaskKey, Transform};
use portcullis_policy::matcher::Glob;
use portcullis_policy::rule::ObjectName;

use super::{Errors, FieldError, origin, subjects, target};
use crate::masking_rule::{
    Ddl, Detector, MaskMatch, MaskingRule, Pattern, Predicates, Transform as TransformSpec,
    TransformType, Validator,
};

/// Where the bytes of a mask's key come from. The proxy answers from what is mounted; whoever only
/// wants to know whether a rule is well formed answers with [`AnyKey`].
pub trait Keys {
    /// The bytes under `key` of the Secret `name`; none when there is no such thing.
    fn key(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>>;
}

/// Stands in for every key, for those who lower to judge an object and hold no secret.
#[derive(Debug, Clone, Copy)]
pub struct AnyKey;

// === impl AnyKey ===

impl Keys for AnyKey {
    fn key(&self, _: &str, _: &str, _: &str) -> Option<Vec<u8>> {
        Some(vec![0; portcullis_policy::mask::transform::MIN_KEY_BYTES])
    }
}

/// Lowers a rule.
pub fn lower(object: &MaskingRule, keys: &dyn Keys) -> Result<policy::MaskRule, Vec<FieldError>> {
    let spec = &object.spec;
    let namespace = object.namespace().unwrap_or_default();
    let mut errors = Errors::default();
    let selector = spec.target_selector.as_ref();
    target::check(&mut errors, &namespace, &spec.target_refs, selector);
    let matching = &spec.matching;
    if *matching == MaskMatch::default() {
        errors.add("spec.match", "names no value; write at least one field");
    }
    let transform = transform(&mut errors, &namespace, &spec.transform, keys);
    let lowered = policy::MaskRule {
        origin: origin(&namespace),
        name: ObjectName::new(namespace, object.name_any()),
        subjects: subjects(&mut errors, "spec.subjects", &spec.subjects),
        exempt: subjects(&mut errors, "spec.exempt", &spec.exempt),
        columns: errors.list("spec.match.columns", &matching.columns, |p| {
            policy::ColumnPattern::parse(p)
        }),
        json_paths: errors.list("spec.match.jsonPaths", &matching.json_paths, |p| {
            JsonPath::parse(p)
        }),
        keys: errors.list("spec.match.keys", &matching.keys, |p| Glob::parse(p)),
        headers: errors.list("spec.match.headers", &matching.headers, |name| {
            policy::HeaderName::parse(name)
        }),
        detectors: matching.detectors.iter().copied().map(detector).collect(),
        patterns: patterns(&mut errors, &matching.patterns),
        transform,
        predicates: match spec.predicates {
            Predicates::Allow => policy::Predicates::Allow,
            Predicates::Equality => policy::Predicates::Equality,
            Predicates::Deny => policy::Predicates::Deny,
        },
        ddl: match spec.ddl {
            Ddl::Allow => policy::DdlRule::Allow,
            Ddl::Deny => policy::DdlRule::Deny,
        },
    };
    errors.finish(lowered)
}

fn patterns(errors: &mut Errors, patterns: &[Pattern]) -> Vec<CustomPattern> {
    errors.list("spec.match.patterns", patterns, |pattern| {
        let validator = pattern.validator.map(|validator| match validator {
            Validator::Luhn => "Luhn",
            Validator::Iban => "Iban",
        });
        CustomPattern::parse(&pattern.name, &pattern.regex, validator)
    })
}

fn transform(
    errors: &mut Errors,
    namespace: &str,
    spec: &TransformSpec,
    keys: &dyn Keys,
) -> Transform {
    let partial = spec.kind == TransformType::Partial;
    if partial != (spec.keep_first.is_some() || spec.keep_last.is_some()) {
        errors.add(
            "spec.transform",
            "type Partial needs keepFirst or keepLast, and no other type takes them",
        );
    }
    let keyed = matches!(spec.kind, TransformType::Hash | TransformType::Tokenize);
    if keyed != spec.key_secret_ref.is_some() {
        errors.add(
            "spec.transform.keySecretRef",
            "types Hash and Tokenize need it, and no other type takes it",
        );
    }
    let key = match &spec.key_secret_ref {
        Some(_) => mask_key(errors, namespace, spec, keys),
        None => None,
    };
    match (spec.kind, key) {
        (TransformType::Nullify, _) => Transform::Nullify,
        (TransformType::Partial, _) => Transform::Partial {
            keep_first: kept(errors, "keepFirst", spec.keep_first),
            keep_last: kept(errors, "keepLast", spec.keep_last),
        },
        (TransformType::Hash, Some(key)) => Transform::Hash { key },
        (TransformType::Tokenize, Some(key)) => Transform::Tokenize { key },
        // A key that is missing is an error above, so what stands here is never used.
        (TransformType::Redact | TransformType::Hash | TransformType::Tokenize, _) => {
            Transform::Redact
        }
    }
}

fn kept(errors: &mut Errors, field: &str, count: Option<i64>) -> usize {
    let kept = usize::try_from(count.unwrap_or_default());
    if kept.is_err() {
        errors.add(format!("spec.transform.{field}"), "cannot be negative");
    }
    kept.unwrap_or_default()
}

fn mask_key(
    errors: &mut Errors,
    namespace: &str,
    spec: &TransformSpec,
    keys: &dyn Keys,
) -> Option<MaskKey> {
    let reference = spec.key_secret_ref.as_ref()?;
    let field = "spec.transform.keySecretRef";
    match keys.key(namespace, &reference.name, &reference.key) {
        Some(bytes) => {
            let name = format!("{namespace}/{}/{}", reference.name, reference.key);
            errors.keep(field, MaskKey::new(&name, &bytes))
        }
        None => {
            errors.add(
                field,
                format!(
                    "there is no key {} in Secret {namespace}/{}; add it there",
                    reference.key, reference.name
                ),
            );
            None
        }
    }
}

fn detector(detector: Detector) -> DetectorKind {
    match detector {
        Detector::CreditCard => DetectorKind::CreditCard,
        Detector::SocialSecurityNumber => DetectorKind::SocialSecurityNumber,
        Detector::Email => DetectorKind::Email,
        Detector::Phone => DetectorKind::Phone,
        Detector::Iban => DetectorKind::Iban,
        Detector::IpAddress => DetectorKind::IpAddress,
        Detector::MacAddress => DetectorKind::MacAddress,
        Detector::Jwt => DetectorKind::Jwt,
        Detector::AwsKey => DetectorKind::AwsKey,
        Detector::GcpKey => DetectorKind::GcpKey,
        Detector::GithubToken => DetectorKind::GithubToken,
        Detector::SlackToken => DetectorKind::SlackToken,
        Detector::ApiKey => DetectorKind::ApiKey,
        Detector::PrivateKey => DetectorKind::PrivateKey,
        Detector::ConnectionString => DetectorKind::ConnectionString,
        Detector::DateOfBirth => DetectorKind::DateOfBirth,
    }
}
