//! Files with custom resources, as a standalone run reads them.
//!
//! Input: a file of YAML documents.

use portcullis_crds::document::{DocumentError, Documents, MAX_ERRORS, Reader};

pub fn check(data: &[u8]) {
    let read = read(&[data]);
    if let Err(errors) = &read {
        assert!(!errors.is_empty(), "a refusal says why");
        // One more may say how many are not told.
        assert!(errors.len() <= MAX_ERRORS + 1, "{} errors", errors.len());
        assert!(errors.iter().all(|error| !error.reason.is_empty()));
        return;
    }
    if read != Ok(Documents::default()) {
        self::read(&[data, data]).expect_err("nothing may be there twice");
    }
}

fn read(files: &[&[u8]]) -> Result<Documents, Vec<DocumentError>> {
    let mut reader = Reader::new();
    for (file, number) in files.iter().zip(1..) {
        reader.add(&number.to_string(), file);
    }
    reader.finish()
}
