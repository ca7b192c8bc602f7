//! The SQL that fills a catalogue. Each section is one query; its rows go to
//! [`Loader::row`](super::Loader::row) in the order of [`Section::ALL`].
//!
//! Definitions are told relative to the search path that they are read under, so [`PREAMBLE`] must
//! be in force: then an unqualified name in a definition is one of `pg_catalog`, or a temporary
//! object of the session that reads.
//!
//! The server opens a relation to tell a definition that looks at it, and would wait for whoever
//! alters, drops or empties it. What would have to wait is left out: its definition is empty, and
//! the relation counts as [unread](super::Relation::unread).

/// Must be in force while the queries run, in one REPEATABLE READ transaction.
pub const PREAMBLE: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// The sections of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Server,
    Schemas,
    Relations,
    Columns,
    Children,
    Cascades,
    Triggers,
    Rules,
    Policies,
    Checks,
    Upkeep,
    Dependents,
    Functions,
    AggregateCalls,
    Operators,
    Casts,
    Types,
    Domains,
    ClassFunctions,
    EventTriggers,
    Servers,
    Extensions,
    RowTypes,
    Generated,
    Digits,
    Lengths,
    Unique,
    Signatures,
    Arguments,
}

// === impl Section ===

impl Section {
    /// All sections, in the order in which their rows are loaded.
    pub const ALL: [Self; 29] = [
        Self::Server,
        Self::Schemas,
        Self::Relations,
        Self::Columns,
        Self::Children,
        Self::Cascades,
        Self::Triggers,
        Self::Rules,
        Self::Policies,
        Self::Checks,
        Self::Upkeep,
        Self::Dependents,
        Self::Functions,
        Self::AggregateCalls,
        Self::Operators,
        Self::Casts,
        Self::Types,
        Self::Domains,
        Self::ClassFunctions,
        Self::EventTriggers,
        Self::Servers,
        Self::Extensions,
        Self::RowTypes,
        Self::Generated,
        Self::Digits,
        Self::Lengths,
        Self::Unique,
        Self::Signatures,
        Self::Arguments,
    ];

    /// The query of this section for a server of this version. The version itself is the one row
    /// of [`Section::Server`], whose query is the same for all.
    pub fn query(self, server_version: u32) -> &'static str {
        match self {
            Self::Server => "SELECT current_setting('server_version_num')",
            Self::Schemas => SCHEMAS,
            Self::Relations => RELATIONS,
            Self::Columns => COLUMNS,
            Self::Children => CHILDREN,
            Self::Cascades => CASCADES,
            Self::Triggers => TRIGGERS,
            Self::Rules => RULES,
            Self::Policies => POLICIES,
            Self::Checks => CHECKS,
            Self::Upkeep if server_version < 140_000 => UPKEEP_BEFORE_14,
            Self::Upkeep => UPKEEP,
            Self::Dependents => DEPENDENTS,
            Self::Functions if server_version < 140_000 => FUNCTIONS_BEFORE_14,
            Self::Functions => FUNCTIONS,
            Self::AggregateCalls => AGGREGATE_CALLS,
            Self::Operators => OPERATORS,
            Self::Casts => CASTS,
            Self::Types if server_version < 140_000 => TYPES_BEFORE_14,
            Self::Types => TYPES,
            Self::Domains => DOMAINS,
            Self::ClassFunctions => CLASS_FUNCTIONS,
            Self::EventTriggers => EVENT_TRIGGERS,
            Self::Servers => SERVERS,
            Self::Extensions => EXTENSIONS,
            Self::RowTypes => ROW_TYPES,
            Self::Generated if server_version < 120_000 => GENERATED_BEFORE_12,
            Self::Generated => GENERATED,
            Self::Digits => DIGITS,
            Self::Lengths => LENGTHS,
            Self::Unique => UNIQUE,
            Self::Signatures => SIGNATURES,
            Self::Arguments => ARGUMENTS,
        }
    }
}

const SCHEMAS: &str = "
SELECT n.nspname, pg_get_userbyid(n.nspowner), has_schema_privilege(n.oid, 'USAGE')
FROM pg_namespace n";

