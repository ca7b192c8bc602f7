use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// A folder as a mounted Secret is: its files are links into one that is swapped.
struct Volume(TempDir);

impl Volume {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [CERTIFICATE, KEY] {
            symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    fn swap(&self, version: &str, chain: &str, key: &str) {
        let next = self.0.path().join(version);
        fs::create_dir(&next).unwrap();
        fs::write(next.join(CERTIFICATE), chain).unwrap();
        fs::write(next.join(KEY), key).unwrap();
        let link = self.0.path().join("..data.new");
        symlink(version, &link).unwrap();
        fs::rename(link, self.0.path().join("..data")).unwrap();
    }

    fn mounted(&self) -> Mounted {
        Mounted::new(self.0.path())
    }
}

fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["orders.shop.svc".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

#[test]
fn a_swap_is_seen_and_the_new_certificate_is_used() {
    let volume = Volume::new();
    let ((first, first_key), (second, second_key)) = (pair(), pair());
    volume.swap("..1", &first, &first_key);
    let mounted = volume.mounted();
    let (look, server) = (mounted.look(), mounted.server().unwrap());
    assert_eq!(mounted.look(), look);
    volume.swap("..2", &second, &second_key);
    assert_ne!(mounted.look(), look);
    let next = mounted.server().unwrap();
    assert_ne!(next.chain(), server.chain());
}

#[test]
fn half_of_a_swap_is_refused_as_is_what_is_missing_or_too_large() {
    let volume = Volume::new();
    assert!(matches!(
        volume.mounted().server(),
        Err(NotMounted::File { .. })
    ));
    let ((first, key), (_, other)) = (pair(), pair());
    volume.swap("..1", &first, &other);
    assert!(matches!(volume.mounted().server(), Err(NotMounted::Tls(_))));
    let padding = |bytes: usize| format!("{first}{}", " ".repeat(bytes - first.len()));
    let limit = usize::try_from(MAX_FILE_BYTES).unwrap();
    volume.swap("..2", &padding(limit), &key);
    volume.mounted().server().unwrap();
    volume.swap("..3", &padding(limit + 1), &key);
    assert!(matches!(
        volume.mounted().server(),
        Err(NotMounted::TooLarge(_))
    ));
}
