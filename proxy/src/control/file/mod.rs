//! A run without a cluster: a watched directory of documents, approvals as files. (owner: control)
