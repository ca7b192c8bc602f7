//! How callers prove who they are, from a class's words to `identity`'s.

use std::collections::BTreeMap;
use std::time::SystemTime;

use portcullis_crds::PLATFORM_NAMESPACE;
use portcullis_crds::connection_class::identity::{
    ApiKey as ApiKeySpec, CertificateName as CertificateNameSpec, Identity, Mtls as MtlsSpec,
    OidcIssuer as OidcIssuerSpec, Review, ServiceAccountTokens,
};
use portcullis_crds::lower::FieldError;
use portcullis_crds::reference::CertificateReference;
use portcullis_policy::Glob;

use super::objects::Objects;
use crate::hex::unhex;
use crate::identity::IdentityConfig;
use crate::identity::config::{
    ApiKey, CertificateName, KeySource, KeysFrom, Mtls, OidcIssuer, ReviewedBy,
};

/// What a cluster adds to the ways in.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// Who issues its service accounts' tokens; none until that is known.
    pub issuer: Option<AccountIssuer>,
    /// Namespace and name of the service account that alone can reach this process.
    pub caller: Option<(String, String)>,
}

/// Who issues the tokens of service accounts, and whom to ask for the keys.
#[derive(Debug, Clone)]
pub struct AccountIssuer {
    pub issuer: String,
    pub keys: KeysFrom,
    pub reviewer: ReviewedBy,
}

/// The ways in of a class. CA bundles lie in the platform's namespace; one that does not resolve
/// is refused, or the system's roots would vouch in its place.
///
/// Without a cluster there is nobody who vouches for its service accounts: their issuer is written
/// under `oidc`, and only their owners are taken from `serviceAccountTokens`.
pub fn lower(
    identity: &Identity,
    objects: &Objects,
    cluster: Option<&Cluster>,
) -> Result<IdentityConfig, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut oidc = Vec::new();
    for (index, issuer) in identity.oidc.iter().enumerate() {
        oidc.extend(keep(&mut errors, lower_issuer(index, issuer, objects)));
    }
    if let (Some(tokens), Some(issuer)) = (
        &identity.service_account_tokens,
        cluster.and_then(|cluster| cluster.issuer.as_ref()),
    ) {
        oidc.extend(keep(&mut errors, lower_accounts(tokens, issuer)));
    }
    let mtls = identity.mtls.as_ref();
    let mtls = mtls.and_then(|spec| keep(&mut errors, lower_mtls(spec, objects)));
    let mut api_keys = Vec::new();
    for (index, key) in identity.api_keys.iter().enumerate() {
        api_keys.extend(keep(&mut errors, lower_key(index, key)));
    }
    let owners = identity.service_account_tokens.iter();
    let owners = owners.flat_map(|tokens| &tokens.owners).map(|owner| {
        let account = (owner.namespace.clone(), owner.name.clone());
        (account, owner.owner.clone())
    });
    let config = IdentityConfig {
        oidc,
        owners: owners.collect(),
        mtls,
        api_keys,
        local: cluster.and_then(|cluster| cluster.caller.clone()),
    };
    match errors.is_empty() {
        true => Ok(config),
        false => Err(errors),
    }
}

