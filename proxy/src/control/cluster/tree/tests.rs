use std::os::unix::fs::symlink;

use portcullis_crds::lower::masking::Keys;
use portcullis_crds::reference::{CertificateReference, CertificateSource};
use tempfile::TempDir;

use super::*;

fn write(root: &TempDir, path: &str, content: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn tree(root: &TempDir) -> Tree {
    Tree::new(root.path())
}

fn password(objects: &Objects) -> Option<Vec<u8>> {
    objects.key("shop", "orders", "password")
}

#[test]
fn a_tree_that_is_not_there_is_empty() {
    let root = tempfile::tempdir().unwrap();
    let (look, objects) = tree(&root).read().unwrap();
    assert_eq!(look, Look::default());
    assert!(objects.secret("shop", "orders").is_none());
}

#[test]
fn objects_are_read_by_kind_namespace_name_and_key() {
    let root = tempfile::tempdir().unwrap();
    write(&root, "secrets/shop/orders/password", "hunter2\n");
    write(&root, "secrets/shop/empty/..data/x", "a volume's own");
    write(&root, "configmaps/shop/orders/ca.crt", "no certificate");
    let (_, objects) = tree(&root).read().unwrap();
    assert_eq!(password(&objects).unwrap(), b"hunter2\n");
    assert_eq!(objects.key("other", "orders", "password"), None);
    // It is there, and has no key.
    assert!(objects.secret("shop", "empty").unwrap().is_empty());
    let reference = CertificateReference {
        kind: CertificateSource::ConfigMap,
        name: "orders".to_owned(),
        key: "ca.crt".to_owned(),
    };
    let refused = objects.bundle("shop", &reference).unwrap_err();
    assert!(refused.contains("holds no certificate"), "{refused}");
}

#[test]
fn one_swapped_link_changes_all_of_a_volume_at_once() {
    let root = tempfile::tempdir().unwrap();
    write(&root, "..1/secrets/shop/orders/password", "first");
    write(&root, "..2/secrets/shop/orders/password", "second");
    symlink("..1", root.path().join("..data")).unwrap();
    symlink("..data/secrets", root.path().join("secrets")).unwrap();
    let tree = tree(&root);
    let (look, objects) = tree.read().unwrap();
    assert_eq!(password(&objects).unwrap(), b"first");
    assert_eq!(tree.look().unwrap(), look);
    symlink("..2", root.path().join("..new")).unwrap();
    fs::rename(root.path().join("..new"), root.path().join("..data")).unwrap();
    assert_ne!(tree.look().unwrap(), look);
    assert_eq!(password(&tree.read().unwrap().1).unwrap(), b"second");
}

#[test]
fn what_is_larger_or_more_than_is_taken_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let limit = usize::try_from(MAX_FILE_BYTES).unwrap();
    write(&root, "secrets/shop/orders/password", &"x".repeat(limit));
    assert_eq!(
        password(&tree(&root).read().unwrap().1).unwrap().len(),
        limit
    );
    write(
        &root,
        "secrets/shop/orders/password",
        &"x".repeat(limit + 1),
    );
    let refused = tree(&root).read().unwrap_err();
    assert!(refused.to_string().contains("password has more than"));

    let root = tempfile::tempdir().unwrap();
    // The object itself counts.
    for key in 1..MAX_FILES {
        write(&root, &format!("secrets/shop/orders/{key}"), "");
    }
    tree(&root).read().unwrap();
    write(&root, "secrets/shop/orders/more", "");
    assert!(matches!(tree(&root).read(), Err(TreeError::TooMany)));

    let root = tempfile::tempdir().unwrap();
    let most = MAX_TREE_BYTES / limit;
    for key in 0..most {
        write(
            &root,
            &format!("secrets/shop/orders/{key}"),
            &"x".repeat(limit),
        );
    }
    tree(&root).read().unwrap();
    write(&root, "secrets/shop/orders/more", "x");
    assert!(matches!(tree(&root).read(), Err(TreeError::TooLarge)));
}
