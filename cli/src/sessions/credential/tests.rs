use portcullis_recording::store::Store;

use super::{READ, options};

fn of(url: &str, environment: &[(&str, &str)]) -> Vec<(String, String)> {
    let environment = environment.iter();
    let environment = environment.map(|(name, value)| ((*name).into(), (*value).into()));
    options(url, environment).into_iter().collect()
}

#[test]
fn only_what_belongs_to_the_store_is_read() {
    let environment = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_PROFILE", "other"),
        ("AWS_REGION", ""),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("HOME", "/root"),
    ];
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        of("s3://bucket", &environment),
        [pair("aws_access_key_id", "id")]
    );
    assert_eq!(
        of("az://container", &environment),
        [pair("azure_storage_account_name", "account")]
    );
    assert_eq!(of("file:///folder", &environment), []);
}

#[test]
fn a_plain_endpoint_is_taken_where_it_is_written() {
    let plain = of("s3://b", &[("AWS_ENDPOINT_URL", "http://minio:9000")]);
    assert!(plain.contains(&("allow_http".to_owned(), "true".to_owned())));
    let safe = of("s3://b", &[("AWS_ENDPOINT_URL", "https://minio:9000")]);
    assert_eq!(safe.len(), 1);
}

/// Otherwise a variable that is set would keep every store from being opened.
#[test]
fn every_name_is_one_that_the_store_knows() {
    for (schemes, names) in READ {
        for name in names {
            let url = format!("{}://place", schemes[0]);
            let options = options(&url, [((*name).into(), "x".into())].into_iter());
            let refused = Store::open(&url, &options).err();
            let said = refused.map(|it| it.to_string()).unwrap_or_default();
            assert!(!said.contains("has no option"), "{said}");
        }
    }
}
