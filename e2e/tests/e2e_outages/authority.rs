//! The CA of the platform is replaced while callers come: whoever took the overlap's `ca.crt` notices
//! nothing. It signs for every gateway of the cluster, so this is no test beside others.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use portcullis_e2e::{Kubectl, Namespace, wait_until, with_namespace};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use crate::connections::{connection, list};
use crate::replicas::{platform, ready};

const SECRET: &str = "secret/portcullis-ca";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Bed<'n> {
    namespace: &'n Namespace,
    admin: Kubectl,
    folder: PathBuf,
    address: String,
}

#[test]
fn callers_who_know_both_authorities_notice_no_rotation() {
    let _alone = crate::alone();
    with_namespace("operator-ca", |namespace| {
        ready();
        let folder = tempfile::tempdir().unwrap();
        let bed = start(namespace, folder.path());
        let before = platform().get(&[SECRET])["data"].clone();
        let outcome = catch_unwind(AssertUnwindSafe(|| rotate(&bed)));
        let back = json!([{ "op": "replace", "path": "/data", "value": before }]);
        let line = ["patch", SECRET, "--type=json", "-p"];
        platform().must(&[&line[..], &[&back.to_string()]].concat());
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    });
}

/// A gateway that is Ready. Its target need not be there.
fn start<'n>(namespace: &'n Namespace, folder: &Path) -> Bed<'n> {
    namespace.cluster.needs_addresses();
    let admin = namespace.admin();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "c" },
        "stringData": { "serves": "orders@orders.internal:5432", "username": "a", "password": "b" },
    });
    let mut object = connection("orders");
    object["spec"]["delivery"]["gateway"]["replicas"] = json!(1);
    admin.apply(&list(&[secret, object]));
    admin.until_ready("orders");
    let service = admin.get(&["service", "orders"]);
    Bed {
        namespace,
        admin,
        folder: folder.to_owned(),
        address: service["spec"]["clusterIP"].as_str().unwrap().to_owned(),
    }
}

fn rotate(bed: &Bed<'_>) {
    let first = bed.keep("first", &bed.authorities());
    bed.shake(&first).unwrap();
    let (key, now) = (KeyPair::generate().unwrap(), now());
    let next = authority(&key, now);
    put(&next, &key);
    let both = wait_until("the next CA to be told", || {
        let told = bed.authorities();
        let known = told.matches("BEGIN CERTIFICATE").count();
        (known == 2).then(|| told.clone()).ok_or(told)
    });
    let (both, next) = (bed.keep("both", &both), bed.keep("next", &next));
    // It does not sign yet.
    bed.shake(&first).unwrap();
    bed.shake(&next).unwrap_err();
    // The same, made so long ago that its turn has come.
    put(&authority(&key, now - 15 * DAY), &key);
    let mut looks = 0;
    wait_until("the next CA to sign what is served", || {
        // The kubelet looks after mounted Secrets once a minute, and when a pod changes.
        looks += 1;
        let nudge = format!("example.com/look={looks}");
        let pods = ["pods", "--selector=portcullis.dev/connection=orders"];
        let line = [&["annotate", "--overwrite"], &pods[..], &[&nudge]].concat();
        bed.admin.must(&line);
        bed.shake(&both).unwrap();
        bed.shake(&next)
    });
    bed.shake(&first).unwrap_err();
    bed.shake(&bed.keep("told", &bed.authorities())).unwrap();
}

// === impl Bed ===

impl Bed<'_> {
    /// What callers are told to verify with.
    fn authorities(&self) -> String {
        let told = self.admin.get(&["configmap", "orders-portcullis-ca"]);
        told["data"]["ca.crt"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    fn keep(&self, name: &str, authorities: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, authorities).unwrap();
        path
    }

    /// A new connection of somebody who trusts these.
    fn shake(&self, authorities: &Path) -> Result<(), String> {
        let place = format!("{}:5432", self.address);
        let name = format!("orders.{}.svc", self.namespace.name);
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-starttls", "postgres", "-verify_return_error"]);
        openssl.args(["-connect", &place, "-verify_hostname", &name, "-CAfile"]);
        let said = openssl.arg(authorities).stdin(std::process::Stdio::null());
        let said = said.output().unwrap();
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        // Its status tells only whether the other side closed before it did.
        match text.contains("Verification: OK") && text.contains("Verify return code: 0 (ok)") {
            true => Ok(()),
            false => Err(text + &String::from_utf8_lossy(&said.stderr)),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "by the clock of the machine")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The certificate of a CA of a key, good for a year.
fn authority(key: &KeyPair, since: SystemTime) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "of a test");
    params.not_before = since.into();
    params.not_after = (since + 365 * DAY).into();
    params.self_signed(key).unwrap().pem()
}

/// Gives the operator its next CA.
fn put(certificate: &str, key: &KeyPair) {
    let next = json!({ "stringData": {
        "next.crt": certificate, "next.key": key.serialize_pem(),
    } });
    let line = ["patch", SECRET, "--type=merge", "-p"];
    let patch: Value = next;
    platform().must(&[&line[..], &[&patch.to_string()]].concat());
}
