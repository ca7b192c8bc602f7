use super::*;

fn parse(line: &[&str]) -> Result<Standalone, clap::Error> {
    let words = ["portcullis-proxy"].iter().chain(line).map(Into::into);
    let wrong = || clap::Error::raw(ErrorKind::InvalidSubcommand, "cluster");
    Settings::parse_from_line(words).and_then(|settings| match settings.mode {
        Mode::Standalone(run) => Ok(run),
        Mode::Cluster(_) => Err(wrong()),
    })
}

/// In a pod that the downward API describes by flags here.
fn in_cluster(more: &[&str]) -> Result<Cluster, clap::Error> {
    let line = "portcullis-proxy cluster --namespace shop --connection orders --objects o --state s \
                --pod-name orders-0 --pod-uid 5d3c --pod-ip 10.244.0.7";
    let line = line.split(' ').filter(|word| !word.is_empty());
    let line = line.chain(more.iter().copied()).map(Into::into);
    let wrong = || clap::Error::raw(ErrorKind::InvalidSubcommand, "standalone");
    Settings::parse_from_line(line).and_then(|settings| match settings.mode {
        Mode::Cluster(run) => Ok(run),
        Mode::Standalone(_) => Err(wrong()),
    })
}

#[test]
fn a_proxy_of_a_cluster_listens_everywhere_and_so_needs_a_certificate() {
    let run = in_cluster(&["--certificate", "c"]).unwrap();
    assert_eq!(run.bind, "0.0.0.0".parse::<IpAddr>().unwrap());
    assert_eq!(run.admin, "0.0.0.0:9090".parse().unwrap());
    assert_eq!((run.port, run.caller), (None, None));
    in_cluster(&[]).unwrap_err();
    let sidecar = [
        "--bind",
        "127.0.0.1",
        "--port",
        "15432",
        "--caller",
        "shop/web",
    ];
    let run = in_cluster(&sidecar).unwrap();
    assert_eq!(run.caller, Some(("shop".to_owned(), "web".to_owned())));
    assert_eq!(run.port, Some(15432));
}

#[test]
fn nobody_is_taken_for_a_service_account_at_an_address_that_others_reach() {
    for bind in ["0.0.0.0", "10.244.0.7", "::"] {
        let line = ["--certificate", "c", "--bind", bind, "--caller", "shop/web"];
        in_cluster(&line).unwrap_err();
    }
    for caller in [
        "web",
        "shop/",
        "/web",
        "shop/web/x",
        "shop/web:x",
        "Shop/web",
    ] {
        in_cluster(&["--bind", "127.0.0.1", "--caller", caller]).unwrap_err();
    }
}

#[test]
fn defaults_listen_on_loopback_only() {
    let run = parse(&["standalone", "--config", "c", "--state", "s"]).unwrap();
    assert_eq!(run.bind, "127.0.0.1".parse::<IpAddr>().unwrap());
    assert_eq!(run.admin, "127.0.0.1:9090".parse().unwrap());
    assert_eq!(run.replica, 0);
    assert_eq!(run.peers, []);
    assert_eq!(run.threads, None);
    assert_eq!(run.heads, None);
    assert_eq!(run.drain_timeout, Duration::from_secs(30));
}

#[test]
fn every_flag_is_read() {
    let run = parse(&[
        "standalone",
        "--config",
        "c",
        "--state",
        "s",
        "--bind",
        "::1",
        "--admin",
        "[::1]:0",
        "--peer",
        "10.0.0.7:5432",
        "--peer",
        "10.0.0.8:5432",
        "--replica",
        "65535",
        "--drain-timeout",
        "1500ms",
        "--threads",
        "3",
        "--log-form",
        "json",
        "--log-filter",
        "debug",
    ])
    .unwrap();
    assert_eq!(run.bind, "::1".parse::<IpAddr>().unwrap());
    assert_eq!(run.admin.port(), 0);
    assert_eq!(run.peers.len(), 2);
    assert_eq!(run.replica, u16::MAX);
    assert_eq!(run.threads, Some(3));
    assert_eq!(run.drain_timeout, Duration::from_millis(1500));
    assert_eq!(run.logs.log_form, LogForm::Json);
}

#[test]
fn what_is_wrong_exits_with_two() {
    for line in [
        &["standalone"][..],
        &[],
        &["standalone", "--config", "c"],
        &[
            "standalone",
            "--config",
            "c",
            "--state",
            "s",
            "--bind",
            "localhost",
        ],
        &[
            "standalone",
            "--config",
            "c",
            "--state",
            "s",
            "--replica",
            "65536",
        ],
        &[
            "standalone",
            "--config",
            "c",
            "--state",
            "s",
            "--drain-timeout",
            "30",
        ],
        &[
            "standalone",
            "--config",
            "c",
            "--state",
            "s",
            "--drain-timeout",
            "61m",
        ],
        &[
            "standalone",
            "--config",
            "c",
            "--state",
            "s",
            "--drain-timeout",
            "s",
        ],
        &["standalone", "--config", "c", "--state", "s", "--unknown"],
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line:?}");
    }
    assert!(
        parse(&[
            "standalone",
            "--config",
            "c",
            "--state",
            "s",
            "--drain-timeout",
            "60m"
        ])
        .is_ok()
    );
}

#[test]
fn peers_are_bounded() {
    let line = |peers: usize| {
        let mut line = vec!["standalone", "--config", "c", "--state", "s"];
        line.extend(["--peer", "127.0.0.1:1"].repeat(peers));
        parse(&line)
    };
    assert!(line(MAX_PEERS).is_ok());
    assert_eq!(line(MAX_PEERS + 1).unwrap_err().exit_code(), 2);
}

#[test]
fn no_threads_and_too_many_are_refused() {
    let threads = |count: &str| {
        let line = [
            "standalone",
            "--config",
            "c",
            "--state",
            "s",
            "--threads",
            count,
        ];
        parse(&line).map(|run| run.threads)
    };
    assert_eq!(threads("1024").unwrap(), Some(1024));
    for count in ["0", "1025", "-1", "many"] {
        assert!(threads(count).is_err(), "{count}");
    }
}
