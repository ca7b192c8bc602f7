//! A gateway that shows a certificate of somebody else's, as cert-manager keeps them in Secrets.

use std::fs;
use std::hash::{BuildHasher, RandomState};

use portcullis_e2e::wait_until;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::json;

use super::bed::{Bed, with_bed};

#[test]
fn a_certificate_that_is_named_is_shown_and_a_newer_one_too() {
    with_bed(|bed| {
        let first = issue(bed);
        let named = json!({ "name": "own-certificate" });
        bed.connection(&json!({ "mode": "Gateway", "gateway": {
            "replicas": 1, "certificateSecretRef": named,
        } }));
        bed.wait_until_rolled_out();
        trust(bed, &first);
        assert_eq!(bed.session("dana").ask("select 1"), "1");
        // The operator makes none where one is named.
        let made = bed.admin.find(&["secret", "orders-portcullis-certificate"]);
        assert_eq!(made, None);
        let next = issue(bed);
        trust(bed, &next);
        let answer = bed.session("dana").ask("select 1");
        assert!(answer.contains("certificate verify failed"), "{answer}");
        wait_until("the next certificate", || {
            bed.nudge();
            let answer = bed.session("dana").ask("select 1");
            (answer == "1").then_some(()).ok_or(answer)
        });
        trust(bed, &first);
        let answer = bed.session("dana").ask("select 1");
        assert!(answer.contains("certificate verify failed"), "{answer}");
    });
}

fn trust(bed: &Bed<'_>, authority: &str) {
    fs::write(bed.ca(), authority).unwrap();
}

/// Puts a certificate of a new authority into the Secret; what it is verified with.
fn issue(bed: &Bed<'_>) -> String {
    let (authority, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Another than the one of what it signs, or that would count as signed by itself.
    let name = format!("authority {:x}", RandomState::new().hash_one(0));
    params.distinguished_name.push(DnType::CommonName, name);
    let root = params.self_signed(&authority).unwrap().pem();
    let issuer = Issuer::new(params, authority);
    let name = format!("orders.{}.svc", bed.namespace.name);
    let leaf = CertificateParams::new(vec![name]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": "own-certificate" },
        "stringData": { "tls.crt": leaf, "tls.key": key.serialize_pem() },
    });
    bed.admin.apply(&secret.to_string());
    root
}
