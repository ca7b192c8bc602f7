//! A real S3 server in a process of its own, which a test starts, kills and starts again.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use portcullis_recording::store::{Options, Store};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;

const ADDRESS: &str = "PORTCULLIS_TEST_S3_ADDRESS";
const FOLDER: &str = "PORTCULLIS_TEST_S3_FOLDER";
const ACCESS_KEY: &str = "test-id";
const SECRET_KEY: &str = "test-secret";
pub(crate) const BUCKET: &str = "recordings";

/// The server's folder and address, and its process while it runs.
pub(crate) struct Server {
    folder: TempDir,
    address: SocketAddr,
    process: Option<Child>,
}

// === impl Server ===

impl Server {
    /// A new folder with an empty bucket, and a running server.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        // A port that was free a moment ago; the server keeps it over restarts.
        let address = StdListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut server = Self {
            folder,
            address,
            process: None,
        };
        server.restart();
        server
    }

    /// Runs this test's own program again, as the server.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "s3_server_process"])
            .env(ADDRESS, self.address.to_string())
            .env(FOLDER, self.folder.path())
            // It ends with this pipe, so that none stays behind if this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(child);
        for _ in 0..600 {
            if TcpStream::connect(self.address).is_ok() {
                return;
            }
            pause(Duration::from_millis(50));
        }
        panic!("the S3 server did not start within 30 seconds");
    }

    /// SIGKILL, as an outage does it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn store(&self, prefix: &str) -> Store {
        self.store_as(prefix, SECRET_KEY)
    }

    pub(crate) fn store_as(&self, prefix: &str, secret: &str) -> Store {
        let endpoint = format!("http://{}", self.address);
        let options = [
            ("endpoint", endpoint.as_str()),
            ("allow_http", "true"),
            ("region", "us-east-1"),
            ("access_key_id", ACCESS_KEY),
            ("secret_access_key", secret),
            ("timeout", "5s"),
        ];
        let options: Options = options
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Store::open(&format!("s3://{BUCKET}/{prefix}"), &options).unwrap()
    }

    /// Where the server keeps the bucket's objects.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the server's process does. Does nothing when a person runs it.
pub(crate) fn serve() {
    let (Ok(address), Ok(folder)) = (std::env::var(ADDRESS), std::env::var(FOLDER)) else {
        return;
    };
    std::thread::spawn(|| {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).unwrap_or(0) > 0 {}
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(answer(address.parse().unwrap(), Path::new(&folder)));
}

async fn answer(address: SocketAddr, folder: &Path) {
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let http = Builder::new(TokioExecutor::new());
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let connection = http
            .serve_connection(TokioIo::new(socket), service.clone())
            .into_owned();
        tokio::spawn(connection);
    }
}

fn pause(time: Duration) {
    #[allow(
        clippy::disallowed_methods,
        reason = "no runtime is here whose thread it could block"
    )]
    std::thread::sleep(time);
}
