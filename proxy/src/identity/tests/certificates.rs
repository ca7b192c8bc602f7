use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use super::*;
use crate::identity::config::{CertificateName, Mtls};

struct Ca {
    key: KeyPair,
    params: CertificateParams,
    pem: String,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { key, params, pem }
    }

    fn signed(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        // NOW is in January 2027.
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2028, 1, 1);
        change(&mut params);
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(&key, &issuer).unwrap().der().clone()
    }

    fn named(&self, name: &str) -> CertificateDer<'static> {
        self.signed(|params| params.distinguished_name.push(DnType::CommonName, name))
    }

    fn config(&self, username_from: CertificateName) -> Mtls {
        Mtls {
            ca: self.pem.clone().into_bytes(),
            username_from,
            username_prefix: "cert:".to_owned(),
            organizations_are_groups: true,
            trust_domains: vec!["prod.example".to_owned()],
        }
    }
}

fn with(mtls: Mtls) -> Identities {
    let config = IdentityConfig {
        mtls: Some(mtls),
        ..IdentityConfig::default()
    };
    Identities::new(config, None)
}

async fn shown(all: &Identities, leaf: CertificateDer<'static>) -> Result<Proven, Unproven> {
    all.prove(Presented::Certificate(&[leaf]), purpose(), now())
        .await
}

async fn name(all: &Identities, leaf: CertificateDer<'static>) -> String {
    match shown(all, leaf).await {
        Ok(proven) => proven.subject.username.clone(),
        Err(unproven) => {
            unproven
                .told
                .replacen("the client certificate names nobody here: ", "", 1)
        }
    }
}

const UNTRUSTED: &str =
    "the client certificate has expired, or nobody who is trusted here vouches for it";

#[tokio::test]
async fn a_certificate_proves_its_common_name_and_organizations() {
    let ca = Ca::new();
    let all = with(ca.config(CertificateName::CommonName));
    let leaf = ca.signed(|params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "agent-7");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "agents");
    });
    let proven = shown(&all, leaf).await.unwrap();
    assert_eq!(proven.subject.username, "cert:agent-7");
    assert_eq!(proven.subject.groups, ["cert:agents"]);
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_830_297_600);
    assert_eq!(proven.expires_at, Some(end));
    assert!(all.still_holds(&proven, purpose(), now()).is_ok());
    let mut groupless = ca.config(CertificateName::CommonName);
    groupless.organizations_are_groups = false;
    assert!(
        with(groupless)
            .still_holds(&proven, purpose(), now())
            .is_err()
    );
    assert!(
        all.still_holds(&proven, purpose(), end + Duration::from_secs(1))
            .is_err()
    );
}

#[tokio::test]
async fn only_our_cas_vouch() {
    let (ca, other) = (Ca::new(), Ca::new());
    let all = with(ca.config(CertificateName::CommonName));
    assert!(all.client_roots().is_some_and(|roots| roots.len() == 1));
    assert_eq!(name(&all, ca.named("a")).await, "cert:a");
    assert_eq!(name(&all, other.named("a")).await, UNTRUSTED);
    for change in [
        |params: &mut CertificateParams| params.not_after = date_time_ymd(2026, 12, 1),
        |params: &mut CertificateParams| params.not_before = date_time_ymd(2027, 12, 1),
        |params: &mut CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        },
        |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
    ] {
        assert_eq!(name(&all, ca.signed(change)).await, UNTRUSTED);
    }
    let garbage = CertificateDer::from(vec![1, 2, 3]);
    assert_eq!(name(&all, garbage).await, UNTRUSTED);
    let none = all
        .prove(Presented::Certificate(&[]), purpose(), now())
        .await;
    assert_eq!(
        none.unwrap_err().told,
        "no certificate, or too many of them"
    );
    let proven = shown(&all, ca.named("a")).await.unwrap();
    let replaced = with(other.config(CertificateName::CommonName));
    let over = replaced.still_holds(&proven, purpose(), now());
    assert_eq!(over.unwrap_err().told, UNTRUSTED);
    let off = Identities::new(IdentityConfig::default(), Some(&all));
    assert!(off.client_roots().is_none());
    let over = off.still_holds(&proven, purpose(), now());
    assert_eq!(
        over.unwrap_err().told,
        "client certificates are not accepted here"
    );
}

#[tokio::test]
async fn the_name_is_exactly_one_of_its_kind() {
    let ca = Ca::new();
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let email = |name: &str| SanType::Rfc822Name(name.try_into().unwrap());
    for (from, names, expected) in [
        (
            CertificateName::CommonName,
            vec![dns("a.example")],
            "it has no common name",
        ),
        (
            CertificateName::DnsName,
            vec![dns("a.example"), email("b@x.example")],
            "cert:a.example",
        ),
        (CertificateName::DnsName, vec![], "it has no DNS name"),
        (
            CertificateName::DnsName,
            vec![dns("a.example"), dns("b.example")],
            "it has more than one DNS name",
        ),
        (
            CertificateName::DnsName,
            vec![dns("*.example")],
            "the DNS name has a wildcard, so it names nobody",
        ),
        (
            CertificateName::EmailAddress,
            vec![email("b@x.example")],
            "cert:b@x.example",
        ),
        (
            CertificateName::EmailAddress,
            vec![dns("a.example")],
            "it has no e-mail address",
        ),
    ] {
        let leaf = ca.signed(|params| params.subject_alt_names = names);
        assert_eq!(name(&with(ca.config(from)), leaf).await, expected);
    }
}

