//! Hosts of targets, each in one spelling, so that what a class allows cannot be passed by another.

use std::fmt;
use std::net::IpAddr;

use portcullis_policy::matcher::Glob;

/// The longest host name (RFC 1035), and the longest part of one.
pub const MAX_HOST_NAME: usize = 253;
/// The longest part of a host name between two dots, as DNS has it.
const MAX_LABEL: usize = 63;

/// A host name in lower case, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    Name(String),
    /// An IPv4 address written as IPv6 is here as IPv4.
    Address(IpAddr),
}

/// Why a text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is neither a host name nor an IP address; write it without port, brackets or a last dot, \
     like orders.internal, 10.0.0.7 or fd00::7"
)]
pub struct InvalidHost;

/// A pattern for hosts.
#[derive(Debug, Clone)]
pub(crate) enum HostPattern {
    Address(IpAddr),
    /// Digits and wildcards: `10.*` is not meant for `10.example.com`.
    Addresses(Glob),
    Any(Glob),
}

// === impl Host ===

impl Host {
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = text.to_ascii_lowercase();
        // Resolvers take a name that ends in a number for an address: `127.1`, `0x7f000001`.
        let last = name.rsplit('.').next().unwrap_or_default();
        if name.len() > MAX_HOST_NAME || is_number(last) || !name.split('.').all(is_label) {
            return Err(InvalidHost);
        }
        Ok(Self::Name(name))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

// === impl HostPattern ===

impl HostPattern {
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        if let Ok(address) = pattern.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let glob = Glob::parse(&pattern.to_ascii_lowercase()).map_err(|error| error.to_string())?;
        let of = |more: &str| {
            let known = |c: char| c.is_ascii_digit() || ".*?".contains(c) || more.contains(c);
            glob.as_str().chars().all(known)
        };
        if pattern.contains(':') {
            return match of(":abcdef") {
                true => Ok(Self::Addresses(glob)),
                false => Err(
                    "only an IPv6 address has a colon; a port is written under ports".to_owned(),
                ),
            };
        }
        match of("") && pattern.contains(|c: char| c.is_ascii_digit()) {
            true => Ok(Self::Addresses(glob)),
            false => Ok(Self::Any(glob)),
        }
    }

    pub(crate) fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Address(allowed), Host::Address(address)) => allowed == address,
            (Self::Address(_) | Self::Addresses(_), Host::Name(_)) => false,
            (Self::Addresses(glob) | Self::Any(glob), host) => glob.matches(&host.to_string()),
        }
    }
}

fn is_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_LABEL).contains(&label.len())
        && label.chars().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_number(label: &str) -> bool {
    label.chars().all(|c| c.is_ascii_digit())
        || label
            .strip_prefix("0x")
            .is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (text, expected) in [
            ("Orders.Internal", "orders.internal"),
            ("_pg.orders", "_pg.orders"),
            ("10.0.0.7", "10.0.0.7"),
            ("FD00:0:0::7", "fd00::7"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            (
                &format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61)),
                &format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61)),
            ),
        ] {
            assert_eq!(Host::parse(text).unwrap().to_string(), expected);
        }
        for text in [
            "",
            "orders.internal.",
            "orders..internal",
            "[fd00::7]",
            "orders.internal:5432",
            "evil.example:5432.db.internal",
            "127.1",
            "2130706433",
            "0x7f000001",
            "010.0.0.7",
            "-a.internal",
            "a b",
            "münchen",
            &"a".repeat(64),
            &format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(62)),
        ] {
            assert_eq!(Host::parse(text), Err(InvalidHost), "{text}");
        }
    }

    #[test]
    fn a_pattern_for_addresses_takes_no_names() {
        for (pattern, host, expected) in [
            ("*.Internal", "orders.internal", true),
            ("*.internal", "orders.internal.evil.example", false),
            ("10.*", "10.0.0.7", true),
            ("10.*", "10.evil.example", false),
            ("10.*", "::ffff:10.0.0.7", true),
            ("fd00:0::7", "fd00::7", true),
            ("FD00::*", "fd00::7", true),
            ("FD00::*", "fe80::7", false),
            ("*", "orders.internal", true),
            ("*", "10.0.0.7", true),
            ("db10", "db10", true),
        ] {
            let host = Host::parse(host).unwrap();
            let matched = HostPattern::parse(pattern).unwrap().matches(&host);
            assert_eq!(matched, expected, "{pattern} {host}");
        }
        assert!(HostPattern::parse("orders.internal:5432").is_err());
        assert!(HostPattern::parse("orders\\").is_err());
    }
}
