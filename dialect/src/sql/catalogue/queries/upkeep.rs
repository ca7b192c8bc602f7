//! What a server runs while it looks after indexes, partitions and statistics.

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
LATERAL unnest(CASE WHEN s.stxexprs IS NULL THEN NULL
                    WHEN s.stxrelid IN (SELECT relation FROM locked) THEN ARRAY['']
                    ELSE pg_get_statisticsobjdef_expressions(s.oid) END) e (expression)"
);
pub(super) const UPKEEP_BEFORE_14: &str = upkeep!("");

pub(super) const CLASS_FUNCTIONS: &str = concat!(
    "
SELECT DISTINCT s.opcname, s.opcdefault, n.nspname, f.proname",
    class_functions!()
);
