//! Sidecars as the operator's watches know them.

use std::sync::Arc;

use kube::ResourceExt;
use portcullis_crds::Connection;
use portcullis_crds::lower::class;

use super::inject::{Sidecars, Undelivered};
use super::validate::check_connection;
use crate::desired::Inputs;
use crate::world::{Key, World};

/// What every replica knows, whether it writes or not.
#[derive(Debug)]
pub struct Known {
    pub world: Arc<World>,
    /// Image of the proxies whose class names none.
    pub image: String,
}

// === impl Known ===

impl Sidecars for Known {
    fn of(&self, namespace: &str) -> Option<Vec<Result<Inputs, Undelivered>>> {
        let all = self.world.sidecars(namespace).into_iter();
        let all = all.map(|connection| self.one(connection)).collect();
        self.world.is_ready().then_some(all)
    }
}

impl Known {
    fn one(&self, connection: Arc<Connection>) -> Result<Inputs, Undelivered> {
        match self.inputs(&connection) {
            Ok(inputs) => Ok(inputs),
            Err(reason) => Err(Undelivered { connection, reason }),
        }
    }

    fn inputs(&self, connection: &Connection) -> Result<Inputs, String> {
        let name = &connection.spec.class_name;
        let class = self.world.class(name);
        let class = class.ok_or_else(|| format!("there is no ConnectionClass {name}"))?;
        if let Err(errors) = class::check(&class) {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            return Err(format!("its ConnectionClass {name} is refused: {first}"));
        }
        let labels = self
            .world
            .namespace_labels(&connection.namespace().unwrap_or_default());
        if let Err(errors) = check_connection(connection, Some(&class), &labels) {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            return Err(format!("it is refused: {first}"));
        }
        let inputs = self.world.inputs(&Key::of(connection), &self.image);
        inputs.ok_or_else(|| "it was just removed; try again".to_owned())
    }
}
