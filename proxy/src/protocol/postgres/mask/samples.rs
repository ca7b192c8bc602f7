//! What the tests of this folder share.

use std::sync::Arc;

use portcullis_policy::mask::{
    ColumnPattern, DdlRule, DetectorKind, JsonPath, MaskKey, MaskRule, MaskSet, Predicates,
    Transform,
};
use portcullis_policy::{ObjectName, Origin};

pub(super) fn rule(columns: &[&str], transform: Transform) -> MaskRule {
    MaskRule {
        name: ObjectName {
            namespace: "ns".to_owned(),
            name: "pii".to_owned(),
        },
        origin: Origin::Tenant,
        subjects: Vec::new(),
        exempt: Vec::new(),
        columns: columns
            .iter()
            .map(|column| ColumnPattern::parse(column).unwrap())
            .collect(),
        json_paths: Vec::new(),
        keys: Vec::new(),
        headers: Vec::new(),
        detectors: Vec::new(),
        patterns: Vec::new(),
        transform,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    }
}

pub(super) fn masks(rules: &[MaskRule]) -> Arc<MaskSet> {
    Arc::new(MaskSet::compile(rules).unwrap())
}

/// Detectors of e-mail addresses, cards and IP addresses, and one JSON path.
pub(super) fn detectors() -> Arc<MaskSet> {
    let mut rule = rule(&[], Transform::Redact);
    rule.detectors = vec![
        DetectorKind::Email,
        DetectorKind::CreditCard,
        DetectorKind::IpAddress,
    ];
    rule.json_paths = vec![JsonPath::parse("$.ssn").unwrap()];
    masks(&[rule])
}

pub(super) fn tokenize() -> Transform {
    Transform::Tokenize {
        key: MaskKey::new("test", &[7; 32]).unwrap(),
    }
}
