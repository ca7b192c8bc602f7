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
            finding(LOCK.to_owned(), &package.name, fact, remedy)
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
            finding(path, name, fact, "Take it from the package that brings it.")
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
                          tidy/src/exceptions.rs (DUPLICATES).";
            finding(LOCK.to_owned(), name, fact, remedy)
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

fn finding(path: String, subject: &str, fact: String, remedy: &'static str) -> Finding {
    Finding {
        path,
        line: 0,
        subject: subject.to_owned(),
        fact,
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(packages: &[(&str, &str)]) -> Vec<Built> {
        let package = |(name, version): &(&str, &str)| Built {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
        };
        packages.iter().map(package).collect()
    }

    fn naming(dependency: &str) -> [Member; 1] {
        [Member {
            name: "portcullis-policy".to_owned(),
            folder: "policy".to_owned(),
            dependencies: vec![dependency.to_owned()],
            targets: Vec::new(),
        }]
    }

    fn facts(members: &[Member], packages: &[(&str, &str)]) -> Vec<String> {
        check(members, &built(packages))
            .into_iter()
            .map(|f| f.fact)
            .collect()
    }

    #[test]
    fn every_banned_package_is_found() {
        for (name, why) in BANNED {
            let expected = format!("`{name}` is banned: {why}");
            assert_eq!(
                facts(&[], &[(name, "1.0.0"), ("serde", "1.0.0")]),
                [expected]
            );
        }
    }

    #[test]
    fn a_second_cel_is_found_by_name_and_by_version() {
        let found = facts(&naming("cel"), &[("cel", "0.13.0")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("`policy` names `cel`"), "{found:?}");
        let found = facts(&[], &[("cel", "0.13.0"), ("cel", "0.15.0")]);
        assert_eq!(found, ["`cel` is there in versions 0.13 and 0.15"]);
    }

    #[test]
    fn two_majors_of_a_direct_dependency_are_found() {
        let packages = [("thiserror", "1.0.69"), ("thiserror", "2.0.21")];
        let found = facts(&naming("thiserror"), &packages);
        assert_eq!(found, ["`thiserror` is there in versions 1 and 2"]);
        assert_eq!(facts(&naming("serde"), &packages), Vec::<String>::new());
    }

    #[test]
    fn compatible_versions_are_one() {
        for (version, part) in [
            ("1.2.3", "1"),
            ("0.13.4", "0.13"),
            ("0.0.7", "0.0.7"),
            ("2.0.0-rc.1+x", "2"),
        ] {
            assert_eq!(compatible(version), part);
        }
        let packages = [("serde", "1.0.1"), ("serde", "1.9.0")];
        assert_eq!(facts(&naming("serde"), &packages), Vec::<String>::new());
    }
}
