//! Keeps what each Connection is at this moment: documents to targets. (owner: control)

pub mod file;
