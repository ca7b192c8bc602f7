//! Packages that are never built in, and packages that are there once.

use std::collections::{BTreeMap, BTreeSet};

use crate::cargo::{Built, Member};
use crate::finding::Finding;

/// Never, not even in a test.
pub const BANNED: &[(&str, &str)] = &[
    ("native-tls", "rustls speaks TLS here"),
    ("openssl", "aws-lc-rs is the one source of cryptography"),
    ("openssl-sys", "aws-lc-rs is the one source of cryptography"),
    ("ring", "aws-lc-rs is the one source of cryptography"),
];

/// Never named by a manifest of ours, for another package brings the one that counts.
pub const NEVER_DIRECT: &[(&str, &str)] = &[(
    "cel",
    "kube-cel re-exports it; a second one would read expressions differently",
)];

/// One version of them, whoever asks.
const ONCE: &[&str] = &["aws-lc-rs", "cel", "kube-cel", "rustls", "tokio"];

const LOCK: &str = "Cargo.lock";

pub fn check(members: &[Member], built: &[Built]) -> Vec<Finding> {
    let mut findings = banned(built);
    findings.extend(members.iter().flat_map(never_direct));
    findings.extend(duplicates(members, built));
    findings
}

fn banned(built: &[Built]) -> Vec<Finding> {
    let reason = |name: &str| {
        BANNED
            .iter()
            .find(|(banned, _)| *banned == name)
            .map(|(_, why)| why)
    };
    let found = built
        .iter()
        .filter_map(|package| reason(&package.name).map(|why| (package, why)));
    found
        .map(|(package, why)| {
            let fact = format!("`{}` is banned: {why}", package.name);
            let remedy = "`cargo tree --workspace --edges all --invert <package>` shows who asks.";
            Finding::of_file(LOCK, &package.name, fact, remedy)
        })
        .collect()
}

fn never_direct(member: &Member) -> Vec<Finding> {
    NEVER_DIRECT
        .iter()
        .filter(|(name, _)| {
            member
                .dependencies
                .iter()
                .any(|dependency| dependency == name)
        })
        .map(|(name, why)| {
            let fact = format!("`{}` names `{name}`: {why}", member.folder);
            let path = format!("{}/Cargo.toml", member.folder);
            Finding::of_file(
                &path,
                name,
                fact,
                "Take it from the package that brings it.",
            )
        })
        .collect()
}

/// Two incompatible versions of what we name ourselves, or of what must be there once.
fn duplicates(members: &[Member], built: &[Built]) -> Vec<Finding> {
    let direct: BTreeSet<_> = members.iter().flat_map(|m| &m.dependencies).collect();
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in built {
        if direct.contains(&package.name) || ONCE.contains(&package.name.as_str()) {
            versions
                .entry(&package.name)
                .or_default()
                .insert(compatible(&package.version));
        }
    }
    let twice = versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1);
    twice
        .map(|(name, versions)| {
            let versions: Vec<_> = versions.into_iter().collect();
            let fact = format!("`{name}` is there in versions {}", versions.join(" and "));
            let remedy = "Move to the version the others use, or give the reason in \
                          tidy/src/exceptions/mod.rs (DUPLICATES).";
            Finding::of_file(LOCK, name, fact, remedy)
        })
        .collect()
}

/// The part of a version that must be equal for two to be one: up to its first number over 0.
fn compatible(version: &str) -> String {
    let release = version.split(['-', '+']).next().unwrap_or(version);
    let mut kept = Vec::new();
    for number in release.split('.') {
        kept.push(number);
        if number != "0" {
            break;
        }
    }
    kept.join(".")
}

#[cfg(test)]
mod tests;
