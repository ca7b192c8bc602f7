//! Where the process records. It has one writer, so all classes that are used must agree.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_crds::PLATFORM_NAMESPACE;
use portcullis_crds::connection_class::{ConnectionClass, Recording, Store};
use portcullis_crds::lower::FieldError;

use super::Compiling;
use crate::control::objects::Objects;
use crate::control::refusal::Place;
use crate::secret::Secret;

/// What the writer of the process is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingSettings {
    /// None: a directory below the state.
    pub store: Option<StoreSettings>,
    pub spool_bytes: u64,
    /// X25519 public key to which sessions are encrypted.
    pub recipient: Option<[u8; 32]>,
    /// PEM of the key that signs; none: one that is made and kept below the state.
    pub signing_key: Option<Secret>,
}

/// A store, as `recording` opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    pub url: String,
    /// By name; values may be secret.
    pub options: BTreeMap<String, Secret>,
}

// === impl RecordingSettings ===

impl Default for RecordingSettings {
    /// Of a class that says nothing.
    fn default() -> Self {
        Self {
            store: None,
            spool_bytes: Recording::default().spool_size.get(),
            recipient: None,
            signing_key: None,
        }
    }
}

// === impl Compiling ===

impl Compiling {
    pub(super) fn recording(
        &mut self,
        used: &BTreeSet<String>,
        specs: &BTreeMap<String, ConnectionClass>,
    ) -> (RecordingSettings, Place) {
        let mut found: Option<(&str, RecordingSettings)> = None;
        for (name, class) in specs.iter().filter(|(name, _)| used.contains(*name)) {
            let settings = match settings(&class.spec.recording, &self.objects) {
                Ok(settings) => settings,
                Err(errors) => {
                    self.refuse("ConnectionClass", &(String::new(), name.clone()), errors);
                    continue;
                }
            };
            match &found {
                Some((first, other)) if *other != settings => {
                    let reason = format!(
                        "differs from ConnectionClass {first}; one process has one recording, so \
                         write the same store, spoolSize, encryptionKey and signingKeyRef, or run \
                         another process"
                    );
                    let at = (String::new(), name.clone());
                    self.refuse_at("ConnectionClass", &at, "spec.recording", &reason);
                }
                Some(_) => {}
                None => found = Some((name, settings)),
            }
        }
        match found {
            Some((class, settings)) => {
                let at = (String::new(), class.to_owned());
                (settings, self.place("ConnectionClass", &at))
            }
            None => (RecordingSettings::default(), Place::default()),
        }
    }
}

/// What a class has recorded with, or everything that is wrong with it.
pub fn settings(spec: &Recording, objects: &Objects) -> Result<RecordingSettings, Vec<FieldError>> {
    let recipient = match &spec.encryption_key {
        None => Ok(None),
        Some(text) => STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Some)
            .ok_or(("encryptionKey", "is not 32 bytes in base64".to_owned())),
    };
    let signing_key = match &spec.signing_key_ref {
        None => Ok(None),
        Some(reference) => platform_value(objects, &reference.name, &reference.key)
            .map(Some)
            .map_err(|reason| ("signingKeyRef", reason)),
    };
    let store = match &spec.store {
        None => Ok(None),
        Some(spec) => store(spec, objects).map(Some),
    };
    let mut refused = Vec::new();
    let mut keep = |(field, reason): (&'static str, String)| refused.push((field, reason));
    let recipient = recipient.map_err(&mut keep).ok();
    let signing_key = signing_key.map_err(&mut keep).ok();
    let store = store.map_err(&mut keep).ok();
    let errors = refused.into_iter().map(|(field, reason)| FieldError {
        field: format!("spec.recording.{field}"),
        reason,
    });
    match (store, recipient, signing_key) {
        (Some(store), Some(recipient), Some(signing_key)) => Ok(RecordingSettings {
            store,
            spool_bytes: spec.spool_size.get(),
            recipient,
            signing_key,
        }),
        _ => Err(errors.collect()),
    }
}

fn store(store: &Store, objects: &Objects) -> Result<StoreSettings, (&'static str, String)> {
    let mut options = BTreeMap::new();
    if let Some(reference) = &store.secret_ref {
        let (namespace, name) = (PLATFORM_NAMESPACE, &reference.name);
        let values = objects.secret(namespace, name).ok_or_else(|| {
            let reason = format!("there is no Secret {namespace}/{name}; write one there");
            ("store.secretRef", reason)
        })?;
        for (option, value) in values {
            options.insert(option.to_owned(), Secret::new(value));
        }
    }
    if let Some(endpoint) = &store.endpoint {
        options.insert("endpoint".to_owned(), Secret::new(endpoint.as_bytes()));
        if endpoint.starts_with("http://") {
            options.insert("allow_http".to_owned(), Secret::new("true"));
        }
    }
    if let Some(region) = &store.region {
        options.insert("region".to_owned(), Secret::new(region.as_bytes()));
    }
    Ok(StoreSettings {
        url: store.url.clone(),
        options,
    })
}

fn platform_value(objects: &Objects, name: &str, key: &str) -> Result<Secret, String> {
    let values = objects.secret(PLATFORM_NAMESPACE, name);
    let value = values.and_then(|values| values.get(key).map(|value| Secret::new(*value)));
    value.ok_or_else(|| {
        format!("there is no key {key} in Secret {PLATFORM_NAMESPACE}/{name}; add it there")
    })
}
