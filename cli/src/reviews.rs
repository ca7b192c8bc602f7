//! Functions that a statement calls and that nobody reviewed, as a review would name them.

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_crds::ConnectionClass;
use portcullis_dialect::sql::assume::defined;
use portcullis_dialect::sql::names::Name;
use serde_json::{Value, json};

use crate::Failed;
use crate::args::Explain;
use crate::files::bounded;
use crate::output::{Tone, tinted};

/// The longest definition that is read.
const MAX_DEFINITION_BYTES: u64 = 1024 * 1024;

/// A function as a statement calls it.
pub(crate) type Called = (Option<String>, String);

/// One that was not reviewed.
#[derive(Debug)]
pub(crate) struct Unreviewed {
    name: String,
    /// None where its definition was not given.
    sha256: Option<String>,
}

/// A definition that was given.
#[derive(Debug)]
struct Definition {
    name: Name,
    sha256: String,
}

/// Those of `called` that no class reviews, with the hashes of the definitions that are given.
pub(crate) fn lacking(
    called: &[Called],
    args: &Explain,
    classes: &[ConnectionClass],
) -> Result<Vec<Unreviewed>, Failed> {
    let definitions = args.definitions.iter().map(|path| {
        let text = bounded(path, MAX_DEFINITION_BYTES)?;
        definition(&text).ok_or_else(|| {
            let path = path.display();
            Failed::from(format!(
                "{path}: not one definition as pg_get_functiondef tells it"
            ))
        })
    });
    let definitions: Vec<Definition> = definitions.collect::<Result<_, _>>()?;
    let reviews: Vec<_> = classes
        .iter()
        .flat_map(|class| &class.spec.reviewed_functions)
        .collect();
    let mut lacking = Vec::new();
    for (schema, name) in called {
        let is_it = |it: &Name| it.name == *name && schema.as_ref().is_none_or(|s| it.schema == *s);
        let mut given = definitions.iter().filter(|it| is_it(&it.name)).peekable();
        if given.peek().is_none() {
            let written = match schema {
                Some(schema) => spelled(&Name::new(schema.clone(), name.clone())),
                None => name.clone(),
            };
            lacking.push(Unreviewed {
                name: written,
                sha256: None,
            });
        }
        lacking.extend(given.filter_map(|it| {
            let name = spelled(&it.name);
            let is_reviewed = |review: &&portcullis_crds::connection_class::ReviewedFunction| {
                review.sha256 == it.sha256 && review.name == name
            };
            (!reviews.iter().any(is_reviewed)).then(|| Unreviewed {
                name,
                sha256: Some(it.sha256.clone()),
            })
        }));
    }
    Ok(lacking)
}

pub(crate) fn for_machines(lacking: &[Unreviewed]) -> Value {
    let each = lacking.iter();
    each.map(|one| json!({ "name": one.name, "sha256": one.sha256 }))
        .collect()
}

pub(crate) fn lines(lacking: &[Unreviewed]) -> Vec<String> {
    if lacking.is_empty() {
        return Vec::new();
    }
    let title = "Functions that are not known to be reviewed";
    let mut lines = vec![String::new(), tinted(Tone::Bold, title)];
    lines.extend(lacking.iter().map(|one| match &one.sha256 {
        Some(hash) => format!("  - {{name: {}, sha256: {hash}}}", one.name),
        None => format!(
            "  {}: give --definition a file with what pg_get_functiondef tells of it",
            one.name
        ),
    }));
    lines
}

/// As a review writes it: in double quotes where it is not all lower case.
fn spelled(name: &Name) -> String {
    let quoted = |part: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_$".contains(c);
        let begins = part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        match begins && part.chars().all(plain) {
            true => part.to_owned(),
            false => format!("\"{}\"", part.replace('"', "\"\"")),
        }
    };
    format!("{}.{}", quoted(&name.schema), quoted(&name.name))
}

/// The server ends a definition with one line end; what wrote it into a file may have added some.
fn definition(text: &str) -> Option<Definition> {
    let text = format!("{}\n", text.trim_end_matches(['\r', '\n']));
    let name = defined(&text)?;
    let hash = digest(&SHA256, text.as_bytes());
    let digits = hash.as_ref().iter().map(|byte| format!("{byte:02x}"));
    Some(Definition {
        name,
        sha256: digits.collect(),
    })
}
