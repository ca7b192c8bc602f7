use portcullis_policy::{Effect, Flag};

use super::*;
use crate::sql::analyse;
use crate::sql::prepared::Prepared;

fn told(text: &str) -> (Effect, bool, Vec<String>) {
    let settings = Settings::new("shop", "agent");
    let assumed = assume(text, &settings).unwrap();
    let prepared = Prepared::default();
    let analysis = analyse(text, &settings, &assumed.catalogue, &prepared).unwrap();
    let credentials = analysis.operation.flags.contains(&Flag::CredentialAccess);
    let tables = assumed.tables.iter().map(ToString::to_string).collect();
    (analysis.operation.effect, credentials, tables)
}

#[test]
fn relations_of_the_server_are_known_and_not_assumed() {
    for text in [
        "SELECT relname FROM pg_class",
        "SELECT relname FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
        "SELECT table_name FROM information_schema.tables",
        "SELECT * FROM pg_stat_io",
    ] {
        assert_eq!(told(text), (Effect::Read, false, vec![]), "{text}");
    }
    // They count as what they are.
    let (effect, credentials, _) = told("SELECT rolpassword FROM pg_authid");
    assert_eq!((effect, credentials), (Effect::Read, true));
    assert_eq!(
        told("DELETE FROM pg_class WHERE oid = 1").0,
        Effect::Administer
    );
}

#[test]
fn what_only_looks_like_one_is_not() {
    for (text, effect, tables) in [
        ("SELECT * FROM pg_nosuch", Effect::Unknown, vec![]),
        ("SELECT * FROM pg_catalog.orders", Effect::Unknown, vec![]),
        (
            "SELECT * FROM public.pg_class",
            Effect::Read,
            vec!["public.pg_class"],
        ),
        ("SELECT * FROM orders", Effect::Read, vec!["public.orders"]),
        ("SELECT * FROM tables", Effect::Read, vec!["public.tables"]),
    ] {
        let tables = tables.into_iter().map(str::to_owned).collect();
        assert_eq!(told(text), (effect, false, tables), "{text}");
    }
}
