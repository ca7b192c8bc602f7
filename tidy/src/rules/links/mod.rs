//! A link in a document leads somewhere.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::repository::SourceFile;

/// `paths` are all that the repository has, generated files too.
pub fn check<'a>(
    files: impl Iterator<Item = &'a SourceFile>,
    paths: &BTreeSet<String>,
) -> Vec<Finding> {
    let documents = files.filter(|file| file.path.ends_with(".md"));
    documents.flat_map(|file| in_file(file, paths)).collect()
}

fn in_file(file: &SourceFile, paths: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for link in links(line).filter(|link| !leads_somewhere(&file.path, link, paths)) {
            findings.push(Finding {
                path: file.path.clone(),
                line: at + 1,
                subject: link.to_owned(),
                fact: format!("`{link}` leads nowhere"),
                remedy: "Correct the link; it is relative to the document.",
            });
        }
    }
    findings
}

/// Targets of `[text](target)`, but for those outside the repository and within the page.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target.split('#').next().unwrap_or_default());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

fn leads_somewhere(document: &str, link: &str, paths: &BTreeSet<String>) -> bool {
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            part => parts.push(part),
        }
    }
    let target = parts.join("/");
    let inside = format!("{target}/");
    paths.contains(&target) || paths.iter().any(|path| path.starts_with(&inside))
}

#[cfg(test)]
mod tests;
