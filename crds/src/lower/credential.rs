//! Whether a Secret may be used for a Connection: it says so itself.

use std::collections::BTreeMap;
use std::fmt;

use super::connection::LoweredConnection;
use super::host::Host;
use crate::connection::Connection;

/// The values of a Secret that is for this Connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Fitting<'v> {
    /// The role that sessions log in with.
    pub username: &'v str,
    pub values: BTreeMap<&'v str, &'v [u8]>,
}

/// The values that a Connection's credential is made of, or why it has none; `secret` looks one up
/// by namespace and name. No reason repeats a value of the Secret but `serves`, which is an address
/// and no secret.
pub fn find<'v>(
    object: &Connection,
    lowered: &LoweredConnection,
    secret: impl FnOnce(&str, &str) -> Option<BTreeMap<&'v str, &'v [u8]>>,
) -> Result<Fitting<'v>, String> {
    let credentials = object.spec.credentials.as_ref();
    let reference = credentials
        .and_then(|credentials| credentials.secret_ref.as_ref())
        .ok_or("the Connection names no Secret; write spec.credentials.secretRef")?;
    let namespace = &lowered.facts.namespace;
    let name = format!("{namespace}/{}", reference.name);
    let values = secret(namespace, &reference.name)
        .ok_or_else(|| format!("there is no Secret {name}; write one, or name another"))?;
    check_serves(&name, &values, lowered)?;
    let username = text(&name, &values, "username")?;
    if values.contains_key("tls.crt") != values.contains_key("tls.key") {
        return Err(format!(
            "Secret {name} has one of tls.crt and tls.key; write both or none"
        ));
    }
    Ok(Fitting { username, values })
}

impl fmt::Debug for Fitting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fitting")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Writing a Connection is not reading a Secret: the Secret itself says for which Connection and
/// address it is.
fn check_serves(
    name: &str,
    values: &BTreeMap<&str, &[u8]>,
    lowered: &LoweredConnection,
) -> Result<(), String> {
    let serves = text(name, values, "serves")?;
    let wanted = format!(
        "{}@{}:{}",
        lowered.facts.name, lowered.upstream_host, lowered.upstream_port
    );
    let written = serves.split_once('@').and_then(|(connection, address)| {
        let (host, port) = address.rsplit_once(':')?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = Host::parse(bare.unwrap_or(host)).ok()?;
        Some((connection, host.to_string(), port.parse::<u16>().ok()?))
    });
    match written {
        Some((connection, host, port))
            if connection == lowered.facts.name
                && host == lowered.upstream_host
                && port == lowered.upstream_port =>
        {
            Ok(())
        }
        Some(_) => Err(format!(
            "Secret {name} serves {serves:?}, which is not this Connection's {wanted}"
        )),
        None => Err(format!(
            "serves of Secret {name} is not <connection>@<host>:<port>; write {wanted}"
        )),
    }
}

/// A value that is text on one line; editors leave a line's end behind.
fn text<'v>(name: &str, values: &BTreeMap<&str, &'v [u8]>, key: &str) -> Result<&'v str, String> {
    let value = values
        .get(key)
        .ok_or_else(|| format!("Secret {name} has no key {key}; add it"))?;
    let text = std::str::from_utf8(value)
        .unwrap_or_default()
        .trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.contains(|c: char| c.is_control()) {
        return Err(format!(
            "{key} of Secret {name} is empty or no line of text"
        ));
    }
    Ok(text)
}
