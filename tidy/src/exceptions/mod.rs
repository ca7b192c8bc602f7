//! Every exception to a rule, with its reason. An exception that excuses nothing is a finding, so
//! these lists only hold what is still needed.

use crate::finding::Finding;

/// Excuses the findings of one rule about `subject` in the file at `path`.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    pub path: &'static str,
    pub subject: &'static str,
    pub reason: &'static str,
}

/// Files that may be longer than [`crate::rules::sizes::MAX_LINES`].
pub const LONG_FILES: &[Exception] = &[];

/// Files that may contain unsafe code.
pub const UNSAFE_CODE: &[Exception] = &[Exception {
    path: "policy/tests/allocations.rs",
    subject: "unsafe",
    reason: "an allocator that counts is unsafe to write; no product contains it",
}];

/// Words of a protocol that a leaf may say.
pub const PROTOCOL_WORDS: &[Exception] = &[];

/// Packages whose licence is not on the general list.
pub const LICENCES: &[Exception] = &[Exception {
    path: "Cargo.lock",
    subject: "libfuzzer-sys",
    reason: "carries libFuzzer itself, under LLVM's former licence (NCSA, permissive); linked into \
             fuzz targets only, never into a product",
}];

/// Direct dependencies that are there in two incompatible versions.
pub const DUPLICATES: &[Exception] = &[
    Exception {
        path: "Cargo.lock",
        subject: "base64",
        reason: "kube-cel still takes 0.22, where reqwest and hyper took 0.23 already; a few \
                 functions, and no type of it meets ours",
    },
    Exception {
        path: "Cargo.lock",
        subject: "thiserror",
        reason: "the expression parser (kube-cel, cel) still derives with version 1; derives only, \
                 no type of it meets ours",
    },
];

/// Paths of one machine that are not this product's own mistake.
pub const MACHINE_PATHS: &[Exception] = &[];

/// What is left of `findings` when those with an exception are taken out, and a finding for each
/// exception that excused nothing.
pub fn apply(findings: Vec<Finding>, exceptions: &[Exception]) -> Vec<Finding> {
    let mut used = vec![false; exceptions.len()];
    let mut left = Vec::new();
    for finding in findings {
        let excuse = exceptions
            .iter()
            .position(|e| e.path == finding.path && e.subject == finding.subject);
        match excuse.and_then(|at| used.get_mut(at)) {
            Some(used) => *used = true,
            None => left.push(finding),
        }
    }
    let stale = exceptions.iter().zip(used).filter(|(_, used)| !used);
    left.extend(stale.map(|(exception, _)| Finding {
        path: exception.path.to_owned(),
        line: 0,
        subject: exception.subject.to_owned(),
        fact: format!("the exception for `{}` excuses nothing", exception.subject),
        remedy: "Remove it from tidy/src/exceptions/mod.rs.",
    }));
    left
}

#[cfg(test)]
mod tests;
