//! From a URL and options to a store.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use url::Url;

use super::Store;

/// Settings of a store by name, such as `region`, `endpoint`, `access_key_id`,
/// `service_account_path`, `account_key`, `timeout`. The names are those of the
/// `object_store` crate, with or without the vendor's prefix.
pub type Options = BTreeMap<String, String>;

/// What is wrong with a store's address or settings. Values of options are never
/// told: they may be secret.
#[derive(Debug, thiserror::Error)]
pub enum InvalidStore {
    #[error("{url} is not a URL: {source}")]
    NotAUrl {
        url: String,
        source: url::ParseError,
    },
    #[error("a store's URL carries no password, query or fragment")]
    UrlWithExtras,
    #[error("no store for {scheme}: URLs; there are file:, s3:, gs:, az: and abfss:")]
    UnknownScheme { scheme: String },
    #[error("{url}: {why}")]
    BadUrl { url: String, why: String },
    #[error("{store} has no option {option}")]
    UnknownOption { store: &'static str, option: String },
    #[error("the directory {path} cannot be used: {source}")]
    Directory {
        path: String,
        source: Box<object_store::Error>,
    },
    #[error("{store} cannot be used with these options: {source}")]
    Settings {
        store: &'static str,
        source: Box<object_store::Error>,
    },
}

// === impl Store ===

impl Store {
    /// `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix`,
    /// `az://container/prefix` or `abfss://container@account.host/prefix`.
    pub fn open(url: &str, options: &Options) -> Result<Self, InvalidStore> {
        let parsed = Url::parse(url).map_err(|source| InvalidStore::NotAUrl {
            url: url.to_owned(),
            source,
        })?;
        if parsed.password().is_some() || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(InvalidStore::UrlWithExtras);
        }
        if parsed.scheme() == "file" {
            return open_directory(&parsed, options);
        }
        if parsed.host_str().is_none_or(str::is_empty) {
            let why = "it names no bucket".to_owned();
            return Err(InvalidStore::BadUrl {
                url: url.to_owned(),
                why,
            });
        }
        let inner: Arc<dyn ObjectStore> = match parsed.scheme() {
            "s3" | "s3a" => Arc::new(s3(url, options)?),
            "gs" => Arc::new(gcs(url, options)?),
            "az" | "abfs" | "abfss" => Arc::new(azure(url, options)?),
            other => {
                return Err(InvalidStore::UnknownScheme {
                    scheme: other.to_owned(),
                });
            }
        };
        let prefix = Path::from_url_path(parsed.path()).map_err(|error| InvalidStore::BadUrl {
            url: url.to_owned(),
            why: error.to_string(),
        })?;
        Ok(Self {
            inner: below(inner, prefix),
            place: url.to_owned(),
            folder: None,
        })
    }

    /// A directory that exists. What is written is synced before it counts.
    pub fn directory(path: &FilePath) -> Result<Self, InvalidStore> {
        let files = LocalFileSystem::new_with_prefix(path).map_err(|source| {
            let path = path.display().to_string();
            InvalidStore::Directory {
                path,
                source: Box::new(source),
            }
        })?;
        let inner = Arc::new(files.with_fsync(true));
        Ok(Self {
            inner,
            place: path.display().to_string(),
            folder: Some(path.to_owned()),
        })
    }
}

fn open_directory(url: &Url, options: &Options) -> Result<Store, InvalidStore> {
    if let Some(option) = options.keys().next() {
        let option = option.clone();
        return Err(InvalidStore::UnknownOption {
            store: "a directory",
            option,
        });
    }
    let path = url.to_file_path().map_err(|()| InvalidStore::BadUrl {
        url: url.to_string(),
        why: "not a path on this machine".to_owned(),
    })?;
    Store::directory(&path)
}

fn s3(url: &str, options: &Options) -> Result<impl ObjectStore, InvalidStore> {
    let mut builder = AmazonS3Builder::new().with_url(url).with_retry(retry());
    for (option, value) in options {
        let key = option.parse().map_err(|_| unknown_option("S3", option))?;
        builder = builder.with_config(key, value);
    }
    builder.build().map_err(|source| settings("S3", source))
}

fn gcs(url: &str, options: &Options) -> Result<impl ObjectStore, InvalidStore> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_url(url)
        .with_retry(retry());
    for (option, value) in options {
        let key = option
            .parse()
            .map_err(|_| unknown_option("Google Cloud Storage", option))?;
        builder = builder.with_config(key, value);
    }
    builder
        .build()
        .map_err(|source| settings("Google Cloud Storage", source))
}

fn azure(url: &str, options: &Options) -> Result<impl ObjectStore, InvalidStore> {
    let mut builder = MicrosoftAzureBuilder::new()
        .with_url(url)
        .with_retry(retry());
    for (option, value) in options {
        let key = option
            .parse()
            .map_err(|_| unknown_option("Azure Blob Storage", option))?;
        builder = builder.with_config(key, value);
    }
    builder
        .build()
        .map_err(|source| settings("Azure Blob Storage", source))
}

/// A few quick attempts for one lost packet. What lasts longer is the caller's:
/// an uploader backs off, a reader says what it could not read.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: 2,
        retry_timeout: Duration::from_secs(30),
    }
}

fn below(inner: Arc<dyn ObjectStore>, prefix: Path) -> Arc<dyn ObjectStore> {
    if prefix.is_root() {
        inner
    } else {
        Arc::new(PrefixStore::new(inner, prefix))
    }
}

fn unknown_option(store: &'static str, option: &str) -> InvalidStore {
    InvalidStore::UnknownOption {
        store,
        option: option.to_owned(),
    }
}

fn settings(store: &'static str, source: object_store::Error) -> InvalidStore {
    InvalidStore::Settings {
        store,
        source: Box::new(source),
    }
}
