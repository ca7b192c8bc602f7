//! Names and labels of what a Connection owns.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_crds::connection::Connection;

use kube::ResourceExt;

/// The longest name that every kind of owned object takes (RFC 1123, one label).
pub const MAX_NAME: usize = 63;
/// The longest name of a Connection that is delivered: pods of a StatefulSet carry it in a label
/// with eleven characters more.
pub const MAX_CONNECTION_NAME: usize = 52;

/// Label of everything that belongs to a Connection; the value is its name.
pub const CONNECTION: &str = "portcullis.dev/connection";
/// Label of pods that a sidecar was put into, by which the operator finds them. It gives a pod
/// nothing: whether it has a sidecar its containers tell.
pub const SIDECAR: &str = "portcullis.dev/sidecar";
/// Label that says who keeps an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Its value for what the operator keeps.
pub const MANAGER: &str = "portcullis";
/// The selector of all that the operator keeps.
pub const MANAGED: &str = "app.kubernetes.io/managed-by=portcullis";
const APP: &str = "app.kubernetes.io/name";
const INSTANCE: &str = "app.kubernetes.io/instance";
const PROXY: &str = "portcullis-proxy";

/// Service account, role and the like of a Connection.
pub fn own(connection: &str) -> String {
    of(connection, "portcullis")
}

/// Secret with the certificate that callers see.
pub fn certificate(connection: &str) -> String {
    of(connection, "portcullis-certificate")
}

/// ConfigMap with what vouches for that certificate.
pub fn authority(connection: &str) -> String {
    of(connection, "portcullis-ca")
}

/// Secret with copies from the platform's namespace.
pub fn platform(connection: &str) -> String {
    of(connection, "portcullis-platform")
}

/// Secret with the token that sidecars act by.
pub fn token(connection: &str) -> String {
    of(connection, "portcullis-token")
}

/// `connection-suffix`; where that is too long, the end of the connection's name gives way to eight
/// hex digits of its SHA-256, so that two long names stay two.
pub fn of(connection: &str, suffix: &str) -> String {
    let whole = format!("{connection}-{suffix}");
    if whole.len() <= MAX_NAME {
        return whole;
    }
    let hash = &hex(digest(&SHA256, connection.as_bytes()).as_ref(), 4);
    let room = MAX_NAME.saturating_sub(suffix.len() + hash.len() + 2);
    let kept: String = connection.chars().take(room).collect();
    let kept = kept.trim_end_matches(['-', '.']);
    format!("{kept}-{hash}-{suffix}")
}

/// Why no objects can be made under a Connection's name, if so.
pub fn refusal(connection: &str) -> Option<String> {
    let starts = connection.starts_with(|c: char| c.is_ascii_lowercase());
    let ends = connection.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = starts && ends && connection.chars().all(inner);
    (!good || connection.len() > MAX_CONNECTION_NAME).then(|| {
        format!(
            "is also the name of a Service: lower-case letters, digits and -, a letter first, at \
             most {MAX_CONNECTION_NAME} characters"
        )
    })
}

/// Labels of all that a Connection owns, its pods included.
pub fn labels(connection: &Connection) -> BTreeMap<String, String> {
    let name = connection.name_any();
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BTreeMap::from([
        label(APP, PROXY),
        label(INSTANCE, &name),
        label(MANAGED_BY, MANAGER),
        label(CONNECTION, &name),
    ])
}

/// Labels by which a Connection's own pods are found; injected pods are none of them.
pub fn pod_selector(connection: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (APP.to_owned(), PROXY.to_owned()),
        (CONNECTION.to_owned(), connection.to_owned()),
    ])
}

/// The first bytes in hexadecimal.
pub fn hex(bytes: &[u8], count: usize) -> String {
    let first = bytes.iter().take(count);
    first.map(|byte| format!("{byte:02x}")).collect()
}
