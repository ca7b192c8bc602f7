//! What the proxy proves itself with to a target, if the Secret says that it is for this one.

use std::collections::BTreeMap;

use portcullis_crds::connection::Connection;
use portcullis_crds::lower::connection::LoweredConnection;
use portcullis_crds::lower::host::Host;

use crate::control::objects::Objects;
use crate::secret::Secret;
use crate::session::ports::Credential;

/// The credential, or why there is none. No reason repeats a value of the Secret but `serves`,
/// which is an address and no secret.
pub(super) fn find(
    object: &Connection,
    lowered: &LoweredConnection,
    objects: &Objects,
) -> Result<Credential, String> {
    let credentials = object.spec.credentials.as_ref();
    let reference = credentials
        .and_then(|credentials| credentials.secret_ref.as_ref())
        .ok_or("the Connection names no Secret; write spec.credentials.secretRef")?;
    let namespace = &lowered.facts.namespace;
    let name = format!("{namespace}/{}", reference.name);
    let values = objects
        .secret(namespace, &reference.name)
        .ok_or_else(|| format!("there is no Secret {name}; write one, or name another"))?;
    check_serves(&name, &values, lowered)?;
    let username = text(&name, &values, "username")?;
    let certificate = match (values.get("tls.crt"), values.get("tls.key")) {
        (Some(certificate), Some(key)) => Some((Secret::new(*certificate), Secret::new(*key))),
        (None, None) => None,
        _ => {
            return Err(format!(
                "Secret {name} has one of tls.crt and tls.key; write both or none"
            ));
        }
    };
    Ok(Credential {
        username: username.to_owned(),
        password: values
            .get("password")
            .map(|password| Secret::new(*password)),
        certificate,
    })
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
