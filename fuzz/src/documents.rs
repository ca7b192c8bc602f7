//! Files with custom resources, as a standalone run reads them, and what they become.
//!
//! Input: a file of YAML documents.

use std::collections::BTreeMap;

use portcullis_crds::Connection;
use portcullis_crds::document::{DocumentError, Documents, MAX_ERRORS, Reader};
use portcullis_crds::lower::masking::AnyKey;
use portcullis_crds::lower::snapshot::{self, Objects};
use portcullis_policy::Snapshot;

pub fn check(data: &[u8]) {
    match read(&[data]) {
        Ok(documents) => {
            documents
                .connections
                .iter()
                .for_each(|connection| lower(connection, &documents));
            if documents != Documents::default() {
                read(&[data, data]).expect_err("nothing may be there twice");
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "a refusal says why");
            // One more may say how many are not told.
            assert!(errors.len() <= MAX_ERRORS + 1, "{} errors", errors.len());
            assert!(errors.iter().all(|error| !error.reason.is_empty()));
        }
    }
}

fn read(files: &[&[u8]]) -> Result<Documents, Vec<DocumentError>> {
    let mut reader = Reader::new();
    for (file, number) in files.iter().zip(1..) {
        reader.add(&number.to_string(), file);
    }
    reader.finish()
}

/// What is refused is named, and is never as if it were not there.
fn lower(connection: &Connection, documents: &Documents) {
    let objects = Objects {
        connection,
        class: documents.connection_classes.first(),
        namespace_labels: &BTreeMap::new(),
        guardrails: &documents.guardrail_policies,
        masks: &documents.masking_rules,
        replicas: 1,
    };
    let lowered = snapshot::lower(objects, &AnyKey);
    for refused in &lowered.refused {
        assert!(
            !refused.errors.is_empty(),
            "{} {} says why",
            refused.kind,
            refused.name
        );
        assert!(refused.errors.iter().all(|error| !error.reason.is_empty()));
    }
    if lowered.connection.is_some() && !lowered.refused.is_empty() {
        assert!(!lowered.parts.broken.is_empty(), "refused, yet not broken");
    }
    if let Err(errors) = Snapshot::compile(lowered.parts) {
        assert!(!errors.is_empty(), "a refusal says why");
    }
}
