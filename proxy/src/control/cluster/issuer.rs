//! Who issues the tokens of the cluster's service accounts, and its keys.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper::Request;
use serde_json::Value;
use tokio::time::sleep;

use super::world::World;
use super::{Cluster, guard, in_time};
use crate::control::caretaker::NotLetIn;
use crate::control::identity::AccountIssuer;
use crate::identity::config::{Keyring, KeysFrom, NotReviewed, ReviewedBy, Reviewer};
use crate::secret::Secret;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/openid/v1/jwks";

/// How often it is asked again who issues, and how soon where that failed.
const AGAIN: Duration = Duration::from_secs(10 * 60);
const SOON: Duration = Duration::from_secs(5);

/// The API server, asked for its keys.
#[derive(Debug)]
struct ApiServer(Cluster);

#[async_trait]
impl Keyring for ApiServer {
    async fn keys(&self) -> Result<Value, String> {
        get(&self.0, KEYS).await
    }
}

#[async_trait]
impl Reviewer for ApiServer {
    async fn review(&self, token: &Secret, audiences: &[String]) -> Result<String, NotReviewed> {
        let user = guard::who(&self.0, token, Some(audiences)).await;
        let user = user.map_err(|refused| match refused {
            NotLetIn::Nobody | NotLetIn::Forbidden => NotReviewed::TakenBack,
            NotLetIn::Unavailable => {
                NotReviewed::Unavailable("the API server did not review a token".to_owned())
            }
        });
        Ok(user?.username.unwrap_or_default())
    }
}

/// Keeps in the world who issues, until it is dropped.
pub async fn learn(cluster: Cluster, world: World) {
    let server = Arc::new(ApiServer(cluster.clone()));
    let keys = KeysFrom(Arc::clone(&server) as Arc<dyn Keyring>);
    let reviewer = ReviewedBy(server);
    let mut known = String::new();
    let mut told = false;
    loop {
        let issuer = get(&cluster, DISCOVERY).await.and_then(|document| {
            let issuer = document.get("issuer").and_then(Value::as_str);
            issuer.map(str::to_owned).ok_or("names none".to_owned())
        });
        let pause = match issuer {
            Ok(issuer) => {
                if issuer != known {
                    known.clone_from(&issuer);
                    let (keys, reviewer) = (keys.clone(), reviewer.clone());
                    world.change(|seen| {
                        seen.issuer = Some(AccountIssuer {
                            issuer,
                            keys,
                            reviewer,
                        });
                        true
                    });
                }
                told = false;
                AGAIN
            }
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(error, "the issuer of service accounts is not known");
                }
                SOON
            }
        };
        sleep(pause).await;
    }
}

async fn get(cluster: &Cluster, path: &str) -> Result<Value, String> {
    let request = Request::get(path).body(Vec::new());
    let request = request.map_err(|error| error.to_string())?;
    let answer = in_time(cluster.client.request(request)).await;
    answer.map_err(|error| error.to_string())
}
