//! Whether a catalogue is still what it was, without reading it: nothing is opened and no lock is
//! taken but those of the server's own tables.

macro_rules! digest {
    ($part:expr, $order:literal) => {
        concat!(
            "encode(sha256(convert_to(string_agg(",
            $part,
            ", ';' ORDER BY ",
            $order,
            "), 'UTF8')), 'hex')"
        )
    };
}

macro_rules! version {
    ($table:literal, $key:literal, $where:expr) => {
        concat!(
            "
UNION ALL
SELECT '",
            $table,
            "', ",
            digest!(concat!("concat_ws(' ', ", $key, ", x.xmin, x.ctid)"), $key),
            " FROM ",
            $table,
            " x ",
            $where
        )
    };
}

macro_rules! outside {
    ($relation:literal) => {
        concat!(
            "WHERE ",
            $relation,
            " >= 16384 AND ",
            $relation,
            " NOT IN (SELECT relation FROM elsewhere)"
        )
    };
}

/// One row for each of the server's tables that a catalogue is made of: its name, and a digest of
/// which versions of which of its rows are there. Equal rows mean that nothing was committed that
/// the [sections](super::Section) would tell otherwise. Must be read as they are, by the same role
/// and in the same snapshot as what it stands for.
///
/// A version of a row is told by the transaction that wrote it and by its place. What lives in
/// temporary schemas of others is left out, and the parts of what comes with the server: these are as
/// its version says.
pub const FINGERPRINT: &str = concat!(
    "
WITH elsewhere (relation) AS (
    SELECT c.oid FROM pg_class c WHERE pg_is_other_temp_schema(c.relnamespace))
SELECT 'server', current_setting('server_version_num')
UNION ALL
SELECT 'roles', ",
    digest!("concat_ws(' ', r.oid, r.rolname)", "r.oid"),
    " FROM pg_roles r
UNION ALL
SELECT 'pg_namespace', ",
    digest!(
        "concat_ws(' ', x.oid, x.xmin, x.ctid, has_schema_privilege(x.oid, 'USAGE'))",
        "x.oid"
    ),
    " FROM pg_namespace x WHERE NOT pg_is_other_temp_schema(x.oid)",
    version!(
        "pg_class",
        "x.oid",
        "WHERE NOT pg_is_other_temp_schema(x.relnamespace)"
    ),
    version!(
        "pg_attribute",
        "x.attrelid, x.attnum",
        outside!("x.attrelid")
    ),
    version!("pg_attrdef", "x.oid", outside!("x.adrelid")),
    version!("pg_inherits", "x.inhrelid, x.inhparent", ""),
    // Those of domains are of no relation.
    version!(
        "pg_constraint",
        "x.oid",
        "WHERE x.oid >= 16384 AND x.conrelid NOT IN (SELECT relation FROM elsewhere)"
    ),
    version!("pg_trigger", "x.oid", outside!("x.tgrelid")),
    version!("pg_rewrite", "x.oid", outside!("x.ev_class")),
    version!("pg_policy", "x.oid", ""),
    version!("pg_index", "x.indexrelid", outside!("x.indrelid")),
    version!("pg_partitioned_table", "x.partrelid", ""),
    version!(
        "pg_proc",
        "x.oid",
        "WHERE (x.oid >= 16384 OR x.pronamespace <> 'pg_catalog'::regnamespace)
  AND NOT pg_is_other_temp_schema(x.pronamespace)"
    ),
    version!(
        "pg_aggregate",
        "x.aggfnoid::oid",
        "WHERE x.aggfnoid::oid >= 16384"
    ),
    version!("pg_operator", "x.oid", "WHERE x.oid >= 16384"),
    version!("pg_opclass", "x.oid", "WHERE x.oid >= 16384"),
    version!("pg_amop", "x.oid", "WHERE x.oid >= 16384"),
    version!("pg_amproc", "x.oid", "WHERE x.oid >= 16384"),
    version!("pg_statistic_ext", "x.oid", outside!("x.stxrelid")),
    version!("pg_cast", "x.oid", "WHERE x.oid >= 16384"),
    version!(
        "pg_type",
        "x.oid",
        "WHERE x.oid >= 16384 AND NOT pg_is_other_temp_schema(x.typnamespace)"
    ),
    version!("pg_range", "x.rngtypid", "WHERE x.rngtypid >= 16384"),
    version!("pg_language", "x.oid", ""),
    version!("pg_collation", "x.oid", "WHERE x.oid >= 16384"),
    version!("pg_event_trigger", "x.oid", ""),
    version!("pg_foreign_table", "x.ftrelid", ""),
    version!("pg_foreign_server", "x.oid", ""),
    version!("pg_foreign_data_wrapper", "x.oid", ""),
    version!("pg_extension", "x.oid", ""),
    // What belongs to an extension.
    version!(
        "pg_depend",
        "x.classid, x.objid, x.objsubid, x.refclassid, x.refobjid",
        "WHERE x.deptype = 'e'"
    ),
);
