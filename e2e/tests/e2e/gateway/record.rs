//! What proxies wrote down, taken out of their pods.

use std::fs;
use std::process::Command;

use portcullis_e2e::{Cluster, program, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bed::Bed;

/// Where a proxy's container has the volume of its state.
const MOUNTED: &str = "/var/lib/portcullis";

/// All that the proxy of a pod wrote down, as lines of JSON. It is whole, by the head in the proxy's
/// Lease, which is not with the pod.
pub(super) fn recorded(bed: &Bed<'_>, pod: &str) -> String {
    // Before the copy: the record goes on.
    let head = head(bed, pod);
    let copy = copy_of_state(bed, pod);
    let heads = copy.path().join("heads");
    fs::write(&heads, head).unwrap();
    let state = copy.path().join("proxy");
    let (state, heads) = (state.to_str().unwrap(), heads.to_str().unwrap());
    let verify = [
        "verify",
        "--state",
        state,
        "--heads",
        heads,
        "--output=json",
    ];
    is_whole(&portcullis(&verify, &[]).unwrap()).unwrap();
    portcullis(&["export", "--state", state], &[]).unwrap()
}

/// Whether `portcullis sessions verify` found it so, as far as a head that lay elsewhere.
pub(super) fn is_whole(verified: &str) -> Result<(), String> {
    let verified: Value = serde_json::from_str(verified).map_err(|error| error.to_string())?;
    let verdict = verified["verdict"].as_str().unwrap_or_default();
    let anchored = verified["writers"][0]["anchored"] != json!(0);
    match verdict.starts_with("intact") && anchored {
        true => Ok(()),
        false => Err(verified.to_string()),
    }
}

/// The head of a proxy's record, as its Lease tells it.
pub(super) fn head(bed: &Bed<'_>, pod: &str) -> String {
    wait_until("a head of the record", || {
        let lease = bed.admin.get(&["lease", pod]);
        let told = lease["metadata"]["annotations"].clone();
        let head = told["portcullis.dev/head"].as_str().unwrap_or_default();
        let head = (!head.is_empty()).then(|| head.to_owned());
        head.ok_or(told.to_string())
    })
}

/// What a proxy keeps in its pod, in a folder here. Its image has no program to copy with, so another
/// container comes to it.
fn copy_of_state(bed: &Bed<'_>, pod: &str) -> TempDir {
    let folder = tempfile::tempdir_in(bed.folder.path()).unwrap();
    let custom = folder.path().join("container.json");
    let container = json!({
        "volumeMounts": [mount_of_state(&bed.admin.get(&["pod", pod]))],
        "securityContext": { "runAsUser": 65532, "runAsGroup": 65532 },
    });
    fs::write(&custom, container.to_string()).unwrap();
    let custom = format!("--custom={}", custom.display());
    let image = format!("--image={}", Cluster::image("busybox"));
    let image = [image.as_str(), "--profile=restricted", "--container=copier"];
    // It leaves with the proxy: as the first process it would not hear that it should.
    let wait = "trap exit TERM; busybox sleep 600 & wait";
    let sleep = ["--", "/bin/sh", "-c", wait];
    let debug = [&["debug", pod, &custom], &image[..], &sleep].concat();
    bed.admin.must(&debug);
    let script =
        format!("set -o pipefail; busybox tar -c -C {MOUNTED}/state proxy | busybox base64");
    let copied = wait_until("the state of a proxy", || {
        let exec = [
            "exec",
            pod,
            "--container=copier",
            "--",
            "/bin/sh",
            "-c",
            &script,
        ];
        let said = bed.admin.run(&exec);
        said.succeeded.then_some(said.output).ok_or(said.errors)
    });
    fs::write(folder.path().join("archive"), copied).unwrap();
    let script = "base64 -d \"$1/archive\" | tar -x -C \"$1\"";
    let mut unpack = Command::new("sh");
    unpack.args(["-c", script, "sh"]).arg(folder.path());
    assert!(unpack.status().unwrap().success());
    folder
}

fn mount_of_state(pod: &Value) -> Value {
    let containers = ["initContainers", "containers"].map(|kind| pod["spec"][kind].as_array());
    let containers = containers.into_iter().flatten().flatten();
    let mut mounts = containers
        .filter_map(|it| it["volumeMounts"].as_array())
        .flatten();
    mounts
        .find(|it| it["mountPath"] == MOUNTED)
        .unwrap()
        .clone()
}

/// Our own program, as cargo built it, with more in its environment; its words, or what it has against it.
pub(super) fn portcullis(
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<String, String> {
    let program = program();
    let said = Command::new(&program)
        .arg("sessions")
        .args(arguments)
        .envs(environment.iter().copied())
        .output();
    let said = said.map_err(|error| format!("{}: {error}", program.display()))?;
    let output = String::from_utf8_lossy(&said.stdout).into_owned();
    let error = || format!("{arguments:?}: {said:?}");
    said.status.success().then_some(output).ok_or_else(error)
}
