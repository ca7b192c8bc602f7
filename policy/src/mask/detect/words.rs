//! The words at which detectors decide.

use super::kind::DetectorKind;
use super::person::birth;
use super::secret::{api_key, connection, issued, jwt, pem};
use super::view::{Found, View};

/// What is decided behind a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    AwsId,
    AwsSecret,
    AwsSession,
    Birth,
    Dsn,
    Gcp,
    GcpAccess,
    Github,
    GithubFine,
    Jwt,
    KeyPrefix,
    Password,
    Pem,
    Slack,
    SlackHook,
    StrongHint,
    WeakHint,
}

/// The longest word, in bytes.
pub(in crate::mask) const WORD_LIMIT: usize = 32;

/// All words, found without regard to case; a decision looks at the case where it counts.
const WORDS: &[(Word, &[&str])] = &[
    (Word::AwsId, &["AKIA", "ASIA", "ABIA", "ACCA"]),
    (
        Word::AwsSecret,
        &[
            "secret_access_key",
            "secretaccesskey",
            "secret access key",
            "secret-access-key",
            "aws_secret_key",
            "aws_secret",
            "aws secret",
            "secret_key",
            "secretkey",
            "secret key",
        ],
    ),
    (
        Word::AwsSession,
        &["IQoJb3JpZ2lu", "FwoGZXIvYXdz", "FQoGZXIvYXdz"],
    ),
    (
        Word::Birth,
        &[
            "dob",
            "d.o.b",
            "date of birth",
            "date_of_birth",
            "date-of-birth",
            "dateofbirth",
            "birth date",
            "birth_date",
            "birth-date",
            "birthdate",
            "birthday",
            "birth day",
            "born",
            "bday",
            "geburtsdatum",
            "geboren",
            "fecha de nacimiento",
            "date de naissance",
            "data di nascita",
            "fecha_nacimiento",
            "date_naissance",
            "data de nascimento",
            "data_nascimento",
            "data urodzenia",
            "geboortedatum",
            "födelsedatum",
            "fødselsdato",
            "geb.",
            "né le",
            "née le",
            "nacido el",
            "nacida el",
        ],
    ),
    (Word::Dsn, &["@tcp(", "@unix("]),
    (Word::Gcp, &["AIza", "GOCSPX-", "GOOG"]),
    (Word::GcpAccess, &["ya29."]),
    (Word::Github, &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]),
    (Word::GithubFine, &["github_pat_"]),
    (Word::Jwt, jwt::STARTS),
    (Word::KeyPrefix, api_key::PREFIXES),
    (
        Word::Password,
        &["password", "passwd", "pwd", "accountkey", "sharedaccesskey"],
    ),
    (Word::Pem, &[pem::START]),
    (
        Word::Slack,
        &[
            "xoxa-",
            "xoxb-",
            "xoxc-",
            "xoxe-",
            "xoxo-",
            "xoxp-",
            "xoxr-",
            "xoxs-",
            "xoxe.xoxp-",
            "xoxe.xoxb-",
            "xapp-",
        ],
    ),
    (Word::SlackHook, &["hooks.slack.com/services/"]),
    (
        Word::StrongHint,
        &[
            "api_key",
            "apikey",
            "api-key",
            "api key",
            "secret",
            "password",
            "passwd",
            "passphrase",
            "access_key",
            "accesskey",
            "access-key",
            "access key",
            "credential",
            "signing_key",
            "signing-key",
            "encryption_key",
            "encryption-key",
            "private_key",
            "auth_key",
            "auth-key",
            "authkey",
            "license_key",
            "subscription-key",
            "master_key",
            "service_key",
            "webhook_key",
        ],
    ),
    (Word::WeakHint, &["token", "bearer", "authorization"]),
];

// === impl Word ===

impl Word {
    /// The words that detectors of these kinds need.
    pub(super) fn of(kinds: &[DetectorKind]) -> Vec<(Word, &'static str)> {
        let wanted = WORDS
            .iter()
            .filter(|(word, _)| kinds.contains(&word.kind()));
        wanted
            .flat_map(|(word, texts)| texts.iter().map(|text| (*word, *text)))
            .collect()
    }

    fn kind(self) -> DetectorKind {
        match self {
            Word::AwsId | Word::AwsSecret | Word::AwsSession => DetectorKind::AwsKey,
            Word::Birth => DetectorKind::DateOfBirth,
            Word::Gcp | Word::GcpAccess => DetectorKind::GcpKey,
            Word::Github | Word::GithubFine => DetectorKind::GithubToken,
            Word::Jwt => DetectorKind::Jwt,
            Word::Dsn | Word::Password => DetectorKind::ConnectionString,
            Word::Pem => DetectorKind::PrivateKey,
            Word::Slack | Word::SlackHook => DetectorKind::SlackToken,
            Word::StrongHint | Word::WeakHint | Word::KeyPrefix => DetectorKind::ApiKey,
        }
    }

    /// Decides behind a word that began at `start`; the view stands at its end.
    pub(super) fn decide(self, view: View<'_>, start: usize) -> Option<Found> {
        match self {
            Word::AwsId => issued::aws_id(view, start),
            Word::AwsSecret => issued::aws_secret(view).filter(|_| issued::is_hint(view, start)),
            Word::AwsSession => issued::aws_session(view, start),
            Word::Birth => birth::find(view, start),
            Word::Dsn => connection::dsn(view, start),
            Word::Gcp => issued::gcp(view, start),
            Word::GcpAccess => issued::gcp_access(view, start),
            Word::Github => issued::github(view, start),
            Word::GithubFine => issued::github_fine(view, start),
            Word::Jwt => jwt::find(view, start),
            Word::KeyPrefix => api_key::prefixed(view, start),
            Word::Password => connection::pair(view, start),
            Word::Pem => pem::find(view, start),
            Word::Slack => issued::slack(view, start),
            Word::SlackHook => issued::slack_hook(view, start),
            Word::StrongHint => api_key::find(view, start, true),
            Word::WeakHint => api_key::find(view, start, false),
        }
    }
}
