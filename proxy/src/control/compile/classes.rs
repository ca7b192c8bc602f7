//! ConnectionClasses: who may get in, who may decide, who may look after sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portcullis_crds::DEFAULT_CLASS;
use portcullis_crds::connection_class::{ConnectionClass, ConnectionClassSpec, Identity, OsUser};
use portcullis_crds::lower::FieldError;

use super::Compiling;
use crate::control::identity::{self, Cluster};
use crate::control::objects::Objects;
use crate::identity::{Identities, IdentityConfig};

/// What a class means for the process.
#[derive(Debug)]
pub struct Class {
    pub identity: IdentityConfig,
    pub deciders: Arc<Deciders>,
    /// Groups whose members may look after sessions.
    pub admin_groups: Vec<String>,
}

/// Users of this machine who may decide about requests, by their uid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deciders(BTreeMap<u32, OsUser>);

// === impl Deciders ===

impl Deciders {
    pub fn new(users: impl IntoIterator<Item = (u32, OsUser)>) -> Self {
        Self(users.into_iter().collect())
    }

    pub fn user(&self, uid: u32) -> Option<&OsUser> {
        self.0.get(&uid)
    }

    pub fn username(&self, uid: u32) -> Option<&str> {
        self.user(uid).map(|user| user.username.as_str())
    }
}

// === impl Compiling ===

impl Compiling {
    /// The classes that are written. Where a Connection names the default one and nobody wrote
    /// it, its defaults hold: no way to prove who one is, so nobody gets in.
    pub(super) fn class_specs(
        &mut self,
        used: &BTreeSet<String>,
    ) -> BTreeMap<String, ConnectionClass> {
        let mut specs: BTreeMap<String, ConnectionClass> = BTreeMap::new();
        for class in &self.documents.connection_classes {
            let name = class.metadata.name.clone().unwrap_or_default();
            specs.insert(name, class.clone());
        }
        if used.contains(DEFAULT_CLASS) && !specs.contains_key(DEFAULT_CLASS) {
            self.advice.push(format!(
                "there is no ConnectionClass {DEFAULT_CLASS}, so defaults hold: no identity \
                 provider, and nobody gets in"
            ));
            let class = ConnectionClass::new(DEFAULT_CLASS, ConnectionClassSpec::default());
            specs.insert(DEFAULT_CLASS.to_owned(), class);
        }
        for (name, class) in &specs {
            if used.contains(name) && !proves_anybody(&class.spec.identity) {
                self.advice.push(format!(
                    "ConnectionClass {name} has no identity provider, so nobody gets in"
                ));
            }
        }
        specs
    }

    pub(super) fn classes(
        &mut self,
        specs: &BTreeMap<String, ConnectionClass>,
    ) -> BTreeMap<String, Class> {
        let mut classes = BTreeMap::new();
        for (name, class) in specs {
            match lower_class(class, &self.objects, None) {
                Ok(lowered) => {
                    classes.insert(name.clone(), lowered);
                }
                Err(errors) => {
                    self.refuse("ConnectionClass", &(String::new(), name.clone()), errors);
                }
            }
        }
        classes
    }
}

/// A class with all that it refers to, or everything that is wrong with it. `cluster` vouches for
/// service accounts.
pub fn lower_class(
    class: &ConnectionClass,
    objects: &Objects,
    cluster: Option<&Cluster>,
) -> Result<Class, Vec<FieldError>> {
    let mut errors = Vec::new();
    errors.extend(
        portcullis_crds::lower::class::check(class)
            .err()
            .into_iter()
            .flatten(),
    );
    let spec = &class.spec;
    let identity = match identity::lower(&spec.identity, objects, cluster) {
        Ok(identity) => identity,
        Err(wrong) => {
            errors.extend(wrong);
            return Err(errors);
        }
    };
    for unusable in Identities::new(identity.clone(), None).unusable() {
        errors.push(FieldError {
            field: format!("spec.identity.{}", unusable.field),
            reason: unusable.reason.clone(),
        });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let users = spec.identity.os_users.iter();
    let deciders = users.filter_map(|user| {
        // The schema admits no other number.
        Some((u32::try_from(user.uid).ok()?, user.clone()))
    });
    Ok(Class {
        identity,
        deciders: Arc::new(Deciders::new(deciders)),
        admin_groups: spec.admin.groups.clone(),
    })
}

fn proves_anybody(identity: &Identity) -> bool {
    !identity.oidc.is_empty()
        || identity.service_account_tokens.is_some()
        || identity.mtls.is_some()
        || !identity.api_keys.is_empty()
}