#[tokio::test]
async fn a_spiffe_id_is_one_of_a_workload_in_our_domains() {
    let ca = Ca::new();
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    let spiffe = "spiffe://prod.example/ns/agents/sa/nightly";
    let all = with(ca.config(CertificateName::SpiffeId));
    for (names, expected) in [
        (
            vec![uri(spiffe)],
            "cert:spiffe://prod.example/ns/agents/sa/nightly",
        ),
        (
            vec![uri(spiffe), uri("https://x.example")],
            "it has more than one URI",
        ),
        (
            vec![uri("spiffe://test.example/a")],
            "its SPIFFE trust domain is not accepted here",
        ),
        (
            vec![uri("spiffe://prod.example.evil.example/a")],
            "its SPIFFE trust domain is not accepted here",
        ),
        (
            vec![uri("https://prod.example/a")],
            "its URI is not a SPIFFE ID of a workload",
        ),
        (
            vec![uri("spiffe://prod.example")],
            "its URI is not a SPIFFE ID of a workload",
        ),
        (
            vec![uri("spiffe://prod.example/")],
            "its SPIFFE ID is not well formed",
        ),
        (
            vec![uri("spiffe://prod.example/a/../b")],
            "its SPIFFE ID is not well formed",
        ),
        (
            vec![uri("spiffe://prod.example/a?b")],
            "its SPIFFE ID is not well formed",
        ),
    ] {
        let leaf = ca.signed(|params| params.subject_alt_names = names);
        assert_eq!(name(&all, leaf).await, expected);
    }
}

#[tokio::test]
async fn two_common_names_are_none() {
    let ca = Ca::new();
    let twice = ca.signed(|params| {
        params.distinguished_name.push(DnType::CommonName, "a");
        params
            .distinguished_name
            .push(DnType::CustomDnType(vec![2, 5, 4, 3]), "b");
    });
    let all = with(ca.config(CertificateName::CommonName));
    assert_eq!(name(&all, twice).await, "it has more than one common name");
}

#[tokio::test]
async fn a_certificate_stands_for_nobody_of_the_cluster() {
    let ca = Ca::new();
    let mut config = ca.config(CertificateName::CommonName);
    config.username_prefix = String::new();
    let all = with(config);
    assert!(
        name(&all, ca.named("system:admin"))
            .await
            .contains("only the cluster's own")
    );
    let masters = ca.signed(|params| {
        params.distinguished_name.push(DnType::CommonName, "admin");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "system:masters");
    });
    assert!(name(&all, masters).await.contains("only the cluster's own"));
}

#[test]
fn cas_that_cannot_be_read_open_nothing_and_are_named() {
    let mut config = Ca::new().config(CertificateName::CommonName);
    config.ca = b"nothing".to_vec();
    let all = with(config);
    assert!(all.client_roots().is_none());
    assert_eq!(
        all.unusable()[0].to_string(),
        "mtls.caRef: there is no certificate in it"
    );
}

#[tokio::test]
async fn a_chain_is_looked_at_up_to_its_limit() {
    let ca = Ca::new();
    let all = with(ca.config(CertificateName::CommonName));
    for (length, expected) in [
        (8, Ok("cert:a")),
        (9, Err("no certificate, or too many of them")),
    ] {
        let chain = vec![ca.named("a"); length];
        let outcome = all
            .prove(Presented::Certificate(&chain), purpose(), now())
            .await;
        let outcome = match &outcome {
            Ok(proven) => Ok(proven.subject.username.as_str()),
            Err(unproven) => Err(unproven.told.as_str()),
        };
        assert_eq!(outcome, expected, "{length}");
    }
}

#[tokio::test]
async fn a_certificate_of_a_workload_is_told_from_one_of_a_person() {
    let ca = Ca::new();
    let names = vec![
        SanType::URI("spiffe://prod.example/a".try_into().unwrap()),
        SanType::DnsName("a.example".try_into().unwrap()),
        SanType::Rfc822Name("a@example.com".try_into().unwrap()),
    ];
    let leaf = ca.signed(|params| params.subject_alt_names = names);
    for (of, expected) in [
        (CertificateName::SpiffeId, true),
        (CertificateName::DnsName, true),
        (CertificateName::EmailAddress, false),
    ] {
        let proven = shown(&with(ca.config(of)), leaf.clone()).await.unwrap();
        assert_eq!(proven.subject.is_workload, expected, "{of:?}");
    }
}
