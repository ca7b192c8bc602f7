//! Server certificates and client certificates. (owner: edge)
