//! The names of the built-in detectors, as a masking rule writes them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A built-in detector. The order is the last tie-break between two finds of the same bytes, so
/// the general `ApiKey` stands behind the formats that name their issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DetectorKind {
    CreditCard,
    SocialSecurityNumber,
    Email,
    Phone,
    Iban,
    IpAddress,
    MacAddress,
    Jwt,
    AwsKey,
    GcpKey,
    GithubToken,
    SlackToken,
    PrivateKey,
    ConnectionString,
    DateOfBirth,
    ApiKey,
}

/// The name is no built-in detector's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown detector `{name}`; one of: {}", DetectorKind::names())]
pub struct UnknownDetector {
    pub name: String,
}

// === impl DetectorKind ===

impl DetectorKind {
    pub const ALL: [DetectorKind; 16] = [
        DetectorKind::CreditCard,
        DetectorKind::SocialSecurityNumber,
        DetectorKind::Email,
        DetectorKind::Phone,
        DetectorKind::Iban,
        DetectorKind::IpAddress,
        DetectorKind::MacAddress,
        DetectorKind::Jwt,
        DetectorKind::AwsKey,
        DetectorKind::GcpKey,
        DetectorKind::GithubToken,
        DetectorKind::SlackToken,
        DetectorKind::PrivateKey,
        DetectorKind::ConnectionString,
        DetectorKind::DateOfBirth,
        DetectorKind::ApiKey,
    ];

    pub fn name(self) -> &'static str {
        match self {
            DetectorKind::CreditCard => "CreditCard",
            DetectorKind::SocialSecurityNumber => "SocialSecurityNumber",
            DetectorKind::Email => "Email",
            DetectorKind::Phone => "Phone",
            DetectorKind::Iban => "Iban",
            DetectorKind::IpAddress => "IpAddress",
            DetectorKind::MacAddress => "MacAddress",
            DetectorKind::Jwt => "Jwt",
            DetectorKind::AwsKey => "AwsKey",
            DetectorKind::GcpKey => "GcpKey",
            DetectorKind::GithubToken => "GithubToken",
            DetectorKind::SlackToken => "SlackToken",
            DetectorKind::PrivateKey => "PrivateKey",
            DetectorKind::ConnectionString => "ConnectionString",
            DetectorKind::DateOfBirth => "DateOfBirth",
            DetectorKind::ApiKey => "ApiKey",
        }
    }

    fn names() -> String {
        Self::ALL.map(DetectorKind::name).join(", ")
    }
}

impl fmt::Display for DetectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DetectorKind {
    type Err = UnknownDetector;

    /// Case counts: `Email`, not `email`.
    fn from_str(name: &str) -> Result<Self, UnknownDetector> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownDetector {
                name: name.to_owned(),
            })
    }
}
