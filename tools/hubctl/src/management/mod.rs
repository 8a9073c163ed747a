//! The managing API as hubctl's commands see it: one client over HTTP requests, whoever answers them.
//!
//! By default the deployment's function does, so that an operator needs leave to invoke it and nothing else. With `--local`
//! the same router runs in this process, under the operator's own credentials.

mod local;
mod problem;
mod reach;
mod request;

use asff::Partition;
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::Value;

pub(crate) use self::reach::Reach;
pub(crate) use self::request::{Answer, Request, segment};
use crate::exit::Failure;

/// Entries that are asked for at once.
const PAGE_ENTRIES: usize = 100;
/// Parts of a list that are read at most: 100,000 entries, more than AWS lets an organisation have accounts.
const PAGES_MAX: usize = 1_000;

/// Whoever answers: the function, or the router in this process.
type Transport =
    Box<dyn Fn(http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, Failure>> + Send + Sync>;

/// The managing API.
pub(crate) struct Management {
    transport: Transport,
    /// The partition of the deployment.
    pub(crate) partition: Partition,
    /// Who assumes the roles of other accounts, where that is known.
    pub(crate) trusted_arns: Vec<String>,
    /// The pattern of the names of the roles that the functions may assume, where it is known.
    pub(crate) role_pattern: Option<String>,
    /// How the names of the secrets begin that the deployment may read, where that is known.
    pub(crate) secret_prefix: Option<String>,
    /// The Region of the deployment.
    pub(crate) region: String,
}

impl Management {
    /// Asks, and makes a failure of a refusal.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let words = request.words();
        let response = (self.transport)(request.into_http()?).await?;
        if response.status().is_success() {
            Answer::of(&response, &words)
        } else {
            Err(problem::failure(&words, &response))
        }
    }

    /// Looks at one thing.
    pub(crate) async fn get(&self, path: impl Into<String>) -> Result<Answer, Failure> {
        self.send(Request::get(path)).await
    }

    /// Looks at one thing that there may be.
    pub(crate) async fn find(&self, path: impl Into<String>) -> Result<Option<Answer>, Failure> {
        let request = Request::get(path);
        let words = request.words();
        let response = (self.transport)(request.into_http()?).await?;
        match response.status().as_u16() {
            404 => Ok(None),
            200..300 => Answer::of(&response, &words).map(Some),
            _ => Err(problem::failure(&words, &response)),
        }
    }

    /// The entries of a list, part by part, `limit` at most.
    pub(crate) async fn list(&self, path: &str, limit: usize) -> Result<Vec<Value>, Failure> {
        let mut entries: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let room = (limit - entries.len()).min(PAGE_ENTRIES);
            let mark = if path.contains('?') { '&' } else { '?' };
            let mut address = format!("{path}{mark}limit={room}");
            if let Some(after) = &after {
                address.push_str(&format!("&after={}", segment(after)));
            }
            let mut body = self.get(address).await?.body;
            if let Some(Value::Array(part)) = body.get_mut("items").map(Value::take) {
                entries.extend(part);
            }
            after = body["next"].as_str().map(str::to_owned);
            if after.is_none() || entries.len() >= limit {
                break;
            }
        }
        entries.truncate(limit);
        Ok(entries)
    }
}