/// The relations of this database that others have locked so that nobody may open them, or wait to
/// lock so. Who has a lock on one already passes those who wait.
macro_rules! locked {
    () => {
        "
WITH locks (relation, closes, own) AS (
    SELECT l.relation, l.mode = 'AccessExclusiveLock',
           l.granted AND l.pid IS NOT DISTINCT FROM pg_backend_pid()
    FROM pg_locks l
    JOIN pg_database b ON b.oid = l.database AND b.datname = current_database()
    WHERE l.locktype = 'relation'),
locked (relation) AS (
    SELECT l.relation FROM locks l
    WHERE l.closes AND NOT l.own
      AND l.relation NOT IN (SELECT o.relation FROM locks o WHERE o.own))"
    };
}

/// The objects of a kind that look at one of them.
macro_rules! held {
    ($class:literal) => {
        concat!(
            "(SELECT d.objid FROM pg_depend d JOIN locked k ON k.relation = d.refobjid
      WHERE d.refclassid = 'pg_class'::regclass AND d.classid = '",
            $class,
            "'::regclass)"
        )
    };
}

mod upkeep;

use upkeep::{CLASS_FUNCTIONS, UPKEEP, UPKEEP_BEFORE_14};

const RELATIONS: &str = concat!(
    locked!(),
    "
SELECT c.oid, n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner),
       CASE WHEN c.relkind NOT IN ('v', 'm') OR c.oid < 16384 THEN NULL
            WHEN c.oid IN (SELECT r.ev_class FROM pg_rewrite r WHERE r.oid IN ",
    held!("pg_rewrite"),
    ") THEN ''
            ELSE pg_get_viewdef(c.oid) END,
       w.fdwname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
LEFT JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
WHERE NOT pg_is_other_temp_schema(c.relnamespace)"
);

const COLUMNS: &str = concat!(
    locked!(),
    "
SELECT a.attrelid, a.attnum, a.attname, a.atttypid,
       CASE WHEN a.attrelid < 16384 OR d.adrelid IS NULL THEN NULL
            WHEN a.attrelid IN (SELECT relation FROM locked) THEN ''
            ELSE pg_get_expr(d.adbin, d.adrelid) END,
       a.attnotnull
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND NOT pg_is_other_temp_schema(c.relnamespace)
ORDER BY a.attrelid, a.attnum"
);

const CHILDREN: &str = "SELECT i.inhparent, i.inhrelid FROM pg_inherits i";

const CASCADES: &str = "
SELECT k.confrelid, k.conrelid, k.confdeltype IN ('c', 'n', 'd'), k.confupdtype IN ('c', 'n', 'd')
FROM pg_constraint k
WHERE k.contype = 'f'";

const TRIGGERS: &str = concat!(
    locked!(),
    "
SELECT t.tgrelid, n.nspname, p.proname, t.tgtype,
       CASE WHEN t.tgqual IS NOT NULL AND t.tgrelid IN (SELECT relation FROM locked) THEN ''
            ELSE pg_get_triggerdef(t.oid) END
FROM pg_trigger t
JOIN pg_proc p ON p.oid = t.tgfoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE NOT t.tgisinternal"
);

const RULES: &str = concat!(
    locked!(),
    "
SELECT r.ev_class, r.ev_type,
       CASE WHEN r.oid IN ",
    held!("pg_rewrite"),
    " THEN '' ELSE pg_get_ruledef(r.oid) END
FROM pg_rewrite r
WHERE r.ev_type <> '1' AND r.ev_class >= 16384"
);

const POLICIES: &str = concat!(
    locked!(),
    "
SELECT p.polrelid,
       CASE WHEN p.oid IN ",
    held!("pg_policy"),
    " THEN '' ELSE pg_get_expr(e.tree, p.polrelid) END
FROM pg_policy p,
LATERAL (VALUES (p.polqual), (p.polwithcheck)) e (tree)
WHERE e.tree IS NOT NULL"
);

const CHECKS: &str = concat!(
    locked!(),
    "
SELECT k.conrelid,
       CASE WHEN k.conrelid IN (SELECT relation FROM locked) THEN ''
            ELSE pg_get_expr(k.conbin, k.conrelid) END
FROM pg_constraint k
WHERE k.contype = 'c' AND k.conrelid <> 0 AND k.oid >= 16384"
);

