//! The client of the management API: HTTP requests to the deployment's function or to a local router.
//!
//! By default, requests invoke the deployment's function, for which an operator needs only `lambda:InvokeFunction`. With
//! `--local`, the same router runs in this process, with the operator's own credentials.

mod connection;
mod local;
mod problem;
mod request;

use asff::Partition;
use bytes::Bytes;
use futures::future::BoxFuture;
use management::Settings;
use serde_json::Value;

pub(crate) use self::connection::ConnectionArgs;
pub(crate) use self::request::{ApiResponse, Request, read, segment};
use crate::exit::Failure;

/// Entries per page.
const PAGE_ENTRIES: usize = 100;
/// Maximum number of pages: 100,000 entries, more than the account quota of an organization.
const PAGES_MAX: usize = 1_000;

/// The deployed function, or the router in this process.
type Transport =
    Box<dyn Fn(http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, Failure>> + Send + Sync>;

/// The management API.
pub(crate) struct Management {
    transport: Transport,
    /// The partition of the deployment.
    pub(crate) partition: Partition,
    /// The principals that assume roles in other accounts, if known.
    pub(crate) trusted_arns: Vec<String>,
    /// The pattern of the names of roles that the functions can assume, if known.
    pub(crate) role_pattern: Option<String>,
    /// The known settings of the deployment, to validate a file. The deployment checks the rest.
    pub(crate) deployment: Settings,
    /// The Region of the deployment.
    pub(crate) region: String,
    /// The ARN of the caller.
    pub(crate) identity: String,
}

impl Management {
    /// Sends a request. A problem becomes a failure.
    pub(crate) async fn send(&self, request: Request) -> Result<ApiResponse, Failure> {
        let words = request.describe();
        let response = (self.transport)(request.into_http()?).await?;
        if response.status().is_success() {
            ApiResponse::of(&response, &words)
        } else {
            Err(problem::failure(&words, &response))
        }
    }

    /// Forwards a request unchanged, and returns the response, even if it is an error.
    pub(crate) async fn pass(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        (self.transport)(request).await
    }

    /// Reads a resource.
    pub(crate) async fn get(&self, path: impl Into<String>) -> Result<ApiResponse, Failure> {
        self.send(Request::get(path)).await
    }

    /// Reads a resource that may not exist.
    pub(crate) async fn find(&self, path: impl Into<String>) -> Result<Option<ApiResponse>, Failure> {
        let request = Request::get(path);
        let words = request.describe();
        let response = (self.transport)(request.into_http()?).await?;
        match response.status().as_u16() {
            404 => Ok(None),
            200..300 => ApiResponse::of(&response, &words).map(Some),
            _ => Err(problem::failure(&words, &response)),
        }
    }

    /// The entries of a list, page by page, up to `limit`.
    pub(crate) async fn list(&self, path: &str, limit: usize) -> Result<Vec<Value>, Failure> {
        let mut entries: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        let mut page_entries_max = PAGE_ENTRIES;
        for _ in 0..PAGES_MAX {
            let page_entries = (limit - entries.len()).min(page_entries_max);
            let mark = if path.contains('?') { '&' } else { '?' };
            let mut address = format!("{path}{mark}limit={page_entries}");
            if let Some(after) = &after {
                address.push_str(&format!("&after={}", segment(after)));
            }
            let request = Request::get(address);
            let words = request.describe();
            let response = (self.transport)(request.into_http()?).await?;
            if page_entries > 1 && requires_smaller_page(&response) {
                page_entries_max = page_entries / 2;
                continue;
            }
            if !response.status().is_success() {
                return Err(problem::failure(&words, &response));
            }
            let mut body = ApiResponse::of(&response, &words)?.body;
            if let Some(Value::Array(page)) = body.get_mut("items").map(Value::take) {
                entries.extend(page);
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

/// Whether the response would exceed the maximum size of a function's response.
fn requires_smaller_page(response: &http::Response<Bytes>) -> bool {
    let problem = || serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
    response.status() == http::StatusCode::UNPROCESSABLE_ENTITY && problem()["errors"][0]["field"] == "limit"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_that_is_too_large_is_read_in_smaller_pages() {
        let transport: Transport = Box::new(|request| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            Box::pin(async move {
                let number = |name: &str| {
                    let value = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
                    value.and_then(|value| value.parse::<usize>().ok())
                };
                let (limit, from) = (number("limit").unwrap(), number("after").unwrap_or(0));
                // A response can hold 30 entries.
                let (status, body) = if limit > 30 {
                    (422, serde_json::json!({"errors": [{"field": "limit", "message": "too many bytes"}]}))
                } else {
                    let end = (from + limit).min(70);
                    let next = (end < 70).then(|| end.to_string());
                    (200, serde_json::json!({"items": (from..end).collect::<Vec<_>>(), "next": next}))
                };
                let response = http::Response::builder().status(status);
                Ok(response.body(Bytes::from(body.to_string())).unwrap())
            })
        });
        let management = Management {
            transport,
            partition: Partition::Aws,
            trusted_arns: Vec::new(),
            role_pattern: None,
            deployment: Settings::default(),
            region: "eu-west-1".to_owned(),
            identity: String::new(),
        };
        let all = management.list("/audit", 1_000).await.ok().unwrap();
        assert_eq!(all, (0..70).map(Value::from).collect::<Vec<_>>());
    }
}
