use std::sync::Arc;

use portcullis_proxy::protocol::postgres::upstream::{
    Bounds, ConnectFailed, Connected, Connector, Link, Login, ask,
};
use portcullis_proxy::secret::Secret;
use portcullis_proxy::session::ports::{Credential, TlsMode, Upstream};

use crate::server::{Server, shared};

pub(crate) const BOUNDS: Bounds = Bounds {
    rows: 100,
    bytes: 1 << 20,
    time: std::time::Duration::from_secs(20),
};

pub(crate) fn upstream(server: &Server, tls: TlsMode) -> Upstream {
    Upstream {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        database: "postgres".to_owned(),
        databases: Vec::new(),
        tls,
        ca: Some(vec![server.ca.clone()]),
        server_name: Some("db.test".to_owned()),
    }
}

pub(crate) fn credential(user: &str, password: Option<&str>) -> Credential {
    Credential {
        username: user.to_owned(),
        password: password.map(Secret::new),
        certificate: None,
    }
}

async fn connect(to: &Upstream, with: Credential) -> Result<Connected, ConnectFailed> {
    let login = Login {
        database: &to.database,
        minor: 0,
        parameters: &[
            (b"application_name", b"the client's"),
            (b"user", b"postgres"),
        ],
    };
    Connector::new().connect(to, &Arc::new(with), &login).await
}

/// The first value of a query.
pub(crate) async fn value(connected: &mut Connected, query: &str) -> String {
    let mut link = Link {
        stream: &mut connected.stream,
        ahead: &mut connected.ahead,
    };
    let mut found = String::new();
    let answer = ask(&mut link, &[query], BOUNDS, |_, row| {
        found = row[0].unwrap_or("NULL").to_owned();
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(answer.refused, None, "{query}");
    found
}

#[tokio::test]
async fn every_method_logs_in_where_the_mode_allows_it() {
    let server = shared();
    use TlsMode::{Disable, Require, VerifyCa, VerifyFull};
    for (user, password, modes) in [
        (
            "trusted",
            None,
            &[Disable, Require, VerifyCa, VerifyFull][..],
        ),
        (
            "scram",
            Some("pa sswörd"),
            &[Disable, Require, VerifyCa, VerifyFull],
        ),
        ("clear", Some("secret"), &[VerifyFull]),
        ("hashed", Some("secret"), &[VerifyFull]),
    ] {
        for mode in [Disable, Require, VerifyCa, VerifyFull] {
            let result = connect(&upstream(&server, mode), credential(user, password)).await;
            if !modes.contains(&mode) {
                let failed = result.unwrap_err();
                assert!(
                    matches!(failed, ConnectFailed::Insecure(_)),
                    "{user} {mode:?}: {failed}"
                );
                continue;
            }
            let mut connected = result.unwrap_or_else(|e| panic!("{user} {mode:?}: {e}"));
            assert_eq!(connected.tls, mode != Disable);
            assert!(connected.backend_key.is_some());
            let number = value(&mut connected, "SHOW server_version_num").await;
            assert_eq!(number, connected.server_version_num.to_string());
            assert_eq!(value(&mut connected, "SELECT session_user").await, user);
            assert_eq!(
                value(&mut connected, "SHOW application_name").await,
                "the client's"
            );
        }
    }
}

#[tokio::test]
async fn a_client_certificate_proves_the_proxy() {
    let server = shared();
    let (certificate, key) = server.client.clone();
    let with = Credential {
        certificate: Some((Secret::new(certificate), Secret::new(key))),
        ..credential("by_certificate", None)
    };
    let to = upstream(&server, TlsMode::VerifyFull);
    connect(&to, with).await.unwrap();
    let failed = connect(&to, credential("by_certificate", None))
        .await
        .unwrap_err();
    assert!(matches!(failed, ConnectFailed::Rejected { .. }), "{failed}");
}

#[tokio::test]
async fn certificates_are_checked_as_far_as_the_mode_says() {
    let server = shared();
    let with = || credential("trusted", None);
    for (mode, right_ca, right_name, passes) in [
        (TlsMode::VerifyFull, true, true, true),
        (TlsMode::VerifyFull, true, false, false),
        (TlsMode::VerifyFull, false, true, false),
        (TlsMode::VerifyCa, true, false, true),
        (TlsMode::VerifyCa, false, true, false),
        (TlsMode::Require, false, false, true),
    ] {
        let mut to = upstream(&server, mode);
        if !right_ca {
            to.ca = Some(vec![server.other_ca.clone()]);
        }
        if !right_name {
            to.server_name = Some("other.test".to_owned());
        }
        let result = connect(&to, with()).await;
        match passes {
            true => assert!(result.unwrap().tls),
            false => {
                let failed = result.unwrap_err();
                assert!(
                    matches!(failed, ConnectFailed::Tls(_)),
                    "{mode:?}: {failed}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_client_reads_no_address_no_secret_and_no_user_of_ours() {
    let server = shared();
    let to = upstream(&server, TlsMode::VerifyFull);
    let wrong = connect(&to, credential("scram", Some("hunter2")))
        .await
        .unwrap_err();
    let missing = connect(&to, credential("scram", None)).await.unwrap_err();
    let mut elsewhere = to.clone();
    elsewhere.port = 1;
    let unreachable = connect(&elsewhere, credential("scram", None))
        .await
        .unwrap_err();
    let mut absent = to.clone();
    absent.database = "absent".to_owned();
    let absent = connect(&absent, credential("trusted", None))
        .await
        .unwrap_err();
    for (failed, sqlstate, message) in [
        (&wrong, "08004", "the target refused our credential"),
        (
            &missing,
            "08004",
            "the proxy and the target found no way to log in",
        ),
        (&unreachable, "08001", "the target cannot be reached"),
        (&absent, "3D000", "database \"absent\" does not exist"),
    ] {
        let told = failed.told();
        assert_eq!(
            (told.sqlstate.as_str(), told.message.as_str()),
            (sqlstate, message)
        );
    }
    assert!(
        unreachable.to_string().contains("127.0.0.1"),
        "{unreachable}"
    );
    assert!(!format!("{wrong:?} {wrong}").contains("hunter2"));
}
