//! One Connection, lowered, with all that it refers to: what its sessions meet.

mod credential;

use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use portcullis_crds::connection::{Connection, TlsMode as TlsModeSpec, UpstreamTls};
use portcullis_crds::connection_class::Durability;
use portcullis_crds::connection_class::{ConnectionClass, OnFailure, Payloads as PayloadsSpec};
use portcullis_crds::lower::FieldError;
use portcullis_crds::lower::connection::{
    LoweredConnection, RecordingRules as LoweredRecording, SessionBounds as LoweredBounds,
};
use portcullis_policy::Snapshot;
use rustls_pki_types::CertificateDer;

use super::objects::Objects;
use crate::identity::Identities;
use crate::session::ports::{
    ApprovalBounds, Credential, Payloads, RecordingRules, ReviewedFunction, Reviews, SessionBounds,
    Target, TlsMode, Upstream,
};

/// A target but for the identities, which Connections of one class share.
#[derive(Debug, Clone)]
pub struct Pieces {
    pub snapshot: Arc<Snapshot>,
    pub upstream: Upstream,
    pub credential: Result<Arc<Credential>, String>,
    pub audience: Option<String>,
    pub sessions: SessionBounds,
    pub recording: RecordingRules,
    pub approvals: ApprovalBounds,
    pub reviews: Arc<Reviews>,
}

// === impl Pieces ===

impl Pieces {
    /// Puts together what was lowered. A credential that may not be used is no error here: it
    /// closes the Connection alone, and says why.
    pub fn new(
        object: &Connection,
        lowered: &LoweredConnection,
        class: Option<&ConnectionClass>,
        snapshot: Arc<Snapshot>,
        objects: &Objects,
    ) -> Result<Self, FieldError> {
        let spec = &object.spec;
        let approvals = class.map(|class| class.spec.approvals.clone());
        let approvals = approvals.unwrap_or_default();
        Ok(Self {
            snapshot,
            upstream: Upstream {
                host: lowered.upstream_host.clone(),
                port: lowered.upstream_port,
                database: spec.upstream.database.clone().unwrap_or_default(),
                databases: lowered.databases.clone(),
                tls: tls_mode(spec.upstream.tls.mode),
                ca: bundle(&lowered.facts.namespace, &spec.upstream.tls, objects)?,
                server_name: spec.upstream.tls.server_name.clone(),
            },
            credential: credential::find(object, lowered, objects).map(Arc::new),
            audience: spec.audience.clone(),
            sessions: bounds(lowered.sessions),
            recording: rules(lowered.recording),
            approvals: ApprovalBounds {
                max_pending_per_subject: u32::try_from(approvals.max_pending_per_subject)
                    .unwrap_or(1),
                ttl_after_finished: approvals.ttl_after_finished.get(),
                required_extra: approvals.required_extra.clone(),
            },
            reviews: Arc::new(class.map(reviews).unwrap_or_default()),
        })
    }

    pub fn target(&self, identities: Arc<Identities>) -> Target {
        Target {
            snapshot: Arc::clone(&self.snapshot),
            upstream: self.upstream.clone(),
            credential: self.credential.clone(),
            identities,
            audience: self.audience.clone(),
            sessions: self.sessions,
            recording: self.recording,
            approvals: self.approvals.clone(),
            reviews: Arc::clone(&self.reviews),
        }
    }
}

/// A reference that does not resolve is refused: without it the system's roots would vouch.
fn bundle(
    namespace: &str,
    tls: &UpstreamTls,
    objects: &Objects,
) -> Result<Option<Vec<CertificateDer<'static>>>, FieldError> {
    let Some(reference) = &tls.ca_ref else {
        return Ok(None);
    };
    match objects.bundle(namespace, reference) {
        Ok((_, certificates)) => Ok(Some(certificates)),
        Err(reason) => Err(FieldError {
            field: "spec.upstream.tls.caRef".to_owned(),
            reason,
        }),
    }
}

fn tls_mode(mode: TlsModeSpec) -> TlsMode {
    match mode {
        TlsModeSpec::VerifyFull => TlsMode::VerifyFull,
        TlsModeSpec::VerifyCa => TlsMode::VerifyCa,
        TlsModeSpec::Require => TlsMode::Require,
        TlsModeSpec::Disable => TlsMode::Disable,
    }
}

fn reviews(class: &ConnectionClass) -> Reviews {
    let functions: Vec<_> = portcullis_crds::lower::class::reviewed(class)
        .into_iter()
        .map(|review| ReviewedFunction {
            name: review.name,
            sha256: review.sha256,
            reads: review.reads,
            writes: review.writes,
        })
        .collect();
    let mut digest = [0; 32];
    if !functions.is_empty() {
        let told = format!("{functions:?}");
        digest.copy_from_slice(digest::digest(&SHA256, told.as_bytes()).as_ref());
    }
    Reviews { functions, digest }
}

fn bounds(lowered: LoweredBounds) -> SessionBounds {
    SessionBounds {
        max_concurrent: lowered.max_concurrent,
        max_duration: lowered.max_duration,
        idle_timeout: lowered.idle_timeout,
        max_message_size: lowered.max_message_size,
    }
}

fn rules(lowered: LoweredRecording) -> RecordingRules {
    RecordingRules {
        payloads: match lowered.payloads {
            PayloadsSpec::Full => Payloads::Full,
            PayloadsSpec::Capped => Payloads::Capped,
            PayloadsSpec::Metadata => Payloads::Metadata,
        },
        deny_on_failure: lowered.on_failure == OnFailure::Deny,
        strict: lowered.durability == Durability::Strict,
    }
}
