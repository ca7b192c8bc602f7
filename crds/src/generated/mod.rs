//! The files that are made from the types, for `crdgen` to write and for a test to compare.

mod reference;

pub use self::reference::undescribed;
use crate::definition::Definition;
use crate::yaml::to_yaml;

/// First line of each generated YAML file.
const NOTICE: &str = "# Made from crds/src by `make gen`. Edit the types, not this file.\n";
/// What the chart's copy carries, so that `helm uninstall` does not delete everybody's objects.
const KEEP: &str = "  annotations:\n    {{- if .Values.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}\n    argocd.argoproj.io/sync-wave: \"-5\"\n";

/// A file by its path from the root of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    pub path: String,
    pub content: String,
}

/// All generated files.
pub fn files() -> Vec<GeneratedFile> {
    let mut files = Vec::new();
    for definition in Definition::all() {
        let plural = definition.plural();
        let crd = to_yaml(definition.crd());
        files.push(GeneratedFile {
            path: format!("charts/portcullis-crds/templates/{plural}.yaml"),
            content: format!("{NOTICE}{}", chart_copy(&crd)),
        });
        files.push(GeneratedFile {
            path: format!("crds/generated/{plural}.yaml"),
            content: format!("{NOTICE}{crd}"),
        });
    }
    files.extend(reference::pages());
    files
}

/// The definition as a template: annotations added, and nothing in it that Helm would evaluate.
fn chart_copy(crd: &str) -> String {
    let escaped = crd.replace("{{", "{{ \"{{\" }}");
    escaped.replacen("metadata:\n", &format!("metadata:\n{KEEP}"), 1)
}
