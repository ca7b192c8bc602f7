use super::*;

fn built(packages: &[(&str, &str)]) -> Vec<Built> {
    let package = |(name, version): &(&str, &str)| Built {
        name: (*name).to_owned(),
        version: (*version).to_owned(),
    };
    packages.iter().map(package).collect()
}

fn naming(dependency: &str) -> [Member; 1] {
    [Member {
        name: "portcullis-policy".to_owned(),
        folder: "policy".to_owned(),
        dependencies: vec![dependency.to_owned()],
        targets: Vec::new(),
    }]
}

fn facts(members: &[Member], packages: &[(&str, &str)]) -> Vec<String> {
    check(members, &built(packages))
        .into_iter()
        .map(|f| f.fact)
        .collect()
}

#[test]
fn every_banned_package_is_found() {
    for (name, why) in BANNED {
        let expected = format!("`{name}` is banned: {why}");
        assert_eq!(
            facts(&[], &[(name, "1.0.0"), ("serde", "1.0.0")]),
            [expected]
        );
    }
}

#[test]
fn a_second_cel_is_found_by_name_and_by_version() {
    let found = facts(&naming("cel"), &[("cel", "0.13.0")]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("`policy` names `cel`"), "{found:?}");
    let found = facts(&[], &[("cel", "0.13.0"), ("cel", "0.15.0")]);
    assert_eq!(found, ["`cel` is there in versions 0.13 and 0.15"]);
}

#[test]
fn two_majors_of_a_direct_dependency_are_found() {
    let packages = [("thiserror", "1.0.69"), ("thiserror", "2.0.21")];
    let found = facts(&naming("thiserror"), &packages);
    assert_eq!(found, ["`thiserror` is there in versions 1 and 2"]);
    assert_eq!(facts(&naming("serde"), &packages), Vec::<String>::new());
}

#[test]
fn compatible_versions_are_one() {
    for (version, part) in [
        ("1.2.3", "1"),
        ("0.13.4", "0.13"),
        ("0.0.7", "0.0.7"),
        ("2.0.0-rc.1+x", "2"),
    ] {
        assert_eq!(compatible(version), part);
    }
    let packages = [("serde", "1.0.1"), ("serde", "1.9.0")];
    assert_eq!(facts(&naming("serde"), &packages), Vec::<String>::new());
}
