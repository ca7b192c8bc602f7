//! Who may look after sessions: a token of an issuer of a class, whose groups that class names; in
//! a cluster whoever its API server says may.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::{Answer, Office, problem, unauthorized};
use crate::control::caretaker::{Caretaker, Guard, NotLetIn, SessionVerb, Ward, may};
use crate::identity::{Presented, Purpose};
use crate::secret::Secret;

/// Who is asked whether a bearer may look after sessions.
#[derive(Debug, Clone)]
pub enum Reception {
    /// The classes, by `spec.admin.groups`.
    Classes,
    /// The API server of a cluster.
    Cluster(Arc<dyn Guard>),
}

// === impl Office ===

impl Office {
    /// The bearer, or the answer that refuses.
    pub(super) async fn who(&self, ward: &Ward, request: &Parts) -> Result<Caretaker, Box<Answer>> {
        let Some(token) = token(&request.headers) else {
            let detail = "send a bearer token of somebody who may look after sessions";
            return Err(Box::new(unauthorized(detail)));
        };
        match &self.reception {
            Reception::Classes => by_class(ward, &token).await,
            Reception::Cluster(guard) => by_cluster(guard.as_ref(), ward, &token, request).await,
        }
    }
}

async fn by_class(ward: &Ward, token: &Secret) -> Result<Caretaker, Box<Answer>> {
    // No Connection has an empty name, so what is bound to one opens nothing here.
    let purpose = Purpose {
        namespace: "",
        connection: "",
        audience: None,
    };
    let standing = ward.standing.load_full();
    let mut names = BTreeMap::new();
    let mut proven_somewhere = false;
    for (name, class) in &standing.classes {
        if class.admin_groups.is_empty() {
            continue;
        }
        let now = ward.house.clock.now();
        let proven = class
            .identities
            .prove(Presented::Bearer(token), purpose, now);
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

/// One process serves one Connection there, so who may look after its sessions may after all.
async fn by_cluster(
    guard: &dyn Guard,
    ward: &Ward,
    token: &Secret,
    request: &Parts,
) -> Result<Caretaker, Box<Answer>> {
    let verb = match request.method {
        Method::DELETE => SessionVerb::Delete,
        Method::POST => SessionVerb::Get,
        _ => SessionVerb::List,
    };
    let name = guard.may(token, verb).await.map_err(|refused| {
        Box::new(match refused {
            NotLetIn::Nobody => unauthorized("this token proves nobody here"),
            NotLetIn::Forbidden => problem(
                StatusCode::FORBIDDEN,
                "you may not do this; it takes the verb on connections/sessions",
            ),
            NotLetIn::Unavailable => problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "the API server cannot be asked who you are",
            ),
        })
    })?;
    let standing = ward.standing.load();
    let names = standing.classes.keys();
    let names = names.map(|class| (class.clone(), name.clone())).collect();
    Caretaker::new(names)
        .ok_or_else(|| Box::new(problem(StatusCode::NOT_FOUND, "no Connection is served")))
}

fn token(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    one.then(|| Secret::new(token.trim().as_bytes()))
}
