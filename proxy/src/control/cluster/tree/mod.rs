//! Secrets and ConfigMaps as they are mounted: `secrets/NAMESPACE/NAME/KEY` and
//! `configmaps/NAMESPACE/NAME/KEY`.
//!
//! Links are followed, for a mounted volume is swapped by one. What changes while it is read is
//! read again; names that begin with two dots are the volume's own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::control::objects::Objects;
use crate::control::state::read_bounded;

/// The most files.
pub const MAX_FILES: usize = 4_096;

/// The largest file; no Secret or ConfigMap is larger.
pub const MAX_FILE_BYTES: u64 = 1_048_576;

/// The most bytes of all files.
pub const MAX_TREE_BYTES: usize = 64 * 1024 * 1024;

/// How often a tree that changes under the reader is read again.
const MAX_ATTEMPTS: usize = 5;

/// The root of the tree.
#[derive(Debug, Clone)]
pub struct Tree(PathBuf);

/// How the tree looks from outside: when it is the same, so is what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look(Vec<Leaf>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    secret: bool,
    namespace: String,
    name: String,
    /// None: the object itself, which may have no key.
    key: Option<String>,
    path: PathBuf,
    identity: [i128; 5],
}

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{0}")]
    File(#[from] crate::control::state::StateError),
    #[error("there are more than {MAX_FILES} files")]
    TooMany,
    #[error("there are more than {MAX_TREE_BYTES} bytes")]
    TooLarge,
    #[error("it changes all the time")]
    Restless,
}

/// The values of one object, by key.
type Values = BTreeMap<String, ByteString>;

// === impl Tree ===

impl Tree {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// Cheap: asks the file system about each file, and reads none.
    pub fn look(&self) -> Result<Look, TreeError> {
        let mut leaves = Vec::new();
        for (folder, secret) in [("secrets", true), ("configmaps", false)] {
            for (namespace, path) in entries(&self.0.join(folder))? {
                for (name, path) in entries(&path)? {
                    let object = Leaf::new(secret, (&namespace, &name, None), path.clone())?;
                    leaves.push(object);
                    for (key, path) in entries(&path)? {
                        if leaves.len() >= MAX_FILES {
                            return Err(TreeError::TooMany);
                        }
                        let key = (namespace.as_str(), name.as_str(), Some(key));
                        leaves.push(Leaf::new(secret, key, path)?);
                    }
                }
            }
        }
        leaves.sort();
        Ok(Look(leaves))
    }

    /// All objects as they were at one moment, and how they looked then.
    pub fn read(&self) -> Result<(Look, Objects), TreeError> {
        let mut look = self.look()?;
        for _ in 0..MAX_ATTEMPTS {
            let objects = look.read();
            let after = self.look()?;
            if after == look {
                return Ok((look, objects?));
            }
            look = after;
        }
        Err(TreeError::Restless)
    }
}

// === impl Look ===

impl Look {
    fn read(&self) -> Result<Objects, TreeError> {
        let mut found: BTreeMap<(bool, &str, &str), Values> = BTreeMap::new();
        let mut total = 0_usize;
        for leaf in &self.0 {
            let values = found
                .entry((leaf.secret, &leaf.namespace, &leaf.name))
                .or_default();
            let Some(key) = &leaf.key else { continue };
            let content = read_bounded(&leaf.path, MAX_FILE_BYTES)?;
            total = total.saturating_add(content.len());
            if total > MAX_TREE_BYTES {
                return Err(TreeError::TooLarge);
            }
            values.insert(key.clone(), ByteString(content));
        }
        let (mut secrets, mut config_maps) = (Vec::new(), Vec::new());
        for ((secret, namespace, name), values) in found {
            let metadata = ObjectMeta {
                namespace: Some(namespace.to_owned()),
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            };
            match secret {
                true => secrets.push(Secret {
                    metadata,
                    data: Some(values),
                    ..Secret::default()
                }),
                false => config_maps.push(ConfigMap {
                    metadata,
                    binary_data: Some(values),
                    ..ConfigMap::default()
                }),
            }
        }
        Ok(Objects::new(secrets, config_maps))
    }
}

// === impl Leaf ===

impl Leaf {
    fn new(
        secret: bool,
        (namespace, name, key): (&str, &str, Option<String>),
        path: PathBuf,
    ) -> Result<Self, TreeError> {
        let found = fs::metadata(&path).map_err(at(&path))?;
        // An object is only there or not: what changes in it are its keys.
        let identity = match key {
            None => [0; 5],
            Some(_) => [
                found.dev().into(),
                found.ino().into(),
                found.size().into(),
                found.mtime().into(),
                found.mtime_nsec().into(),
            ],
        };
        Ok(Self {
            secret,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            key,
            path,
            identity,
        })
    }
}

/// What is in a folder, but for what a volume keeps for itself. A folder that is not there is
/// empty.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, TreeError> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(at(folder))?,
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(at(folder))?;
        if found.len() >= MAX_FILES {
            return Err(TreeError::TooMany);
        }
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with("..")
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> TreeError {
    let path = path.to_owned();
    move |error| TreeError::Io { path, error }
}

#[cfg(test)]
mod tests;
