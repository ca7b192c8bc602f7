use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_crds::Connection;
use serde_json::json;

use super::{Object, Owned};
use crate::desired::Kind;
use crate::world::Key;

fn meta(version: u64, generation: i64) -> ObjectMeta {
    serde_json::from_value(json!({
        "name": "orders-db", "namespace": "shop", "uid": "u",
        "resourceVersion": version.to_string(), "generation": generation,
        "labels": {
            "app.kubernetes.io/managed-by": "portcullis",
            "portcullis.dev/connection": "orders-db",
        },
        "ownerReferences": [{
            "apiVersion": "v1", "kind": "Connection", "name": "orders-db", "uid": "c",
            "controller": true,
        }],
    }))
    .unwrap()
}

fn object() -> Object {
    Object {
        kind: Kind::Deployment,
        key: Key::new("shop", "orders-db"),
    }
}

fn applied() -> Owned {
    let mut owned = Owned::default();
    assert!(owned.needs(&object(), &[1; 32]));
    owned.record(object(), [1; 32], &meta(10, 1));
    owned
}

#[test]
fn what_stands_as_it_was_applied_is_not_applied_again() {
    let mut owned = applied();
    assert!(!owned.needs(&object(), &[1; 32]));
    assert!(owned.needs(&object(), &[2; 32]), "something else is wanted");
    // The watch tells what the answer told already, then a change of status.
    assert_eq!(owned.saw(Kind::Deployment, &meta(10, 1)), None);
    assert_eq!(owned.saw(Kind::Deployment, &meta(12, 1)), None);
    assert!(!owned.needs(&object(), &[1; 32]));
}

#[test]
fn an_edit_by_hand_sets_off_an_apply() {
    let mut owned = applied();
    let connection = Some(Key::new("shop", "orders-db"));
    assert_eq!(owned.saw(Kind::Deployment, &meta(11, 2)), connection);
    assert!(owned.needs(&object(), &[1; 32]));
}

#[test]
fn a_watch_that_is_behind_sets_off_nothing() {
    let mut owned = applied();
    owned.record(object(), [2; 32], &meta(20, 2));
    assert_eq!(owned.saw(Kind::Deployment, &meta(10, 1)), None);
    assert!(!owned.needs(&object(), &[2; 32]));
}

#[test]
fn labels_and_owners_that_are_taken_off_are_edits() {
    for field in ["labels", "owners"] {
        let mut owned = applied();
        let mut edited = meta(11, 1);
        match field {
            "labels" => drop(
                edited
                    .labels
                    .as_mut()
                    .unwrap()
                    .remove("portcullis.dev/connection"),
            ),
            _ => edited.owner_references = None,
        }
        let told = owned.saw(Kind::Deployment, &edited);
        assert_eq!(told, Some(Key::new("shop", "orders-db")), "{field}");
        assert!(owned.needs(&object(), &[1; 32]), "{field}");
    }
}

#[test]
fn what_is_gone_is_made_again() {
    let mut owned = applied();
    let told = owned.gone(Kind::Deployment, &meta(11, 1));
    assert_eq!(told, Some(Key::new("shop", "orders-db")));
    assert!(owned.needs(&object(), &[1; 32]) && !owned.knows(&object()));
    let mut owned = applied();
    owned.relisted(Kind::Deployment, &BTreeSet::new());
    assert!(owned.needs(&object(), &[1; 32]));
    let mut owned = applied();
    owned.relisted(
        Kind::Deployment,
        &BTreeSet::from([Key::new("shop", "orders-db")]),
    );
    assert!(!owned.needs(&object(), &[1; 32]));
}

#[test]
fn only_what_this_very_connection_owns_is_its_to_prune() {
    let owned = applied();
    let connection = |uid: &str| -> Connection {
        serde_json::from_value(json!({
            "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
            "metadata": { "name": "orders-db", "namespace": "shop", "uid": uid },
            "spec": { "protocol": "PostgreSQL", "upstream": { "host": "h", "database": "d" } },
        }))
        .unwrap()
    };
    assert_eq!(
        owned.of(&connection("c")),
        [(object(), Some("u".to_owned()))]
    );
    assert_eq!(owned.of(&connection("made anew")), []);
}

#[test]
fn every_expected_kind_is_waited_for() {
    let mut owned = Owned::default();
    owned.expect(Kind::Secret);
    owned.expect(Kind::Role);
    owned.relisted(Kind::Role, &BTreeSet::new());
    assert!(!owned.is_complete());
    owned.relisted(Kind::Secret, &BTreeSet::new());
    assert!(owned.is_complete());
}
