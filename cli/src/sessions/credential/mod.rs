//! What opens a store, from the environment: under the names that each vendor's own tools read.

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use portcullis_recording::store::Options;

/// Schemes of addresses, and the variables that are read for them.
const READ: [(&[&str], &[&str]); 3] = [
    (
        &["s3", "s3a"],
        &[
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            ENDPOINT,
        ],
    ),
    (
        &["gs"],
        &[
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
        ],
    ),
    (
        &["az", "abfs", "abfss"],
        &[
            "AZURE_STORAGE_ACCOUNT_NAME",
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_CLIENT_ID",
            "AZURE_STORAGE_CLIENT_SECRET",
            "AZURE_STORAGE_TENANT_ID",
        ],
    ),
];

/// Where an S3 is that is not Amazon's.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// The options for the store at `url`. What is not set, or is no text, is left out: the machine's own
/// identity is asked for then.
pub(super) fn options(
    url: &str,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Options {
    let scheme = url.split("://").next().unwrap_or_default();
    let named = READ.iter().filter(|(schemes, _)| schemes.contains(&scheme));
    let named: Vec<&str> = named.flat_map(|(_, names)| *names).copied().collect();
    let mut options = Options::new();
    for (name, value) in environment {
        let (Some(name), Ok(value)) = (name.to_str(), value.into_string()) else {
            continue;
        };
        if value.is_empty() || !named.contains(&name) {
            continue;
        }
        // Whoever wrote such an address means it.
        if name == ENDPOINT && value.starts_with("http://") {
            options.insert("allow_http".to_owned(), "true".to_owned());
        }
        options.insert(name.to_lowercase(), value);
    }
    options
}
