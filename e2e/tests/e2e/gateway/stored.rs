//! Recordings that go to a store outside of the cluster, and are read there by somebody who has nothing
//! of the proxy: the store's credential, the signer's public key, and a head that lay in a Lease.

use std::fs;
use std::process::Command;
use std::time::Duration;

use portcullis_e2e::{PATIENCE, Platform, lacks, wait_until, wait_within};
use serde_json::json;

use super::bed::{Bed, with_bed};
use super::record::{head, is_whole, portcullis};

/// Names an S3 server that the cluster and this machine reach, with a bucket `recordings`.
const S3: &str = "E2E_S3";
const KEY: (&str, &str) = ("AWS_ACCESS_KEY_ID", "test-id");
/// A finished request stays for a minute at least, so that every proxy has told how its record stands.
const FINISHED: Duration = PATIENCE.saturating_mul(4);
const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "test-secret");

#[test]
fn recordings_are_in_the_store_and_whole_without_the_proxy() {
    with_bed(|bed| {
        let endpoint = std::env::var_os(S3).filter(|it| !it.is_empty());
        let endpoint = endpoint.unwrap_or_else(|| lacks(&format!("S3 server ({S3})")));
        let endpoint = endpoint.into_string().unwrap();
        let url = format!("s3://recordings/{}", bed.namespace.name);
        let signer = signer(bed);
        let _platform = store(bed, &url, &endpoint);
        bed.connection(&json!({ "mode": "Gateway", "gateway": { "replicas": 1 } }));
        bed.wait_until_rolled_out();
        bed.keep_ca();
        let request = approved_change(bed);
        let mut session = bed.session("dana");
        assert!(
            session
                .ask("delete from customers")
                .contains("customers stay")
        );
        drop(session);
        let pod = bed.proxies()[0].0.clone();
        let heads = bed.folder.path().join("heads");
        fs::write(&heads, head(bed, &pod)).unwrap();
        let environment = [
            KEY,
            SECRET,
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_REGION", "us-east-1"),
        ];
        let verify = [
            "verify",
            "--store",
            &url,
            "--signer",
            &signer,
            "--output=json",
        ];
        let heads = ["--heads", heads.to_str().unwrap()];
        let verify = [&verify[..], &heads].concat();
        let export = ["export", "--store", &url];
        wait_until("the record in the store", || {
            let told = portcullis(&export, &environment)?;
            assert!(!told.contains("ada@example.com"), "{told}");
            let there = told.contains("delete from customers");
            there.then_some(()).ok_or(told)?;
            is_whole(&portcullis(&verify, &environment)?)
        });
        // By another key, or by nobody's credential, it says so.
        let other = "0".repeat(64);
        let other = verify
            .iter()
            .map(|it| if *it == signer { other.as_str() } else { *it });
        portcullis(&other.collect::<Vec<_>>(), &environment).unwrap_err();
        let mut stranger = environment;
        stranger[1].1 = "another";
        portcullis(&export, &stranger).unwrap_err();
        a_finished_request_goes(bed, &request);
        what_is_not_sealed_yet_goes_with_the_proxy(bed, &pod, &|| {
            portcullis(&export, &environment)
        });
    });
}

/// Somebody asked, somebody else approved, it ran: the name of the request.
fn approved_change(bed: &Bed<'_>) -> String {
    let mut session = bed.session("frank");
    session.send("update customers set credit = 0 where id = 1");
    let erin = bed.namespace.user("erin");
    let request = wait_until("a request", || {
        let all = erin.get(&["appr"])["items"].clone();
        let name = all[0]["metadata"]["name"].as_str().map(str::to_owned);
        name.ok_or(all.to_string())
    });
    erin.must(&["annotate", "appr", &request, "portcullis.dev/approve=yes"]);
    let answer = session.answer();
    assert!(!answer.contains("ERROR"), "{answer}");
    request
}

/// Its time is over at once, and the store has all that the proxy recorded of it.
fn a_finished_request_goes(bed: &Bed<'_>, request: &str) {
    wait_within(FINISHED, "the finished request to go", || {
        match bed.admin.find(&["appr", request]) {
            None => Ok(()),
            Some(still) => {
                let leases = bed.admin.get(&["leases"])["items"].clone();
                Err(format!("{still:#}\n{leases:#}"))
            }
        }
    });
}

fn what_is_not_sealed_yet_goes_with_the_proxy(
    bed: &Bed<'_>,
    pod: &str,
    export: &dyn Fn() -> Result<String, String>,
) {
    let mut session = bed.session("dana");
    assert_eq!(session.ask("select 'the last word'"), "the last word");
    drop(session);
    bed.admin.must(&["delete", "pod", pod, "--timeout=60s"]);
    let told = export().unwrap();
    assert!(told.contains("the last word"), "{told}");
}

/// Has the proxies sign by a key of the platform; its public half, in hexadecimal.
fn signer(bed: &Bed<'_>) -> String {
    let script = "openssl genpkey -algorithm ED25519 -out \"$0\" &&
        openssl pkey -in \"$0\" -pubout -outform DER | tail -c 32 | od -An -v -tx1 | tr -d ' \\n'";
    let key = bed.folder.path().join("signer.pem");
    let said = Command::new("sh")
        .args(["-c", script])
        .arg(key)
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap()
}

/// The store's credential and the signer's key, in the platform's namespace, and a class that names them.
fn store(bed: &Bed<'_>, url: &str, endpoint: &str) -> Platform {
    let (credential, signer) = (
        format!("store-{}", bed.namespace.name),
        format!("signer-{}", bed.namespace.name),
    );
    let key = fs::File::open(bed.folder.path().join("signer.pem")).unwrap();
    let key = std::io::read_to_string(key).unwrap();
    let secret = |name: &str, data: serde_json::Value| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data });
    let platform = Platform::with(
        bed.namespace,
        &[
            secret(
                &credential,
                json!({ "access_key_id": KEY.1, "secret_access_key": SECRET.1 }),
            ),
            secret(&signer, json!({ "key.pem": key })),
        ],
    );
    bed.class(&json!({ "recording": {
        "store": {
            "url": url, "endpoint": endpoint, "region": "us-east-1", "secretRef": { "name": credential },
        },
        "signingKeyRef": { "name": signer, "key": "key.pem" },
    }, "approvals": { "ttlAfterFinished": "1s" } }));
    platform
}
