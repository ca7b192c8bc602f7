//! Who may look after sessions: a token of an issuer of a class, whose groups that class names.

use std::collections::BTreeMap;

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap};

use super::{Answer, Office, problem, unauthorized};
use crate::control::caretaker::{Caretaker, may};
use crate::identity::{Presented, Purpose};
use crate::secret::Secret;

// === impl Office ===

impl Office {
    /// The bearer, or the answer that refuses.
    pub(super) async fn who(&self, headers: &HeaderMap) -> Result<Caretaker, Box<Answer>> {
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
        let standing = self.ward.standing.load_full();
        let mut names = BTreeMap::new();
        let mut proven_somewhere = false;
        for (name, class) in &standing.classes {
            if class.admin_groups.is_empty() {
                continue;
            }
            let now = self.ward.house.clock.now();
            let proven = class
                .identities
                .prove(Presented::Bearer(&token), purpose, now);
            if let Ok(proven) = proven.await {
                proven_somewhere = true;
                if may(class, &proven.subject.groups) {
                    names.insert(name.clone(), proven.subject.username.clone());
                }
            }
        }
        Caretaker::new(names).ok_or_else(|| {
            Box::new(match proven_somewhere {
                true => problem(StatusCode::FORBIDDEN, "your groups may not do this"),
                false => unauthorized("this token proves nobody here"),
            })
        })
    }
}

fn token(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    one.then(|| Secret::new(token.trim().as_bytes()))
}
