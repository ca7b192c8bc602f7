//! Which module may know which, inside the crates where a single manifest cannot say it.
//!
//! A rule is active as soon as its crate's folder is there. A module that is not drawn may not be
//! there either: an arrow is drawn first, in docs/architecture.md, and then used.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::repository::SourceFile;
use crate::rust;

pub mod drawn;

pub use drawn::{CRATES, Drawing, Module};

/// A name that a row leaves open: the same one wherever the row says it.
const ANY: &str = "<x>";

/// Files that put the others together, and so know them all.
const WIRING: &[&str] = &["lib", "main", "bin"];

/// Modules that the drawing does not have, and arrows that it does not have.
pub fn check<'a>(
    files: impl Iterator<Item = &'a SourceFile>,
    drawings: &[Drawing],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.filter(|file| file.is_rust() && !file.is_test()) {
        for drawing in drawings {
            if let Some(inside) = file.path.strip_prefix(drawing.source) {
                findings.extend(in_file(file, inside, drawing));
            }
        }
    }
    findings
}

fn in_file(file: &SourceFile, inside: &str, drawing: &Drawing) -> Vec<Finding> {
    let own = module_path(inside);
    if own
        .first()
        .is_some_and(|first| WIRING.contains(&first.as_str()))
    {
        return Vec::new();
    }
    let unit = (drawing.unit)(&own);
    let Some((module, name)) = drawing.module(&unit) else {
        return vec![finding(
            file,
            0,
            &unit,
            format!("module `{unit}` is not drawn"),
        )];
    };
    let may_know = |target: &str| {
        target == unit
            || module
                .may_know
                .iter()
                .any(|known| covers(&known.replace(ANY, name), target))
            || module
                .only_in_folder
                .iter()
                .any(|(folder, known)| *known == target && inside.starts_with(folder))
    };
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for path in rust::written_paths(&rust::tokens(&file.text).unwrap_or_default()) {
        let target = drawing
            .target(&own, &path.segments)
            .filter(|target| !may_know(target));
        if let Some(target) = target.filter(|target| seen.insert(target.clone())) {
            let fact = format!("`{unit}` may not know `{target}`");
            findings.push(finding(file, path.line, &target, fact));
        }
    }
    findings
}

/// `protocol/*` covers each protocol; anything else only itself.
fn covers(known: &str, target: &str) -> bool {
    match known.strip_suffix('*') {
        Some(folder) => target.starts_with(folder),
        None => known == target,
    }
}

/// What `<x>` stands for where `pattern` is `unit`.
fn bound<'a>(pattern: &str, unit: &'a str) -> Option<&'a str> {
    let (patterns, parts) = (pattern.split('/'), unit.split('/'));
    if patterns.clone().count() != parts.clone().count() {
        return None;
    }
    let mut name = "";
    for (pattern, part) in patterns.zip(parts) {
        match pattern {
            ANY => name = part,
            exact if exact == part => {}
            _ => return None,
        }
    }
    Some(name)
}

fn finding(file: &SourceFile, line: usize, subject: &str, fact: String) -> Finding {
    Finding {
        path: file.path.clone(),
        line,
        subject: subject.to_owned(),
        fact,
        remedy: "Turn the arrow round (a port, a value passed in), or draw it first in \
                 docs/architecture.md and tidy/src/rules/module_arrows/drawn.rs.",
    }
}

/// `protocol/postgres/mod.rs` is `[protocol, postgres]`.
fn module_path(inside: &str) -> Vec<String> {
    let stem = inside.strip_suffix(".rs").unwrap_or(inside);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    stem.split('/').map(str::to_owned).collect()
}

// === impl Drawing ===

impl Drawing {
    /// The row of a unit, and what `<x>` stands for in it. A row by name comes before a pattern.
    fn module<'a>(&self, unit: &'a str) -> Option<(&Module, &'a str)> {
        let named = self.modules.iter().find(|module| module.name == unit);
        let pattern = || {
            self.modules
                .iter()
                .find_map(|module| Some((module, bound(module.name, unit)?)))
        };
        named.map(|module| (module, unit)).or_else(pattern)
    }

    /// What a path written in `own` points to: a unit of this crate, or another crate that the
    /// drawing speaks of.
    fn target(&self, own: &[String], segments: &[String]) -> Option<String> {
        let (first, rest) = segments.split_first()?;
        let inside = match first.as_str() {
            "crate" => rest.to_vec(),
            "self" => [own, rest].concat(),
            "super" => {
                let ups = segments
                    .iter()
                    .take_while(|segment| *segment == "super")
                    .count();
                let kept = own.len().checked_sub(ups)?;
                [own.get(..kept)?, segments.get(ups..)?].concat()
            }
            other => return self.foreign(other, rest),
        };
        (!inside.is_empty()).then(|| (self.unit)(&inside))
    }

    fn foreign(&self, name: &str, rest: &[String]) -> Option<String> {
        if self.foreign_by_module.contains(&name) {
            let module = rest.first().map(String::as_str).unwrap_or_default();
            return Some(format!("{name}::{module}"));
        }
        self.foreign.contains(&name).then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests;
