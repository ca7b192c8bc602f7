use std::collections::BTreeSet;

use super::*;

fn filled() -> Metrics {
    let metrics = Metrics::new().unwrap();
    let handles = metrics.of("PostgreSQL");
    handles.operation(Effect::Write, Decided::Denied).inc();
    handles.decision_seconds.observe(3e-6);
    metrics.reloaded(true);
    metrics
}

#[test]
fn exactly_the_promised_names_are_exported() {
    let families = filled().registry.gather();
    let exported: BTreeSet<&str> = families.iter().map(|family| family.name()).collect();
    assert_eq!(exported, NAMES.into_iter().collect());
}

#[test]
fn an_operation_counts_under_its_own_labels_only() {
    let text = filled().text().unwrap();
    let line = |effect: &str, decision: &str, count: u64| {
        format!(
            "portcullis_operations_total{{decision=\"{decision}\",effect=\"{effect}\",protocol=\"PostgreSQL\"}} {count}\n"
        )
    };
    assert!(text.contains(&line("Write", "denied", 1)), "{text}");
    assert!(text.contains(&line("Write", "allowed", 0)));
    assert!(text.contains(&line("Unknown", "denied", 0)));
    assert_eq!(text.matches("portcullis_operations_total{").count(), 30);
    assert!(text.contains("portcullis_reloads_total{result=\"applied\"} 1\n"));
}

#[test]
fn handles_of_one_protocol_count_together() {
    let metrics = filled();
    let (one, two) = (metrics.of("PostgreSQL"), metrics.of("PostgreSQL"));
    one.client_in.inc_by(5);
    two.client_in.inc_by(7);
    assert_eq!(metrics.bytes.with_label_values(&["client_in"]).get(), 12);
    for (effect, _) in Effect::ALL {
        for decided in [
            Decided::Allowed,
            Decided::Held,
            Decided::Limited,
            Decided::Failed,
        ] {
            let before = one.operation(*effect, decided).get();
            two.operation(*effect, decided).inc();
            assert_eq!(one.operation(*effect, decided).get(), before + 1);
        }
    }
}

/// Names in the dashboard's queries, without the endings that histograms add.
fn queried(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), member.as_str()) {
                    ("expr", Some(query)) => names_in(query, found),
                    _ => queried(member, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| queried(item, found)),
        _ => {}
    }
}

fn names_in(query: &str, found: &mut BTreeSet<String>) {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with("portcullis")) {
        let base = ["_bucket", "_count", "_sum"].iter().find_map(|ending| {
            word.strip_suffix(ending)
                .filter(|base| base.ends_with("_seconds"))
        });
        found.insert(base.unwrap_or(word).to_owned());
    }
}

#[test]
fn the_dashboard_asks_for_every_metric_and_no_other() {
    let dashboard = include_str!("../../../docs/grafana/portcullis.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let mut found = BTreeSet::new();
    queried(&dashboard, &mut found);
    assert_eq!(found, NAMES.into_iter().map(str::to_owned).collect());
}
