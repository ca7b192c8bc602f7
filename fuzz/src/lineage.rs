//! Where the columns of an answer come from, told by the catalogue of the `sql` target.
//!
//! Input: a text. Checked: it is traced where it is analysed and refused where it is refused, each
//! time alike; there is one answer for each statement; a value that is a column's own has a
//! column; and a plain query behind it is traced to its column, or not at all.

use portcullis_dialect::sql::analyse;
use portcullis_dialect::sql::lineage::{Cursors, Lineage, Origin, Rows, lineage};
use portcullis_dialect::sql::parser::{Refused, readable};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;

use crate::sql::{CATALOGUE, on_its_stack};

pub fn check(data: &[u8]) {
    on_its_stack(data, check_text);
}

fn told(text: &[u8]) -> Result<Lineage, Refused> {
    let settings = Settings::new("shop", "ann");
    let (prepared, cursors) = (Prepared::default(), Cursors::default());
    let text = readable(text, &settings)?;
    lineage(&text, &settings, &CATALOGUE, &prepared, &cursors)
}

fn check_text(data: &[u8]) {
    let found = told(data);
    assert_eq!(found, told(data));
    let settings = Settings::new("shop", "ann");
    let analysed = readable(data, &settings)
        .and_then(|text| analyse(&text, &settings, &CATALOGUE, &Prepared::default()));
    let (found, analysed) = match (found, analysed) {
        (Ok(found), Ok(analysed)) => (found, analysed),
        (found, analysed) => {
            assert_eq!(found.err(), analysed.err());
            return;
        }
    };
    assert_eq!(found.results.len(), analysed.statements.len());
    for rows in &found.results {
        let Rows::Columns(columns) = rows else {
            continue;
        };
        for column in columns {
            assert!(!matches!(&column.origin, Origin::Column(own) if own.is_empty()));
        }
    }
    let mut longer = data.to_vec();
    longer.extend_from_slice(b"\n;SELECT ssn FROM public.customers");
    let Ok(longer) = told(&longer) else { return };
    match longer.results.last() {
        Some(Rows::Untraced) => {}
        Some(Rows::Columns(columns)) => {
            assert_eq!(columns.len(), 1);
            if let Some(own) = columns[0].origin.columns() {
                assert!(own.iter().any(|column| column.column == "ssn"), "{own:?}");
            }
        }
        other => panic!("a query has no answer: {other:?}"),
    }
}
