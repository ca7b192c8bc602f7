//! What can go wrong in a reconcile, and how soon it is tried again.

use std::time::Duration;

use crate::pki::InvalidAuthority;

/// The first wait after an error that passes by itself.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait after such errors.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The wait after a conflict: somebody else wrote first, and what they wrote is on its way here.
const CONFLICT_WAIT: Duration = Duration::from_millis(200);
/// The wait after what no waiting mends. Somebody's edit sets off a reconcile at once.
const TERMINAL_WAIT: Duration = Duration::from_secs(300);

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("cannot {what}: {source}")]
    Api {
        what: &'static str,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("the CA of the platform: {0}")]
    Authority(#[from] InvalidAuthority),
    /// An object of another is where one of ours should be.
    #[error("{0}")]
    Taken(String),
    /// Something that is made elsewhere is not there yet.
    #[error("waiting for {0}")]
    Waiting(&'static str),
}

/// What an error means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It passes by itself.
    Transient,
    /// Another writer was first.
    Conflict,
    /// The API server understood and refuses: it takes an edit, or a right.
    Terminal,
}

// === impl Failed ===

impl Failed {
    /// The error of an API call that was to do `what`.
    pub fn api(what: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Api {
            what,
            source: Box::new(source),
        }
    }

    pub fn class(&self) -> Class {
        match self {
            Self::Api { source, .. } => class_of(source),
            Self::Authority(_) | Self::Taken(_) => Class::Terminal,
            Self::Waiting(_) => Class::Transient,
        }
    }
}

// === impl Class ===

impl Class {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Conflict => "conflict",
            Self::Terminal => "terminal",
        }
    }

    /// How long to wait after that many failures one after the other.
    pub fn wait(self, failures: u32) -> Duration {
        match self {
            Self::Conflict => CONFLICT_WAIT,
            Self::Terminal => TERMINAL_WAIT,
            Self::Transient => {
                let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
                FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT)
            }
        }
    }
}

/// 409 is a conflict. 4xx is an answer about what was asked, save the codes that say "later";
/// 404 is one of these: a namespace that is being made or removed.
fn class_of(error: &kube::Error) -> Class {
    let kube::Error::Api(status) = error else {
        return Class::Transient;
    };
    match status.code {
        409 => Class::Conflict,
        400 | 403 | 405 | 413 | 415 | 422 => Class::Terminal,
        _ => Class::Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16) -> Failed {
        let status = kube::core::Status {
            code,
            ..kube::core::Status::default()
        };
        Failed::api("try")(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn the_answer_of_the_api_server_tells_how_long_to_wait() {
        for (code, class) in [
            (409, Class::Conflict),
            (422, Class::Terminal),
            (403, Class::Terminal),
            (404, Class::Transient),
            (429, Class::Transient),
            (500, Class::Transient),
            (503, Class::Transient),
        ] {
            assert_eq!(api(code).class(), class, "{code}");
        }
    }

    #[test]
    fn waits_double_up_to_a_minute() {
        let waits: Vec<u128> = [1, 2, 3, 7, 8, 40, u32::MAX]
            .map(|failures| Class::Transient.wait(failures).as_millis())
            .into();
        assert_eq!(waits, [500, 1000, 2000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(Class::Terminal.wait(1), Class::Terminal.wait(9));
    }
}
