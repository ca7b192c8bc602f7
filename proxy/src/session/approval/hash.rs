//! The hash that an approval is for.
//!
//! SHA-256 over a versioned encoding in which every text is preceded by its length and every list
//! by its count, so that no two operations encode alike.

use aws_lc_rs::digest::{Context, SHA256};
use portcullis_policy::{Operation, Resource};

use crate::session::gate::{Asked, Meant};
use crate::session::ports::Target;

/// The encoding's name and version; a change of the encoding is a new version.
const DOMAIN: &str = "portcullis operation v1";

struct Encoding(Context);

/// All that makes the operation what it is: where it would run, exactly what would be sent, and
/// what that was understood to mean.
pub(super) fn operation_hash(asked: &Asked<'_>, meaning: &[Meant], target: &Target) -> [u8; 32] {
    let connection = target.snapshot.connection();
    let mut encoding = Encoding(Context::new(&SHA256));
    encoding.text(DOMAIN);
    encoding.text(&connection.uid);
    encoding.text(&connection.protocol);
    encoding.text(&target.upstream.host);
    encoding.count(usize::from(target.upstream.port));
    encoding.bytes(asked.exact);
    encoding.count(asked.parameters.len());
    for parameter in asked.parameters {
        encoding.count(usize::from(parameter.is_some()));
        encoding.text(parameter.as_deref().unwrap_or_default());
    }
    encoding.count(meaning.len());
    for meant in meaning {
        encoding.text(meant.name);
        encoding.text(&meant.value);
    }
    encoding.operation(&asked.told.operation);
    encoding.finish()
}

// === impl Encoding ===

impl Encoding {
    fn operation(&mut self, operation: &Operation) {
        self.text(operation.effect.as_str());
        self.text(&operation.verb);
        self.text(&operation.text);
        self.count(operation.flags.len());
        for flag in &operation.flags {
            self.text(flag.as_str());
        }
        self.count(operation.attributes.len());
        for (name, values) in operation.attributes.iter() {
            self.text(name);
            self.count(values.len());
            values.iter().for_each(|value| self.text(value));
        }
        self.count(operation.accesses.len());
        for access in operation.accesses.iter() {
            self.text(access.effect.as_str());
            self.text(access.resource.kind().as_str());
            match &access.resource {
                Resource::Unresolved { .. } => self.count(usize::MAX),
                Resource::Named { segments, .. } => {
                    self.count(segments.len());
                    segments.iter().for_each(|segment| self.text(segment));
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_be_bytes());
    }

    fn finish(self) -> [u8; 32] {
        let mut hash = [0; 32];
        let digest = self.0.finish();
        hash.iter_mut()
            .zip(digest.as_ref())
            .for_each(|(to, from)| *to = *from);
        hash
    }
}
