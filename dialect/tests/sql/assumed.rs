//! What is assumed where there is no server, beside what a server says of itself.

use portcullis_dialect::sql::analyse;
use portcullis_dialect::sql::assume::assume;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_policy::Effect;

use crate::server::Server;

#[test]
fn every_relation_that_comes_with_a_server_is_known() {
    let server = Server::shared();
    let query = "SELECT concat(n.nspname, '.', c.relname) FROM pg_class c \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.oid < 16384 AND c.relkind IN ('r', 'v') AND n.nspname <> 'pg_toast'";
    let output = server.psql("postgres", &["-At", "-c", query]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 200, "{text}");
    let settings = Settings::new("postgres", "postgres");
    for name in text.lines() {
        let text = format!("SELECT 1 FROM {name}");
        let assumed = assume(&text, &settings).unwrap();
        let analysis = analyse(&text, &settings, &assumed.catalogue, &Prepared::default());
        let effect = analysis.unwrap().operation.effect;
        assert_eq!((effect, assumed.tables.len()), (Effect::Read, 0), "{name}");
    }
}
