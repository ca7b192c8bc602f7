//! Settings of the process, parsed once. A chart writes what Kubernetes knows (`$(POD_NAME)`) into
//! the flags, so there is no second way in.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// The shortest lease: below it, a slow answer of the API server would end a healthy holder.
pub const MIN_LEASE: Duration = Duration::from_secs(3);
/// The longest lease: as long nobody would write after a holder died.
pub const MAX_LEASE: Duration = Duration::from_secs(600);

/// Controllers of Portcullis: they make proxies of Connections, and keep the status of all its
/// resources.
#[derive(Debug, Clone, Parser)]
#[command(name = "portcullis-operator", version)]
pub struct Settings {
    /// Image of the proxies whose class names none.
    #[arg(long, value_name = "IMAGE")]
    pub proxy_image: String,
    /// Name of this replica among its peers: the pod's.
    #[arg(long, value_name = "NAME")]
    pub identity: String,
    /// Address of probes and metrics.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8080")]
    pub metrics: SocketAddr,
    /// Address of the admission webhooks.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:9443")]
    pub webhook: SocketAddr,
    /// How long the others wait for a holder of the lease that is silent, 3s to 10m.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = lease)]
    pub lease_duration: Duration,
    /// How many objects of one kind are worked on at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: u16,
    /// Form of the logs on standard error; auto is text on a terminal and json elsewhere.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogForm::Auto)]
    pub log_form: LogForm,
    /// What is logged: error, warn, info, debug or trace, or targets with a level each.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log_filter: String,
}

/// Form of the logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    #[default]
    Auto,
    Text,
    Json,
}

/// Digits and one of `s`, `m`.
fn lease(text: &str) -> Result<Duration, String> {
    let wrong = || "write digits and s or m, such as 15s".to_owned();
    let (digits, scale) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1),
        (_, Some(digits)) => (digits, 60),
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let time = Duration::from_secs(number.saturating_mul(scale));
    if time < MIN_LEASE || time > MAX_LEASE {
        return Err("must be between 3s and 10m".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests;
