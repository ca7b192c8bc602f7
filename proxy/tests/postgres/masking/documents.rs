//! Conditions on parts of documents that paths mask: what would answer a question about one is
//! refused, what looks at other parts is as it is without us.

use portcullis_policy::mask::{JsonPath, MaskRule, Predicates};

use super::{leak, masks_of};
use crate::bed::open_policy;
use crate::house::House;

const TABLES: &str = r#"
CREATE SCHEMA {s};
SET search_path = {s};
CREATE TABLE docs (id int, name text, doc jsonb, js json);
INSERT INTO docs SELECT id, 'n' || id, doc, doc FROM (VALUES
    (1, '{"ssn": "canary-1", "status": "open", "n": 3, "user": {"card": "canary-1", "name": "ann"},
      "items": [{"pin": "canary-1", "price": 5}], "tags": ["a"]}'::jsonb),
    (2, '{"ssn": "canary-2", "status": "shut", "n": 20, "user": {"card": "canary-2", "name": "bob"},
      "items": [{"pin": "canary-2", "price": 7}, {"pin": "x", "price": 9}], "tags": []}')) v (id, doc);
CREATE VIEW parts AS SELECT id, doc->'user' AS person, doc->>'status' AS status FROM docs;
"#;

/// Conditions, sorts and groups that depend on what `$.ssn`, `$.user.card` or `$.items[*].pin` mask.
const REFUSED: &[&str] = &[
    "SELECT id FROM docs WHERE doc->>'ssn' LIKE 'c%'",
    "SELECT id FROM docs WHERE js->>'ssn' > 'b'",
    "SELECT id FROM docs ORDER BY doc #>> '{user,card}'",
    "SELECT id FROM docs ORDER BY doc->'user'",
    "SELECT id FROM docs WHERE doc['ssn'] > '\"b\"'",
    "SELECT id FROM docs WHERE (doc->'user')::text LIKE '%canary-1%'",
    "SELECT id FROM docs WHERE jsonb_extract_path_text(doc, 'user', 'card') ~ '^c'",
    "SELECT id FROM docs WHERE left(doc->>'ssn', 1) = 'c'",
    "SELECT id FROM docs WHERE doc ? 'ssn'",
    "SELECT id FROM docs WHERE doc->>'ssn' IS NULL",
    "SELECT id FROM docs WHERE jsonb_path_exists(doc, '$.ssn ? (@ like_regex \"^c\")')",
    "SELECT id FROM docs WHERE doc @? '$.items[*].pin ? (@ starts with \"c\")'",
    "SELECT id FROM docs WHERE doc @@ '$.user.card > \"b\"'",
    "SELECT id FROM docs WHERE doc @> '{\"ssn\": {\"first\": 1}}'",
    "SELECT id FROM docs WHERE doc <@ '{\"ssn\": \"x\"}'",
    "SELECT count(*) FROM docs GROUP BY doc->>'ssn'",
    "SELECT DISTINCT doc->'ssn' FROM docs",
    "SELECT DISTINCT doc FROM docs",
    "SELECT id FROM docs ORDER BY doc",
    "SELECT id FROM docs WHERE doc::text LIKE '%canary-1%'",
    "SELECT id FROM docs WHERE md5(js::text) LIKE 'a%'",
    "SELECT id FROM docs WHERE doc->>name LIKE 'c%'",
    "SELECT id FROM docs WHERE doc - 'status' > '{}'",
    "SELECT a.id FROM docs a JOIN docs b ON a.doc->>'ssn' = b.doc->>'ssn'",
    "SELECT id FROM docs WHERE doc->>'ssn' = name",
    "SELECT id, rank() OVER (ORDER BY doc->>'ssn') FROM docs",
    "SELECT count(*) FILTER (WHERE doc->>'ssn' LIKE 'c%') FROM docs",
    "SELECT CASE WHEN doc->>'ssn' LIKE 'c%' THEN 1 END FROM docs",
    "SELECT 1 FROM docs HAVING max(doc->>'ssn') > 'b'",
    "SELECT id FROM docs, jsonb_array_elements(doc->'items') i WHERE i->>'pin' LIKE 'c%'",
    "SELECT id FROM docs, jsonb_each_text(doc) WHERE key = 'ssn' AND value LIKE 'c%'",
    "SELECT id FROM docs, jsonb_to_record(doc) AS r (ssn text) WHERE r.ssn LIKE 'c%'",
    "SELECT id FROM parts WHERE person->>'card' LIKE 'c%'",
    "WITH c AS (SELECT id, doc->'user' AS u FROM docs) SELECT id FROM c ORDER BY u->>'card'",
    "EXPLAIN SELECT id FROM docs WHERE doc->>'ssn' = 'x'",
    "SELECT jsonb_path_query(doc, '$.items[*].pin') FROM docs",
    "SELECT (doc->>'ssn')::int FROM docs",
    "SELECT 1 / (doc->'user'->>'card')::int FROM docs",
    "SELECT doc::text::bytea FROM docs",
    "SELECT r.name FROM docs, jsonb_to_record(doc) AS r (ssn varchar(3), name text)",
    "SELECT r.name FROM docs, jsonb_to_record(doc) AS r (\"user\" varchar(60), name text)",
    "SELECT jsonb_path_match(doc, '$.ssn') FROM docs",
    "SELECT json_object_agg(doc->>'ssn', 1) FROM docs",
    "UPDATE docs SET doc = doc #- '{items,0}' WHERE id = 1",
    "UPDATE docs SET name = 'x' WHERE doc->>'ssn' LIKE 'c%'",
    "DELETE FROM docs WHERE doc->>'ssn' > 'b'",
];

/// Lookups by a value that the caller knows.
const LOOKUPS: &[&str] = &[
    "SELECT id FROM docs WHERE doc->>'ssn' = E'\\x63anary-1'",
    "SELECT id FROM docs WHERE doc->>'ssn' IN ('x', E'\\x63anary-1')",
    "SELECT id FROM docs WHERE doc #>> '{user,card}' = E'\\x63anary-1'",
    "SELECT id FROM docs WHERE doc @> E'{\"ssn\": \"\\x63anary-1\"}'",
];

/// What looks at other parts only.
const FREE: &[&str] = &[
    "SELECT id FROM docs WHERE doc->>'status' LIKE 'o%'",
    "SELECT id FROM docs WHERE js->>'status' <> 'open' ORDER BY js->>'status'",
    "SELECT id FROM docs ORDER BY doc->>'status' DESC",
    "SELECT id FROM docs ORDER BY (doc->>'n')::int",
    "SELECT id FROM docs WHERE doc #>> '{user,name}' ~ '^a'",
    "SELECT id FROM docs WHERE doc['user']['name'] > '\"b\"'",
    "SELECT id FROM docs WHERE doc->'items'->0->>'price' > '5'",
    "SELECT id FROM docs WHERE doc ? 'status' AND doc->'tags' ? 'a'",
    "SELECT id FROM docs WHERE doc IS NOT NULL AND doc->'user' IS NOT NULL ORDER BY id",
    "SELECT id FROM docs WHERE doc @> '{\"status\": \"open\", \"tags\": [\"a\"]}'",
    "SELECT id FROM docs WHERE NOT doc @> '{\"status\": \"open\"}'",
    "SELECT id FROM docs WHERE doc @? '$.items[*] ? (@.price > 8)'",
    "SELECT id FROM docs WHERE jsonb_path_exists(doc, '$.status ? (@ == \"open\")')",
    "SELECT id, i->>'price' > '5' IS NULL FROM docs, jsonb_array_elements(doc->'items') i WHERE i->>'price' > '6' AND false",
    "SELECT id FROM docs, jsonb_array_elements(doc->'items') i WHERE i->>'price' > '6' ORDER BY id",
    "SELECT count(*) FROM docs GROUP BY doc->>'status'",
    "SELECT id FROM docs WHERE jsonb_typeof(doc->'items') = 'array' ORDER BY jsonb_array_length(doc->'items')",
    "SELECT a.id FROM docs a JOIN docs b ON a.doc->>'status' = b.doc->>'status' ORDER BY 1",
    "SELECT id FROM parts WHERE status = 'open' AND person->>'name' LIKE 'a%'",
    "SELECT id FROM docs WHERE 12 / (doc->>'n')::int > 1",
    "SELECT id FROM docs WHERE coalesce(doc->>'status', '') > 'p'",
];

fn rule(predicates: Predicates) -> MaskRule {
    let paths = ["$.ssn", "$.user.card", "$.items[*].pin"];
    MaskRule {
        json_paths: paths.map(|path| JsonPath::parse(path).unwrap()).into(),
        ..masks_of(&[], predicates)
    }
}

/// A house with the tables in a schema of this name.
async fn open(schema: &str) -> House {
    let house = House::masked(vec![open_policy()], vec![rule(Predicates::Equality)]).await;
    house.server.sql("postgres", &TABLES.replace("{s}", schema));
    house
}

async fn psql(house: &House, schema: &str, text: &str) -> (String, String) {
    let script = format!("{text};\n");
    let options = format!("-c search_path={schema}");
    let told = house.psql_with(&script, &[("PGOPTIONS", &options)]).await;
    for out in [&told.0, &told.1] {
        assert_eq!(leak(out.as_bytes()), None, "{text}\n{out}");
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_on_masked_parts_of_documents_are_as_free_as_the_rule_says() {
    let house = open("paths_seen").await;
    let direct = |text: &str| {
        let path = "SET search_path = paths_seen;".to_owned();
        house.server.sql("postgres", &(path + text))
    };
    for text in REFUSED {
        let (out, error) = psql(&house, "paths_seen", text).await;
        assert!(
            error.contains("\"class\":\"PolicyDenied\""),
            "{text}\n{out}\n{error}"
        );
    }
    for text in LOOKUPS {
        assert_eq!(
            psql(&house, "paths_seen", text).await,
            ("1".to_owned(), String::new()),
            "{text}"
        );
    }
    for text in FREE {
        assert_eq!(
            psql(&house, "paths_seen", text).await,
            (direct(text), String::new()),
            "{text}"
        );
    }
    house.edit_masked(vec![open_policy()], vec![rule(Predicates::Deny)]);
    for text in LOOKUPS {
        let (out, error) = psql(&house, "paths_seen", text).await;
        assert!(error.contains("PolicyDenied"), "{text}\n{out}\n{error}");
    }
    for text in FREE {
        assert_eq!(
            psql(&house, "paths_seen", text).await,
            (direct(text), String::new()),
            "{text}"
        );
    }
    house.edit_masked(vec![open_policy()], vec![rule(Predicates::Allow)]);
    let sorted = "SELECT id FROM docs WHERE doc->>'ssn' LIKE 'c%' ORDER BY doc->>'ssn' DESC";
    assert_eq!(
        psql(&house, "paths_seen", sorted).await,
        ("2\n1".to_owned(), String::new())
    );
}

/// Ways to take a masked part out of its document: none of it comes out.
#[tokio::test(flavor = "multi_thread")]
async fn parts_that_are_taken_out_are_redacted() {
    let house = open("paths_taken").await;
    for text in [
        "SELECT doc->>'ssn', doc->('s' || 'sn'), doc #>> ARRAY['ssn'], doc['ssn'] FROM docs",
        "SELECT jsonb_path_query_first(doc, '$.**.pin'), jsonb_path_query_array(doc, '$.*') FROM docs",
        "SELECT key, value FROM docs, jsonb_each(doc)",
        "SELECT value FROM docs, jsonb_each_text(doc->'user')",
        "SELECT i->>'pin', i FROM docs, jsonb_array_elements(doc->'items') i",
        "SELECT r.* FROM docs, jsonb_to_record(doc) AS r (ssn text, status text)",
        "SELECT r.pin FROM docs, json_to_recordset(js->'items') AS r (pin text)",
        "SELECT jsonb_pretty(doc), doc - 'status', doc || '{}', upper(doc::text) FROM docs",
        "SELECT json_object_agg(id, doc->>'ssn'), jsonb_object_agg(id, doc) FROM docs",
        "SELECT person->'card', person FROM parts",
    ] {
        let (_, error) = psql(&house, "paths_taken", text).await;
        assert_eq!(error, "", "{text}");
    }
}

/// Documents in types that users made: a domain over one is told as one, and is masked by its
/// paths; into rows, arrays of domains and ranges no path leads, and they are hidden whole.
#[tokio::test(flavor = "multi_thread")]
async fn documents_in_types_of_users_are_not_shown() {
    let house = open("paths_typed").await;
    house.server.sql(
        "postgres",
        "SET search_path = paths_typed;
         CREATE DOMAIN document AS jsonb CHECK (jsonb_typeof(VALUE) = 'object');
         CREATE DOMAIN narrower AS document;
         CREATE TYPE pair AS (label text, body json);
         CREATE TABLE typed (id int, d document, n narrower, p pair, ps pair[], ds document[]);
         INSERT INTO typed SELECT id, doc, doc, ROW(name, js)::pair, ARRAY[ROW(name, js)::pair], ARRAY[doc::document]
         FROM docs;",
    );
    for text in [
        "SELECT p, ps, ds FROM typed",
        "SELECT d->>'ssn', n->'user', (p).body, (p).body->>'ssn', ps[1], ds[1]->>'ssn' FROM typed",
        "SELECT typed FROM typed",
        "SELECT row_to_json(t) FROM typed t",
        "COPY typed (p, ps, ds) TO STDOUT",
        "COPY typed (d, n) TO STDOUT",
        "COPY (SELECT d->>'ssn', p FROM typed) TO STDOUT",
    ] {
        let (_, error) = psql(&house, "paths_typed", text).await;
        assert_eq!(error, "", "{text}");
    }
    for text in [
        "SELECT id FROM typed WHERE d->>'ssn' LIKE 'c%'",
        "SELECT id FROM typed ORDER BY n->'user'->>'card'",
        "SELECT id FROM typed WHERE (p).body->>'ssn' > 'b'",
        "SELECT id FROM typed WHERE ds[1]->>'ssn' LIKE 'c%'",
    ] {
        let (out, error) = psql(&house, "paths_typed", text).await;
        assert!(error.contains("PolicyDenied"), "{text}\n{out}\n{error}");
    }
    let whole = "SELECT d FROM typed WHERE n->>'status' = 'open' ORDER BY d->>'status'";
    let (out, error) = psql(&house, "paths_typed", whole).await;
    assert_eq!(error, "");
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["status"], "open");
    assert_eq!(shown["ssn"], "[redacted]");
    assert_eq!(shown["user"]["name"], "ann");
}
