//! What runs where rows are indexed, analysed or sorted into partitions, though no statement names
//! it.

use super::queries::locked;
use super::{Name, Stored};

/// Something that runs beside the checks of a relation.
#[derive(Debug)]
pub(in crate::sql) struct Upkeep {
    pub(in crate::sql) occasion: Occasion,
    pub(in crate::sql) part: Part,
}

/// Where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Occasion {
    /// Where a row finds its partition.
    Partition,
    /// Where an index is built or written, and where the table is analysed.
    Index,
    /// The same, and where VACUUM brings up to date what an index (BRIN) tells of new pages.
    Summary,
    /// Where the table is analysed.
    Statistics,
}

#[derive(Debug)]
pub(in crate::sql) enum Part {
    /// The key of an index or of partitions, the condition of a partial index, an expression of
    /// extended statistics.
    Expression(Stored),
    /// A function of an operator class, or the difference of ranges.
    Function(Name),
}

/// A function of an operator class that is not in C: a new index may be of that class.
#[derive(Debug)]
pub(in crate::sql) struct ClassFunction {
    pub(in crate::sql) class: String,
    /// The class is taken where none is written.
    pub(in crate::sql) is_default: bool,
    pub(in crate::sql) function: Name,
}

/// A function that runs on definitions.
#[derive(Debug)]
pub(in crate::sql) struct EventTrigger {
    pub(in crate::sql) function: Name,
    pub(in crate::sql) event: String,
    /// The verbs that it is for; all when there are none.
    pub(in crate::sql) tags: Vec<String>,
}

// === impl Occasion ===

impl Occasion {
    pub(super) fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "p" => Some(Self::Partition),
            "i" => Some(Self::Index),
            "b" => Some(Self::Summary),
            "s" => Some(Self::Statistics),
            _ => None,
        }
    }
}

// === the queries ===

/// Functions of an operator class or family that are not in C. Those in C are those of superusers
/// and extensions.
macro_rules! class_functions {
    () => {
        "
FROM (SELECT amprocfamily, amproc::oid FROM pg_amproc
      UNION
      SELECT m.amopfamily, r.oprcode::oid
      FROM pg_amop m JOIN pg_operator r ON r.oid = m.amopopr) q (family, function)
JOIN pg_proc f ON f.oid = q.function
JOIN pg_namespace n ON n.oid = f.pronamespace
JOIN pg_language l ON l.oid = f.prolang AND l.lanname NOT IN ('c', 'internal')
JOIN pg_opclass s ON s.opcfamily = q.family"
    };
}

/// Of indexes, which are told as well of themselves as of their tables, of partitioned tables, of
/// extended statistics, and the differences of ranges.
macro_rules! upkeep {
    ($statistics:literal) => {
        concat!(
            locked!(),
            "
SELECT o.owner, CASE a.amname WHEN 'brin' THEN 'b' ELSE 'i' END,
       CASE WHEN i.indrelid IN (SELECT relation FROM locked) THEN ''
            ELSE pg_get_expr(e.tree, i.indrelid) END,
       NULL, NULL
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am a ON a.oid = c.relam,
LATERAL (VALUES (i.indrelid), (i.indexrelid)) o (owner),
LATERAL (VALUES (i.indexprs), (i.indpred)) e (tree)
WHERE e.tree IS NOT NULL AND i.indexrelid >= 16384
UNION ALL
SELECT p.partrelid, 'p',
       CASE WHEN p.partrelid IN (SELECT relation FROM locked) THEN ''
            ELSE pg_get_expr(p.partexprs, p.partrelid) END,
       NULL, NULL
FROM pg_partitioned_table p
WHERE p.partexprs IS NOT NULL
UNION ALL
SELECT o.owner, CASE a.amname WHEN 'brin' THEN 'b' ELSE 'i' END, NULL, n.nspname, f.proname",
            class_functions!(),
            "
JOIN pg_index i ON s.oid = ANY (i.indclass)
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am a ON a.oid = c.relam,
LATERAL (VALUES (i.indrelid), (i.indexrelid)) o (owner)
UNION ALL
SELECT p.partrelid, 'p', NULL, n.nspname, f.proname",
            class_functions!(),
            "
JOIN pg_partitioned_table p ON s.oid = ANY (p.partclass)
UNION ALL
SELECT o.owner, o.occasion, NULL, n.nspname, f.proname
FROM pg_range r
JOIN pg_proc f ON f.oid = r.rngsubdiff
JOIN pg_namespace n ON n.oid = f.pronamespace
JOIN pg_language l ON l.oid = f.prolang AND l.lanname NOT IN ('c', 'internal')
JOIN pg_attribute t ON t.atttypid = r.rngtypid
LEFT JOIN pg_index i ON i.indexrelid = t.attrelid,
LATERAL (VALUES (t.attrelid, CASE WHEN i.indrelid IS NULL THEN 's' ELSE 'i' END),
                (i.indrelid, 'i')) o (owner, occasion)
WHERE o.owner IS NOT NULL",
            $statistics
        )
    };
}

pub(super) const UPKEEP: &str = upkeep!(
    "
UNION ALL
SELECT s.stxrelid, 's', e.expression, NULL, NULL
FROM pg_statistic_ext s,
LATERAL unnest(CASE WHEN s.stxrelid IN (SELECT relation FROM locked) THEN ARRAY['']
                    ELSE pg_get_statisticsobjdef_expressions(s.oid) END) e (expression)"
);
pub(super) const UPKEEP_BEFORE_14: &str = upkeep!("");

pub(super) const CLASS_FUNCTIONS: &str = concat!(
    "
SELECT DISTINCT s.opcname, s.opcdefault, n.nspname, f.proname",
    class_functions!()
);
