//! Terms that every package built or tested here must offer.

use crate::cargo::Licensed;
use crate::finding::Finding;

/// Permissive terms, each alone enough.
pub const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Brackets in one expression, one inside the other.
pub const MAX_DEPTH: usize = 16;

pub fn check(packages: &[Licensed]) -> Vec<Finding> {
    packages.iter().filter_map(in_package).collect()
}

fn in_package(package: &Licensed) -> Option<Finding> {
    let fact = match package.licence.as_deref() {
        None => "names no licence".to_owned(),
        Some(licence) => match allowed(licence) {
            Some(true) => return None,
            Some(false) => format!("is under `{licence}`, which is not on the list"),
            None => format!("has a licence that is no expression: `{licence}`"),
        },
    };
    Some(Finding {
        path: "Cargo.lock".to_owned(),
        line: 0,
        subject: package.name.clone(),
        fact: format!("`{}` {} {fact}", package.name, package.version),
        remedy: "Use another package, or give the reason in tidy/src/exceptions/mod.rs (LICENCES).",
    })
}

/// Whether the terms can be met by those on the list: of OR one side, of AND both. `None` for
/// what is no SPDX expression.
pub fn allowed(licence: &str) -> Option<bool> {
    // Older manifests write `A/B` for `A OR B`.
    let spaced = licence
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut expression = Expression {
        words: &words,
        depth: 0,
    };
    let answer = expression.either()?;
    expression.words.is_empty().then_some(answer)
}

/// What is left to read of an expression.
struct Expression<'a> {
    words: &'a [&'a str],
    depth: usize,
}

// === impl Expression ===

impl Expression<'_> {
    fn either(&mut self) -> Option<bool> {
        let mut answer = self.both()?;
        while self.take("OR") {
            answer |= self.both()?;
        }
        Some(answer)
    }

    fn both(&mut self) -> Option<bool> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Some(answer)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            self.depth = self
                .depth
                .checked_add(1)
                .filter(|depth| *depth <= MAX_DEPTH)?;
            let answer = self.either()?;
            self.depth = self.depth.saturating_sub(1);
            return self.take(")").then_some(answer);
        }
        let name = self.name()?;
        if self.take("WITH") {
            let full = format!("{name} WITH {}", self.name()?);
            return Some(ALLOWED.contains(&full.as_str()));
        }
        Some(ALLOWED.contains(&name.as_str()))
    }

    fn name(&mut self) -> Option<String> {
        let (first, rest) = self.words.split_first()?;
        if ["OR", "AND", "WITH", "(", ")"].contains(first) {
            return None;
        }
        self.words = rest;
        Some((*first).to_owned())
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
