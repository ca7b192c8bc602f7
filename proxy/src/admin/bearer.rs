//! Who may look after sessions: a token of an issuer of a class, whose groups that class names.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap};

use super::{Answer, Office, problem, unauthorized};
use crate::identity::{Presented, Purpose};
use crate::secret::Secret;

// === impl Office ===

impl Office {
    /// The username of the bearer, or the answer that refuses.
    pub(super) async fn who(&self, headers: &HeaderMap) -> Result<String, Box<Answer>> {
        let Some(token) = token(headers) else {
            let detail = "send a bearer token of somebody in spec.admin.groups of a class";
            return Err(Box::new(unauthorized(detail)));
        };
        // No Connection has an empty name, so what is bound to one opens nothing here.
        let purpose = Purpose {
            namespace: "",
            connection: "",
            audience: None,
        };
        let standing = self.standing.load_full();
        let mut proven_somewhere = false;
        for class in standing.classes.values() {
            if class.admin_groups.is_empty() {
                continue;
            }
            let now = self.house.clock.now();
            let proven = class
                .identities
                .prove(Presented::Bearer(&token), purpose, now);
            if let Ok(proven) = proven.await {
                proven_somewhere = true;
                let groups = &proven.subject.groups;
                if class
                    .admin_groups
                    .iter()
                    .any(|group| groups.contains(group))
                {
                    return Ok(proven.subject.username.clone());
                }
            }
        }
        Err(Box::new(match proven_somewhere {
            true => problem(StatusCode::FORBIDDEN, "your groups may not do this"),
            false => unauthorized("this token proves nobody here"),
        }))
    }
}

fn token(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    one.then(|| Secret::new(token.trim().as_bytes()))
}
