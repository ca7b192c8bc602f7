//! What cargo knows: our packages, and what each is really built from.
//!
//! `cargo metadata` gives packages, targets and licences. It also counts optional packages that
//! nobody turns on, so what is built is asked of `cargo tree`, which resolves features as a build
//! does.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The name of each of our packages is this and its folder.
pub const PACKAGE_PREFIX: &str = "portcullis-";

/// A package of this workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    /// Its folder, from the repository's root.
    pub folder: String,
    /// What its manifest names, whatever the kind of dependency.
    pub dependencies: Vec<String>,
    /// The root source file of each target, from the repository's root.
    pub targets: Vec<String>,
}

/// A package of others and its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licensed {
    pub name: String,
    pub version: String,
    pub licence: Option<String>,
}

/// A package that a build takes in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Built {
    pub name: String,
    pub version: String,
}

/// The answer of `cargo metadata`, as far as rules need it.
#[derive(Debug, Default)]
pub struct Metadata {
    pub members: Vec<Member>,
    pub packages: Vec<Licensed>,
}

#[derive(Debug, thiserror::Error)]
pub enum CargoFailure {
    #[error("cargo did not start: {0}")]
    NotStarted(std::io::Error),
    #[error("cargo {0} failed: {1}")]
    Failed(String, String),
    #[error("cargo's answer is not as expected: {0}")]
    NotUnderstood(&'static str),
    #[error("cargo's answer is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
}

/// Which dependencies count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// What goes into the product.
    Product,
    /// Tests and benches too.
    All,
}

// === impl Metadata ===

impl Metadata {
    /// Of the workspace at `root`, for the platform that this runs on.
    pub fn read(root: &Path) -> Result<Self, CargoFailure> {
        let version = run(root, &["-vV"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or(CargoFailure::NotUnderstood("no host in cargo -vV"))?;
        let arguments = [
            "metadata",
            "--format-version=1",
            "--locked",
            "--all-features",
            "--filter-platform",
            host,
        ];
        Self::parse(&run(root, &arguments)?)
    }

    pub fn parse(json: &str) -> Result<Self, CargoFailure> {
        let all: Value = serde_json::from_str(json)?;
        let root = text(&all, "workspace_root")?;
        let mut found = Self::default();
        for package in list(&all, "packages")? {
            found.packages.push(licensed(package)?);
            if package.get("source").is_some_and(Value::is_null) {
                found.members.push(member(package, Path::new(root))?);
            }
        }
        Ok(found)
    }
}

/// What a build of `package` takes in, or of the whole workspace.
pub fn built(root: &Path, package: Option<&str>, edges: Edges) -> Result<Vec<Built>, CargoFailure> {
    let edges = match edges {
        Edges::Product => "normal,build",
        Edges::All => "all",
    };
    let mut arguments = vec![
        "tree",
        "--locked",
        "--all-features",
        "--prefix=none",
        "--format={p}",
        "--edges",
        edges,
    ];
    match package {
        Some(package) => arguments.extend(["--package", package]),
        None => arguments.push("--workspace"),
    }
    Ok(parse_tree(&run(root, &arguments)?))
}

/// Lines of `name vVERSION …`.
pub fn parse_tree(text: &str) -> Vec<Built> {
    let mut found: Vec<_> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
            Some(Built {
                name: name.to_owned(),
                version: version.to_owned(),
            })
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn run(root: &Path, arguments: &[&str]) -> Result<String, CargoFailure> {
    // Cargo tells its children which one it is, so that all use the same.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .map_err(CargoFailure::NotStarted)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(CargoFailure::Failed(arguments.join(" "), said));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn licensed(package: &Value) -> Result<Licensed, CargoFailure> {
    Ok(Licensed {
        name: text(package, "name")?.to_owned(),
        version: text(package, "version")?.to_owned(),
        licence: package
            .get("license")
            .and_then(Value::as_str)
            .map(str::to_owned),
    })
}

fn member(package: &Value, root: &Path) -> Result<Member, CargoFailure> {
    let manifest = PathBuf::from(text(package, "manifest_path")?);
    let folder = manifest.parent().unwrap_or(root);
    let names = |value: &Value| text(value, "name").map(str::to_owned);
    let source = |value: &Value| text(value, "src_path").map(|path| from_root(path.as_ref(), root));
    Ok(Member {
        name: text(package, "name")?.to_owned(),
        folder: from_root(folder, root),
        dependencies: list(package, "dependencies")?
            .iter()
            .map(names)
            .collect::<Result<_, _>>()?,
        targets: list(package, "targets")?
            .iter()
            .map(source)
            .collect::<Result<_, _>>()?,
    })
}

fn from_root(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

fn text<'a>(value: &'a Value, field: &'static str) -> Result<&'a str, CargoFailure> {
    value
        .get(field)
        .and_then(Value::as_str)
        .ok_or(CargoFailure::NotUnderstood(field))
}

fn list<'a>(value: &'a Value, field: &'static str) -> Result<&'a [Value], CargoFailure> {
    let list = value.get(field).and_then(Value::as_array);
    list.map(Vec::as_slice)
        .ok_or(CargoFailure::NotUnderstood(field))
}

#[cfg(test)]
mod tests;
