//! What of the server itself shows values of tables: denied while column masks apply.

use portcullis_policy::{Access, Resource, ResourceKind};

/// Where the server keeps values, and what of them shows there. `*` is any schema: extensions are
/// installed anywhere.
const REVEALING: [(&str, &str, &str); 24] = [
    ("pg_catalog", "pg_statistic", SAMPLES),
    ("pg_catalog", "pg_stats", SAMPLES),
    ("pg_catalog", "pg_statistic_ext_data", SAMPLES),
    ("pg_catalog", "pg_stats_ext", SAMPLES),
    ("pg_catalog", "pg_stats_ext_exprs", SAMPLES),
    ("pg_catalog", "pg_mcv_list_items", SAMPLES),
    ("pg_catalog", "pg_stat_activity", TEXTS),
    ("pg_catalog", "pg_stat_get_activity", TEXTS),
    ("pg_catalog", "pg_stat_get_backend_activity", TEXTS),
    ("*", "pg_stat_statements", TEXTS),
    ("*", "pg_stat_monitor", TEXTS),
    ("*", "pg_store_plans", TEXTS),
    (
        "pg_catalog",
        "pg_largeobject",
        "it holds the content of large objects",
    ),
    ("pg_toast", "*", "it holds the long values of tables"),
    ("pg_catalog", "pg_logical_slot_get_changes", ROWS),
    ("pg_catalog", "pg_logical_slot_peek_changes", ROWS),
    ("pg_catalog", "pg_logical_slot_get_binary_changes", ROWS),
    ("pg_catalog", "pg_logical_slot_peek_binary_changes", ROWS),
    ("*", "get_raw_page", ROWS),
    ("*", "heap_page_items", ROWS),
    ("*", "heap_page_item_attrs", ROWS),
    ("*", "bt_page_items", ROWS),
    ("*", "pg_get_wal_records_info", ROWS),
    ("*", "pg_get_wal_block_info", ROWS),
];

const SAMPLES: &str = "it holds samples of the values of columns";
const TEXTS: &str = "it shows statements of other sessions with their values";
const ROWS: &str = "it shows rows as they are stored";

/// The first of these accesses that would show values, by its name, and why.
pub(super) fn revealing<'a>(
    accesses: impl IntoIterator<Item = &'a Access>,
) -> Option<(String, &'static str)> {
    accesses.into_iter().find_map(|access| {
        let Resource::Named { kind, segments } = &access.resource else {
            return None;
        };
        let ([schema, name], ResourceKind::Table | ResourceKind::Function) =
            (segments.as_slice(), kind)
        else {
            return None;
        };
        let is_it = |told: &str, found: &str| told == "*" || told == found;
        REVEALING
            .iter()
            .find(|(in_schema, called, _)| is_it(in_schema, schema) && is_it(called, name))
            .map(|(_, _, why)| (segments.join("."), *why))
    })
}
