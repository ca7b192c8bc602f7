//! Copies of what lies in the platform's namespace, for proxies of another one: a volume cannot
//! reach across. Of the key of a platform's mask only a derived one is copied, another for each
//! namespace, so that whoever may read Secrets in one can neither undo nor compare what is masked
//! in another.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_crds::condition::reason;
use portcullis_crds::connection::Connection;
use portcullis_crds::lower::connection::LoweredConnection;
use portcullis_crds::lower::host::Host;
use serde_json::json;

use super::objects::{Keys, Reference, Source, Use};
use super::{Desired, Inputs, Kind, name};

/// Bytes of a derived key.
const DERIVED_BYTES: usize = 32;
/// The shortest key of a mask that something is derived from; the proxy takes no shorter one either.
pub const MIN_KEY_BYTES: usize = 16;
/// Annotation of the Secret with copies: paths below `--objects` by keys of the Secret, as JSON.
pub const PATHS: &str = "portcullis.dev/paths";

/// The data of one object.
pub type Data = BTreeMap<String, Vec<u8>>;

/// Answers with the data of an object; none where there is no such object.
pub trait Objects {
    fn data(&self, source: Source, namespace: &str, name: &str) -> Option<&Data>;
}

/// What is copied.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Copies {
    /// Values by their keys in the Secret.
    pub data: Data,
    /// Paths below `--objects` by those keys.
    pub paths: Vec<(String, String)>,
}

/// A reference that does not resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    pub reason: &'static str,
    pub message: String,
}

// === impl Copies ===

impl std::fmt::Debug for Copies {
    /// Paths alone: values are secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copies")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

/// The copies for proxies of `namespace`. What is missing is left out; [`unresolved`] tells it.
pub fn copies(references: &[Reference], namespace: &str, objects: &dyn Objects) -> Copies {
    let mut copies = Copies::default();
    let foreign = references.iter().filter(|it| it.namespace != namespace);
    for reference in foreign {
        let found = objects.data(reference.source, &reference.namespace, &reference.name);
        let Some(data) = found else { continue };
        for (key, value) in data {
            if matches!(&reference.keys, Keys::One(wanted) if wanted != key) {
                continue;
            }
            let value = match reference.purpose {
                Use::Plain => Some(value.clone()),
                Use::MaskKey => derived(value, namespace),
            };
            let path = reference.path(key);
            let short = name::hex(digest(&SHA256, path.as_bytes()).as_ref(), 8);
            if let Some(value) = value
                && copies.data.insert(short.clone(), value).is_none()
            {
                copies.paths.push((short, path));
            }
        }
    }
    copies.paths.sort();
    copies
}

/// The Secret with the copies.
pub fn secret(inputs: &Inputs, copies: &Copies) -> Desired {
    let data: BTreeMap<&str, String> = copies
        .data
        .iter()
        .map(|(key, value)| (key.as_str(), STANDARD.encode(value)))
        .collect();
    let paths: BTreeMap<&str, &str> = copies
        .paths
        .iter()
        .map(|(key, path)| (key.as_str(), path.as_str()))
        .collect();
    let mut metadata = inputs.metadata(&name::platform(&inputs.name()));
    if let Some(fields) = metadata.as_object_mut() {
        let paths = json!(paths).to_string();
        fields.insert("annotations".to_owned(), json!({ PATHS: paths }));
    }
    let value = json!({
        "apiVersion": Kind::Secret.api_version(),
        "kind": Kind::Secret.name(),
        "metadata": metadata,
        "type": "Opaque",
        "data": data,
    });
    Desired {
        kind: Kind::Secret,
        value,
    }
}

/// The paths that the annotation of such a Secret tells.
pub fn paths(annotation: &str) -> Vec<(String, String)> {
    let paths: BTreeMap<String, String> = serde_json::from_str(annotation).unwrap_or_default();
    paths.into_iter().collect()
}

/// What a Connection refers to and does not get, in the words of its condition `ResolvedRefs`.
pub fn unresolved(references: &[Reference], objects: &dyn Objects) -> Vec<Unresolved> {
    let mut told = Vec::new();
    for reference in references {
        let whole = format!(
            "{} {}/{}",
            reference.source.name(),
            reference.namespace,
            reference.name
        );
        let found = objects.data(reference.source, &reference.namespace, &reference.name);
        let wrong = match (found, &reference.keys) {
            (None, _) => Some(format!("there is no {whole}")),
            (Some(data), Keys::One(key)) => match data.get(key) {
                None => Some(format!("{whole} has no key {key}")),
                Some(value) if reference.purpose == Use::MaskKey && value.len() < MIN_KEY_BYTES => {
                    Some(format!(
                        "{key} of {whole} is shorter than {MIN_KEY_BYTES} bytes"
                    ))
                }
                Some(_) => None,
            },
            (Some(_), Keys::Credential | Keys::All) => None,
        };
        told.extend(wrong.map(|wrong| Unresolved {
            reason: reason::SECRET_NOT_FOUND,
            message: format!("{}: {wrong}", reference.field),
        }));
    }
    told
}

/// Why the credential is not for this Connection and address, if so. The proxy compares the same
/// before it dials.
pub fn not_served(
    connection: &Connection,
    lowered: &LoweredConnection,
    objects: &dyn Objects,
) -> Option<Unresolved> {
    let credentials = connection.spec.credentials.as_ref()?;
    let secret = credentials.secret_ref.as_ref()?;
    let namespace = connection.metadata.namespace.as_deref().unwrap_or_default();
    let data = objects.data(Source::Secret, namespace, &secret.name)?;
    let connection = connection.metadata.name.as_deref().unwrap_or_default();
    let (host, port) = (&lowered.upstream_host, lowered.upstream_port);
    let at = format!("Secret {namespace}/{}", secret.name);
    let told = |reason, message: String| {
        Some(Unresolved {
            reason,
            message: format!("spec.credentials.secretRef: {message}"),
        })
    };
    let Some(serves) = data.get("serves") else {
        return told(
            reason::SECRET_NOT_FOUND,
            format!("{at} has no key serves; write {connection}@{host}:{port}"),
        );
    };
    let serves = std::str::from_utf8(serves).unwrap_or_default();
    if serves_this(
        serves.trim_end_matches(['\r', '\n']),
        connection,
        host,
        port,
    ) {
        return None;
    }
    told(
        reason::REF_NOT_PERMITTED,
        format!("serves of {at} is not {connection}@{host}:{port}"),
    )
}

fn serves_this(serves: &str, connection: &str, host: &str, port: u16) -> bool {
    let Some((written, address)) = serves.split_once('@') else {
        return false;
    };
    let Some((written_host, written_port)) = address.rsplit_once(':') else {
        return false;
    };
    let bare = written_host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let same_host =
        Host::parse(bare.unwrap_or(written_host)).is_ok_and(|written| written.to_string() == host);
    written == connection && same_host && written_port.parse() == Ok(port)
}

/// HKDF-SHA256 of the platform's key, for this namespace; none of one that is too short.
fn derived(key: &[u8], namespace: &str) -> Option<Vec<u8>> {
    if key.len() < MIN_KEY_BYTES {
        return None;
    }
    let info = format!("portcullis mask key {namespace}");
    let mut derived = vec![0; DERIVED_BYTES];
    Salt::new(HKDF_SHA256, &[])
        .extract(key)
        .expand(&[info.as_bytes()], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut derived))
        .ok()?;
    Some(derived)
}
