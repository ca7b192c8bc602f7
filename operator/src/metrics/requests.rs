//! Requests to the API server, counted where they leave.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::{Request, Response};
use prometheus::IntCounterVec;
use tower::{Layer, Service};

/// What stands for the code of a request that was not answered, as client-go has it.
const NO_ANSWER: &str = "<error>";

/// Counts requests of a client.
#[derive(Debug, Clone)]
pub struct Counting {
    requests: IntCounterVec,
    host: String,
}

/// A client that is counted.
#[derive(Debug, Clone)]
pub struct Counted<S> {
    inner: S,
    counting: Counting,
}

// === impl Counting ===

impl Counting {
    /// `host` is where they go, as the address has it.
    pub fn new(requests: &IntCounterVec, host: &str) -> Self {
        Self {
            requests: requests.clone(),
            host: host.to_owned(),
        }
    }

    fn count(&self, code: &str, method: &str) {
        let labels = [code, &self.host, method];
        self.requests.with_label_values(&labels).inc();
    }
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            counting: self.clone(),
        }
    }
}

// === impl Counted ===

impl<S, B, A> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<A>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = request.method().as_str().to_owned();
        let counting = self.counting.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let code = answer.as_ref().map(|it| it.status());
            match &code {
                Ok(code) => counting.count(code.as_str(), &method),
                Err(_) => counting.count(NO_ANSWER, &method),
            }
            answer
        })
    }
}
