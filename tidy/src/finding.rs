//! One thing that is not as it should be.

use std::fmt;

/// Where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Relative to the repository's root.
    pub path: String,
    /// Counted from 1; 0 speaks of the whole file.
    pub line: usize,
    /// What an [`Exception`](crate::Exception) names to excuse this: a word, a package, a module.
    pub subject: String,
    pub fact: String,
    pub remedy: &'static str,
}

// === impl Finding ===

impl Finding {
    /// About a whole file.
    pub fn of_file(path: &str, subject: &str, fact: String, remedy: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            subject: subject.to_owned(),
            fact,
            remedy,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}\n    {}", self.fact, self.remedy)
    }
}

/// All findings, one below the other, as a test's failure shows them.
pub fn report(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&finding.to_string());
        text.push('\n');
    }
    text
}