fn keep<T>(errors: &mut Vec<FieldError>, result: Result<T, FieldError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn lower_issuer(
    index: usize,
    spec: &OidcIssuerSpec,
    objects: &Objects,
) -> Result<OidcIssuer, FieldError> {
    let field = format!("spec.identity.oidc[{index}]");
    let keys = match (&spec.jwks, &spec.jwks_uri) {
        (Some(jwks), _) => {
            let keys = serde_json::to_value(jwks);
            KeySource::Inline(keys.map_err(|error| wrong(&format!("{field}.jwks"), error))?)
        }
        (None, Some(uri)) => KeySource::Uri(uri.clone()),
        (None, None) => KeySource::Discovery,
    };
    let ca = spec.ca_ref.as_ref();
    let ca = ca.map(|reference| bundle(&format!("{field}.caRef"), reference, objects));
    Ok(OidcIssuer {
        issuer: spec.issuer.clone(),
        audiences: spec.audiences.clone(),
        username_claim: spec.username_claim.clone(),
        username_prefix: spec.username_prefix.clone(),
        groups_claim: spec.groups_claim.clone(),
        groups_prefix: spec.groups_prefix.clone(),
        keys,
        ca: ca.transpose()?,
        required_claims: spec.required_claims.clone(),
        reviewer: None,
    })
}

/// Named as the cluster itself names them. A token for the API server is none for us: whoever it is
/// sent to could use it there.
fn lower_accounts(
    tokens: &ServiceAccountTokens,
    issuer: &AccountIssuer,
) -> Result<OidcIssuer, FieldError> {
    if let Some(place) = tokens.audiences.iter().position(|it| *it == issuer.issuer) {
        return Err(wrong(
            &format!("spec.identity.serviceAccountTokens.audiences[{place}]"),
            "is the API server's own audience; ask callers for tokens with one of your own",
        ));
    }
    Ok(OidcIssuer {
        issuer: issuer.issuer.clone(),
        audiences: tokens.audiences.clone(),
        username_claim: "sub".to_owned(),
        username_prefix: String::new(),
        groups_claim: None,
        groups_prefix: None,
        keys: KeySource::From(issuer.keys.clone()),
        ca: None,
        required_claims: BTreeMap::new(),
        reviewer: match tokens.review {
            Review::Never => None,
            Review::AtLogin => Some(issuer.reviewer.clone()),
        },
    })
}

fn lower_mtls(spec: &MtlsSpec, objects: &Objects) -> Result<Mtls, FieldError> {
    Ok(Mtls {
        ca: bundle("spec.identity.mtls.caRef", &spec.ca_ref, objects)?,
        username_from: match spec.username_from {
            CertificateNameSpec::CommonName => CertificateName::CommonName,
            CertificateNameSpec::DnsName => CertificateName::DnsName,
            CertificateNameSpec::EmailAddress => CertificateName::EmailAddress,
            CertificateNameSpec::SpiffeId => CertificateName::SpiffeId,
        },
        username_prefix: spec.username_prefix.clone(),
        organizations_are_groups: spec.organizations_are_groups,
        trust_domains: spec.trust_domains.clone(),
    })
}

fn lower_key(index: usize, spec: &ApiKeySpec) -> Result<ApiKey, FieldError> {
    let field = format!("spec.identity.apiKeys[{index}]");
    let sha256 = unhex(&spec.sha256)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| wrong(&format!("{field}.sha256"), "is not 64 hex digits"))?;
    let connections = spec.connections.iter().enumerate();
    let connections = connections.map(|(place, pattern)| {
        let field = format!("{field}.connections[{place}]");
        let (namespace, name) = pattern
            .split_once('/')
            .ok_or_else(|| wrong(&field, "a Connection is written `namespace/name`"))?;
        let parse = |part| Glob::parse(part).map_err(|error| wrong(&field, error));
        Ok((parse(namespace)?, parse(name)?))
    });
    Ok(ApiKey {
        username: spec.username.clone(),
        owner: spec.owner.clone(),
        groups: spec.groups.clone(),
        connections: connections.collect::<Result<_, FieldError>>()?,
        sha256,
        expires_at: spec
            .expires_at
            .as_ref()
            .map(|time| SystemTime::from(time.0)),
    })
}

fn bundle(
    field: &str,
    reference: &CertificateReference,
    objects: &Objects,
) -> Result<Vec<u8>, FieldError> {
    let found = objects.bundle(PLATFORM_NAMESPACE, reference);
    found
        .map(|(pem, _)| pem)
        .map_err(|reason| wrong(field, reason))
}

fn wrong(field: &str, reason: impl std::fmt::Display) -> FieldError {
    FieldError {
        field: field.to_owned(),
        reason: reason.to_string(),
    }
}
