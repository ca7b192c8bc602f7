//! Our charts, rendered by Helm.

use std::path::Path;
use std::process::Command;

use crate::kubectl::Said;

/// Renders a chart of ours for a namespace, with values such as `operator.replicas=3`.
pub fn render(chart: &str, namespace: &str, values: &[&str]) -> Said {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("charts").join(chart);
    let mut command = Command::new("helm");
    command.arg("template").arg(chart).arg(folder);
    // The oldest that the charts take: templates must not lean on a newer one.
    command.args(["--namespace", namespace, "--kube-version", "1.33.0"]);
    for value in values {
        command.args(["--set-json", value]);
    }
    let answered = command
        .output()
        .unwrap_or_else(|error| panic!("helm cannot be started: {error}; `make e2e` builds it"));
    Said {
        command: format!("helm template {chart} --namespace {namespace} {values:?}"),
        succeeded: answered.status.success(),
        output: String::from_utf8_lossy(&answered.stdout).into_owned(),
        errors: String::from_utf8_lossy(&answered.stderr).into_owned(),
    }
}
