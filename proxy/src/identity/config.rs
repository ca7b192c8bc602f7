//! What identity is told; `control` fills it from a ConnectionClass. (owner: edge)

/// All ways in.
#[derive(Debug, Clone, Default)]
pub struct IdentityConfig {
    // edge defines: oidc issuers, service account tokens + owners, mtls, api keys, modelled after
    // crds/src/connection_class/identity.rs without naming crds; CA bundles as PEM bytes.
}
