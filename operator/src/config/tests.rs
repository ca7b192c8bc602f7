use std::time::Duration;

use clap::Parser;

use super::Settings;

fn parse(more: &[&str]) -> Result<Settings, clap::Error> {
    let line = ["portcullis-operator", "--proxy-image=p:1", "--identity=a"];
    Settings::try_parse_from(line.iter().chain(more))
}

#[test]
fn a_line_needs_an_image_and_a_name() {
    let settings = parse(&[]).unwrap();
    assert_eq!(settings.proxy_image, "p:1");
    assert_eq!(settings.lease_duration, Duration::from_secs(15));
    assert_eq!(settings.metrics.to_string(), "0.0.0.0:8080");
    let bare = Settings::try_parse_from(["portcullis-operator"]).unwrap_err();
    assert!(bare.to_string().contains("--proxy-image"), "{bare}");
}

#[test]
fn a_lease_has_bounds() {
    for (text, expected) in [
        ("3s", Some(3)),
        ("2s", None),
        ("10m", Some(600)),
        ("601s", None),
        ("11m", None),
        ("15", None),
        ("s", None),
        ("18446744073709551615m", None),
    ] {
        let parsed = parse(&[&format!("--lease-duration={text}")]);
        let seconds = parsed.ok().map(|it| it.lease_duration.as_secs());
        assert_eq!(seconds, expected, "{text}");
    }
}