const DEPENDENTS: &str = "
SELECT DISTINCT d.refobjid, r.ev_class
FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.refobjid <> r.ev_class AND r.ev_class >= 16384";

macro_rules! functions {
    ($held:expr, $body:literal) => {
        concat!(
            locked!(),
            "
SELECT p.oid, n.nspname, p.proname, p.prokind, pg_get_userbyid(p.proowner), l.lanname,
       p.pronargs, p.pronargdefaults, p.provariadic <> 0,
       p.pronargs = 1 AND EXISTS (
           SELECT FROM pg_type t
           WHERE t.oid = p.proargtypes[0]
             AND (t.typtype = 'c' OR t.typtype = 'd' OR t.typname IN
                  ('record', 'any', 'anyelement', 'anycompatible', 'anynonarray',
                   'anycompatiblenonarray'))),
       p.prosecdef,
       CASE WHEN l.lanname = 'sql' THEN p.prosrc END,
       CASE WHEN ",
            $held,
            " THEN '' ELSE ",
            $body,
            " END,
       array_to_string(p.proconfig, E'\\n'),
       x.extname,
       CASE WHEN p.prokind <> 'a' AND NOT (",
            $held,
            ")
            THEN encode(sha256(convert_to(pg_get_functiondef(p.oid), 'UTF8')), 'hex') END,
       pg_get_expr(p.proargdefaults, 0)
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = d.refobjid
WHERE (p.oid >= 16384 OR n.nspname <> 'pg_catalog')
  AND NOT pg_is_other_temp_schema(p.pronamespace)"
        )
    };
}

const FUNCTIONS: &str = functions!(
    concat!("p.prosqlbody IS NOT NULL AND p.oid IN ", held!("pg_proc")),
    "pg_get_function_sqlbody(p.oid)"
);
const FUNCTIONS_BEFORE_14: &str = functions!("false", "NULL::text");

const AGGREGATE_CALLS: &str = "
SELECT a.aggfnoid::oid, n.nspname, p.proname
FROM pg_aggregate a,
LATERAL (VALUES (a.aggtransfn::oid), (a.aggfinalfn::oid), (a.aggcombinefn::oid),
                (a.aggserialfn::oid), (a.aggdeserialfn::oid), (a.aggmtransfn::oid),
                (a.aggminvtransfn::oid), (a.aggmfinalfn::oid)) f (oid)
JOIN pg_proc p ON p.oid = f.oid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE a.aggfnoid::oid >= 16384 AND f.oid <> 0";

const OPERATORS: &str = "
SELECT o.oprname, s.nspname, n.nspname, p.proname
FROM pg_operator o
JOIN pg_namespace s ON s.oid = o.oprnamespace
JOIN pg_proc p ON p.oid = o.oprcode
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE o.oid >= 16384";

/// With the types that it is between, where a user's function may run though nobody wrote the cast.
/// Functions in C are those of superusers and extensions.
const CASTS: &str = "
SELECT t.typname, n.nspname, p.proname,
       CASE WHEN c.castcontext <> 'e' AND l.lanname NOT IN ('c', 'internal')
            THEN c.castsource END,
       c.casttarget, c.castcontext = 'a'
FROM pg_cast c
JOIN pg_type t ON t.oid = c.casttarget
JOIN pg_proc p ON p.oid = c.castfunc
JOIN pg_language l ON l.oid = p.prolang
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE c.oid >= 16384";

/// Those of rows are told with their relations.
macro_rules! types {
    ($ranges:literal) => {
        concat!(
            "
SELECT t.oid, n.nspname, t.typname, t.typtype,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype
            WHEN t.typtype IN ('r', 'm') THEN coalesce(r.holds, 0)
            WHEN t.typlen = -1 THEN t.typelem
            ELSE 0 END,
       CASE WHEN t.typtype = 'd' THEN pg_get_expr(t.typdefaultbin, 0) END
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN (",
            $ranges,
            ") r (made, holds) ON r.made = t.oid
WHERE t.oid >= 16384 AND t.typtype <> 'c' AND NOT pg_is_other_temp_schema(t.typnamespace)"
        )
    };
}

const TYPES: &str = types!(
    "SELECT rngtypid, rngsubtype FROM pg_range
     UNION ALL SELECT rngmultitypid, rngtypid FROM pg_range"
);
const TYPES_BEFORE_14: &str = types!("SELECT rngtypid, rngsubtype FROM pg_range");

const DOMAINS: &str = "
SELECT k.contypid, pg_get_expr(k.conbin, 0)
FROM pg_constraint k
JOIN pg_type t ON t.oid = k.contypid
WHERE k.contype = 'c' AND k.oid >= 16384 AND NOT pg_is_other_temp_schema(t.typnamespace)";

const EVENT_TRIGGERS: &str = "
SELECT n.nspname, p.proname, e.evtevent, array_to_string(e.evttags, ',')
FROM pg_event_trigger e
JOIN pg_proc p ON p.oid = e.evtfoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE e.evtenabled <> 'D' AND e.evtevent <> 'login'";

const SERVERS: &str = "
SELECT s.srvname, w.fdwname
FROM pg_foreign_server s
JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw";

const EXTENSIONS: &str = "
SELECT e.extname, n.nspname
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace";

const ROW_TYPES: &str = "
SELECT c.oid, c.reltype
FROM pg_class c
WHERE c.reltype <> 0 AND NOT pg_is_other_temp_schema(c.relnamespace)
UNION ALL
SELECT b.typrelid, d.oid
FROM pg_type d
JOIN pg_type b ON b.oid = d.typbasetype
WHERE d.typtype = 'd' AND b.typtype = 'c'";

const GENERATED: &str = "
SELECT a.attrelid, a.attnum
FROM pg_attribute a
WHERE a.attgenerated <> '' AND NOT a.attisdropped";
const GENERATED_BEFORE_12: &str = "SELECT 0, 0 WHERE false";

/// Before the point and behind it, as the server keeps them in one number.
const DIGITS: &str = "
SELECT a.attrelid, a.attnum, t.precision - t.scale, t.scale
FROM pg_attribute a,
LATERAL (VALUES ((a.atttypmod - 4) >> 16,
                 (((a.atttypmod - 4) & 2047) # 1024) - 1024)) t (precision, scale)
WHERE a.atttypid = 'numeric'::regtype AND a.atttypmod > 0 AND t.scale >= 0
  AND t.precision >= t.scale AND NOT a.attisdropped";

/// Texts and strings of bits that may be so long and no longer.
const LENGTHS: &str = "
SELECT a.attrelid, a.attnum
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384
  AND (a.atttypmod >= 0 AND t.oid IN (1042, 1043, 1560, 1562)
       OR t.typtypmod >= 0 AND t.typbasetype IN (1042, 1043, 1560, 1562))";

const UNIQUE: &str = "
SELECT DISTINCT i.indrelid, k.attnum
FROM pg_index i, unnest(i.indkey::smallint[]) k (attnum)
WHERE i.indisunique OR i.indisexclusion";

/// Of the server's own functions only those that return sets, rows, several values, or a type
/// that differs from call to call.
macro_rules! signatures {
    ($columns:literal, $more:literal) => {
        concat!(
            "
SELECT p.oid, ",
            $columns,
            "
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_type t ON t.oid = p.prorettype
",
            $more,
            "
WHERE (p.oid >= 16384 OR n.nspname <> 'pg_catalog' OR p.proretset
       OR p.proargmodes IS NOT NULL OR t.typtype IN ('c', 'p'))
  AND NOT pg_is_other_temp_schema(p.pronamespace)"
        )
    };
}

const SIGNATURES: &str = signatures!(
    "n.nspname, p.proname, p.pronargs, p.pronargdefaults, p.provariadic <> 0, p.proretset,
       p.prorettype",
    ""
);

const ARGUMENTS: &str = concat!(
    signatures!(
        "coalesce(p.proargmodes[a.place], 'i'), p.proargnames[a.place], a.type",
        "CROSS JOIN LATERAL unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
     WITH ORDINALITY a (type, place)"
    ),
    "
ORDER BY p.oid, a.place"
);
