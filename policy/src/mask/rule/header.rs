//! The name of a header.

use crate::matcher::InvalidPattern;

/// The longest name of a header.
pub const MAX_HEADER_NAME_BYTES: usize = 256;

/// A header's name; case does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderName(String);

// === impl HeaderName ===

impl HeaderName {
    pub fn parse(name: &str) -> Result<Self, InvalidPattern> {
        if name.is_empty() {
            return Err(InvalidPattern::new("the header's name is empty"));
        }
        if name.len() > MAX_HEADER_NAME_BYTES {
            return Err(InvalidPattern::new(format!(
                "the header's name is {} bytes long; at most {MAX_HEADER_NAME_BYTES} are allowed",
                name.len()
            )));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        match name.chars().position(|character| !allowed(character)) {
            None => Ok(Self(name.to_ascii_lowercase())),
            Some(index) => Err(InvalidPattern::at(
                "no header's name has this character; names are not patterns here",
                index,
            )),
        }
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }

    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for HeaderName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for HeaderName {
    type Err = InvalidPattern;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}
