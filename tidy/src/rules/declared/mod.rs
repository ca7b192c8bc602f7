//! Every Rust file belongs to a target. A test file that no module declares never runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::cargo::Member;
use crate::finding::Finding;
use crate::repository::SourceFile;
use crate::rust::{self, ModuleDeclaration};

/// Folders of source that is data: read by a test, compiled by nobody.
const DATA: &str = "testdata";

/// Rust files that no target reaches by `mod` declarations.
pub fn check<'a>(files: impl Iterator<Item = &'a SourceFile>, members: &[Member]) -> Vec<Finding> {
    let files: BTreeMap<_, _> = files
        .filter(|file| file.is_rust() && !file.path.split('/').any(|part| part == DATA))
        .map(|file| (file.path.as_str(), file))
        .collect();
    let reached = reached(&files, members);
    let lost = files.keys().filter(|path| !reached.contains(**path));
    lost.map(|path| Finding {
        path: (*path).to_owned(),
        line: 0,
        subject: "undeclared".to_owned(),
        fact: "is declared by no module, so it is never compiled".to_owned(),
        remedy: "Declare it (`#[cfg(test)] mod tests;` beside a tests.rs), or remove it.",
    })
    .collect()
}

fn reached(files: &BTreeMap<&str, &SourceFile>, members: &[Member]) -> BTreeSet<String> {
    let roots: BTreeSet<_> = members
        .iter()
        .flat_map(|member| member.targets.clone())
        .collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = roots.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let Some(file) = files.get(path.as_str()) else {
            continue;
        };
        if !reached.insert(path.clone()) {
            continue;
        }
        let is_root = roots.contains(&path) || path.ends_with("/mod.rs");
        for module in rust::declared_modules(&rust::tokens(&file.text).unwrap_or_default()) {
            open.extend(places(&path, is_root, &module));
        }
    }
    reached
}

/// Where the file of a module may be.
fn places(declared_in: &str, is_root: bool, module: &ModuleDeclaration) -> Vec<String> {
    let (folder, name) = declared_in.rsplit_once('/').unwrap_or(("", declared_in));
    if let Some(file) = &module.file {
        return vec![joined(folder, file)];
    }
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let own = if is_root {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    };
    let path = format!("{own}/{}", module.path.join("/"));
    vec![format!("{path}.rs"), format!("{path}/mod.rs")]
}

/// `folder/file`, with `..` taken out.
fn joined(folder: &str, file: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').collect();
    for part in file.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests;
