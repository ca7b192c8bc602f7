//! ConnectionClasses: who may get in, who may decide, who may look after sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_crds::connection_class::{ConnectionClass, OsUser};
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
