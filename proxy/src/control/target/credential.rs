//! What the proxy proves itself with to a target, if the Secret says that it is for this one.

use portcullis_crds::connection::Connection;
use portcullis_crds::lower::connection::LoweredConnection;
use portcullis_crds::lower::credential;

use crate::control::objects::Objects;
use crate::secret::Secret;
use crate::session::ports::Credential;

/// The credential, or why there is none.
pub(super) fn find(
    object: &Connection,
    lowered: &LoweredConnection,
    objects: &Objects,
) -> Result<Credential, String> {
    let secret = |namespace: &str, name: &str| objects.secret(namespace, name);
    let fitting = credential::find(object, lowered, secret)?;
    let value = |key: &str| fitting.values.get(key).map(|value| Secret::new(*value));
    Ok(Credential {
        username: fitting.username.to_owned(),
        password: value("password"),
        certificate: value("tls.crt").zip(value("tls.key")),
    })
}
