//! Requests as files: one readable document each, sealed against edits by hand.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use portcullis_crds::approval_request::ApprovalRequest;
use portcullis_crds::document::{self, MAX_FILE_BYTES};
use portcullis_crds::{GROUP, VERSION, yaml};
use serde_json::{Map, Value, json};

use super::name;
use crate::control::state::{StateError, read_bounded, remove_synced, write_synced};
use crate::hex::{hex, unhex};

/// The file of the key that seals requests, in the state directory.
pub const KEY_FILE: &str = "approvals.key";
/// The most bytes of that file.
pub const MAX_KEY_FILE: u64 = 64;

const KEY_BYTES: usize = 32;
const SEAL: &str = "portcullis.dev/seal";
/// Until when the operation of a request is held, in seconds since 1970: with a restart before
/// then, its caller is gone.
const HELD_UNTIL: &str = "portcullis.dev/held-until";

/// The folder of requests.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    key: hmac::Key,
}

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) request: ApprovalRequest,
    /// None where nobody waits.
    pub(super) held_until: Option<u64>,
}

/// What lies in the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) kept: Vec<Kept>,
    /// Names of files that are not believed, and why.
    pub(super) refused: Vec<(String, String)>,
}

/// A key for [`Folder::new`].
pub fn new_key() -> Result<Vec<u8>, StateError> {
    let mut key = vec![0; KEY_BYTES];
    let filled = SystemRandom::new().fill(&mut key);
    filled.map_err(|_| StateError::NoRandomness)?;
    Ok(key)
}

// === impl Folder ===

impl Folder {
    pub fn new(path: PathBuf, key: &[u8]) -> Self {
        Self {
            path,
            key: hmac::Key::new(HMAC_SHA256, key),
        }
    }

    /// Writes a request; it is on the disk afterwards.
    pub(super) fn write(&self, kept: &Kept) -> Result<(), StateError> {
        let text = self.text(kept);
        write_synced(&self.path_of(&kept.name()), text.as_bytes())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), StateError> {
        remove_synced(&self.path_of(name))
    }

    /// All requests of the folder.
    pub(super) fn read(&self) -> Result<Found, StateError> {
        let io = |source| StateError::Io {
            path: self.path.clone(),
            source,
        };
        let mut found = Found::default();
        for entry in fs::read_dir(&self.path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let file = entry.file_name();
            let Some(name) = file.to_str().and_then(|name| name.strip_suffix(".yaml")) else {
                continue;
            };
            match self.read_one(name) {
                Ok(kept) => found.kept.push(kept),
                Err(reason) => found.refused.push((name.to_owned(), reason)),
            }
        }
        Ok(found)
    }

    /// What is written and read again must be the same, or a restart would not know it.
    pub(super) fn check(&self, kept: &Kept) -> Result<(), String> {
        let read = self.parse(&kept.name(), self.text(kept).as_bytes())?;
        match read == *kept {
            true => Ok(()),
            false => Err("it does not read back as it was written".to_owned()),
        }
    }

    fn read_one(&self, name: &str) -> Result<Kept, String> {
        let path = self.path_of(name);
        let metadata = fs::symlink_metadata(&path).map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("is no file".to_owned());
        }
        let text = read_bounded(&path, MAX_FILE_BYTES as u64).map_err(|error| error.to_string())?;
        self.parse(name, &text)
    }

    fn parse(&self, name: &str, text: &[u8]) -> Result<Kept, String> {
        let mut documents = document::read(text).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            errors.join("; ")
        })?;
        let request = documents.approval_requests.pop();
        let mut request = request.ok_or("holds no request")?;
        let annotations = request.metadata.annotations.take().unwrap_or_default();
        // What the reader makes up is no part of a request.
        request.metadata.uid = None;
        request.metadata.generation = None;
        let held_until = annotations.get(HELD_UNTIL).map(|until| until.parse());
        let held_until = held_until.transpose();
        let kept = Kept {
            request,
            held_until: held_until.map_err(|_| "its time of holding is no number")?,
        };
        let seal = annotations.get(SEAL).and_then(|seal| unhex(seal));
        let seal = seal.ok_or("carries no seal")?;
        hmac::verify(&self.key, &kept.sealed(), &seal)
            .map_err(|_| "was edited: its seal does not fit")?;
        match kept.name() == name {
            true => Ok(kept),
            false => Err("lies under another name".to_owned()),
        }
    }

    fn text(&self, kept: &Kept) -> String {
        let seal = hmac::sign(&self.key, &kept.sealed());
        let mut annotations = Map::new();
        annotations.insert(SEAL.to_owned(), json!(hex(seal.as_ref())));
        if let Some(until) = kept.held_until {
            annotations.insert(HELD_UNTIL.to_owned(), json!(until.to_string()));
        }
        let text = yaml::to_yaml(&kept.document(&Value::Object(annotations)));
        escaped(&text)
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.yaml"))
    }
}

// === impl Kept ===

impl Kept {
    pub(super) fn name(&self) -> String {
        self.request.metadata.name.clone().unwrap_or_default()
    }

    pub(super) fn stem(&self) -> Option<(String, u64)> {
        name::parse(&self.name()).map(|(stem, number)| (stem.to_owned(), number))
    }

    /// Whether somebody waits for it.
    pub(super) fn is_held(&self, now: SystemTime) -> bool {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.held_until.is_some_and(|until| now.as_secs() < until)
    }

    fn document(&self, annotations: &Value) -> Value {
        let metadata = &self.request.metadata;
        json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": "ApprovalRequest",
            "metadata": {
                "name": metadata.name,
                "namespace": metadata.namespace,
                "annotations": annotations,
            },
            "spec": self.request.spec,
            "status": self.request.status,
        })
    }

    /// All that the seal covers, in one order.
    fn sealed(&self) -> Vec<u8> {
        let document = self.document(&json!({ HELD_UNTIL: self.held_until }));
        document.to_string().into_bytes()
    }
}

/// Signs that people or readers could take for others are written as numbers. They stand in double
/// quotes, which is how texts with anything but plain letters are written.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() || c.is_alphanumeric() {
            out.push(c);
        } else {
            out.push_str(&format!("\\U{:08x}", u32::from(c)));
        }
    }
    out
}
