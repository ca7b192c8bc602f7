use super::*;

#[test]
fn every_line_of_the_lists_has_a_known_class() {
    for line in lines(BUILTIN) {
        let (class, names) = line.split_once(' ').unwrap();
        assert!(Class::from_word(class).is_some(), "{line}");
        assert!(!names.trim().is_empty(), "{line}");
    }
    for line in lines(EXTENSION) {
        let mut words = line.split(' ');
        words.next().unwrap();
        assert!(Class::from_word(words.next().unwrap()).is_some(), "{line}");
        assert!(words.next().is_some(), "{line}");
    }
}

#[test]
fn no_name_is_listed_under_two_classes() {
    let mut seen = HashMap::new();
    for line in lines(BUILTIN) {
        let (class, names) = line.split_once(' ').unwrap();
        for name in names.split(' ') {
            assert_eq!(*seen.entry(name).or_insert(class), class, "{name}");
        }
    }
}

#[test]
fn an_overload_is_classed_by_its_number_of_arguments() {
    assert_eq!(builtin("ts_rewrite", 2), Some(Class::Dynamic));
    assert_eq!(builtin("ts_rewrite", 3), Some(Class::Pure));
    assert_eq!(builtin("ts_rewrite", 4), None);
}

#[test]
fn what_reaches_beyond_its_arguments_is_not_pure() {
    for (name, class) in [
        ("nextval", Class::SequenceWrite),
        ("set_config", Class::Settings),
        ("pg_read_file", Class::FileRead),
        ("lo_export", Class::FileWrite),
        ("query_to_xml", Class::Dynamic),
        ("table_to_xml", Class::Tables),
        ("pg_terminate_backend", Class::Administer),
        ("pg_notify", Class::Write),
        ("pg_logical_slot_get_changes", Class::Replay),
        ("lower", Class::Pure),
        ("now", Class::Pure),
        ("count", Class::Pure),
    ] {
        assert_eq!(builtin(name, 1), Some(class), "{name}");
    }
    assert_eq!(builtin("no_such_function", 0), None);
    assert_eq!(of_extension("dblink", "dblink", 2), Some(Class::Outbound));
    assert_eq!(
        of_extension("tablefunc", "crosstab", 1),
        Some(Class::Dynamic)
    );
    assert_eq!(of_extension("pgcrypto", "digest", 2), Some(Class::Pure));
    assert_eq!(of_extension("pgcrypto", "dblink", 2), None);
}
