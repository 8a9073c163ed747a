//! Sends responses to CloudFormation with a PUT request to a presigned URL.
//!
//! Guarantees: logs and errors don't contain the URL, which authorizes anyone who has it to respond; responses are sent only to
//! AWS, except if an emulator is used.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use management::host::{ResourceResponse, ResponseUrlPolicy, UntrustedResponseUrl};

/// Maximum number of retries of the PUT request. Without a response, a stack waits for an hour.
const RETRIES_MAX: usize = 3;
/// Delay before the first retry. It doubles with each retry.
const PAUSE: Duration = Duration::from_millis(250);
/// Timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends responses.
pub trait ResponseSender: std::marker::Send + Sync {
    /// Rejects a URL that responses must not be sent to.
    ///
    /// # Errors
    ///
    /// If responses must not be sent to the URL. The error contains the host, but not the signature.
    fn allows(&self, url: &str) -> Result<(), UntrustedResponseUrl>;

    /// Sends a body to a URL. Retries transient failures.
    fn put(&self, url: &str, body: Bytes) -> impl Future<Output = Result<(), SendError>> + std::marker::Send;
}

/// Why a response was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to send the response: {0}")]
pub struct SendError(pub String);

/// Sends responses with HTTPS.
#[derive(Clone, Debug)]
pub struct Https {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    response_url_policy: ResponseUrlPolicy,
}

impl Https {
    /// A client with the system's trusted certificates.
    ///
    /// # Errors
    ///
    /// If the system has no trusted certificates.
    pub fn new(response_url_policy: ResponseUrlPolicy) -> Result<Self, std::io::Error> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
        let connector = match response_url_policy {
            ResponseUrlPolicy::Aws => connector.https_only(),
            ResponseUrlPolicy::Anywhere => connector.https_or_http(),
        };
        let client = Client::builder(TokioExecutor::new()).build(connector.enable_http1().build());
        Ok(Self { client, response_url_policy })
    }

    async fn attempt(&self, url: &str, body: Bytes) -> Result<(), SendError> {
        let request = Request::builder().method(Method::PUT).uri(url).body(Full::new(body));
        let request = request.map_err(|_| SendError("the URL is invalid".to_owned()))?;
        // The HTTP client's error contains no URL, but its causes may. Therefore, the error is not included.
        let response = tokio::time::timeout(ATTEMPT_TIMEOUT, self.client.request(request)).await;
        let response =
            response.map_err(|_| SendError(format!("no response within {} s", ATTEMPT_TIMEOUT.as_secs())))?;
        let status = response.map_err(|_| SendError("the connection failed".to_owned()))?.status();
        if status.is_success() { Ok(()) } else { Err(SendError(format!("HTTP {status}"))) }
    }
}

impl ResponseSender for Https {
    fn allows(&self, url: &str) -> Result<(), UntrustedResponseUrl> {
        self.response_url_policy.allows(url)
    }

    async fn put(&self, url: &str, body: Bytes) -> Result<(), SendError> {
        self.allows(url).map_err(|error| SendError(error.to_string()))?;
        let backoff = ExponentialBuilder::new().with_min_delay(PAUSE).with_max_times(RETRIES_MAX);
        let attempt = || self.attempt(url, body.clone());
        attempt
            .retry(backoff)
            .notify(|error, _| tracing::warn!(%error, "retrying the response to CloudFormation"))
            .await
    }
}

/// The body of a response.
pub fn body(response: &ResourceResponse) -> Bytes {
    serde_json::to_vec(response).map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that rejects some requests, and then accepts one. The task returns the requests.
    async fn server(refusals: usize) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/answers/1?signature=s", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() <= refusals {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 4096];
                let mut length = 0;
                while !String::from_utf8_lossy(&bytes[..length]).ends_with("{}") {
                    length += stream.read(&mut bytes[length..]).await.unwrap();
                }
                seen.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
                let status = if seen.len() <= refusals { "503 No" } else { "200 OK" };
                let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
            seen
        });
        (url, task)
    }

    #[tokio::test]
    async fn a_response_is_sent_until_it_is_accepted() {
        let (url, server) = server(2).await;
        Https::new(ResponseUrlPolicy::Anywhere).unwrap().put(&url, Bytes::from_static(b"{}")).await.unwrap();
        let seen = server.await.unwrap();
        assert_eq!(seen.len(), 3);
        assert!(seen[0].starts_with("PUT /answers/1?signature=s HTTP/1.1\r\n"), "{}", seen[0]);
        // A content type would invalidate the signature, which doesn't include one.
        assert!(!seen[0].to_lowercase().contains("content-type"), "{}", seen[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn errors_do_not_contain_the_url() {
        for response_url_policy in [ResponseUrlPolicy::Anywhere, ResponseUrlPolicy::Aws] {
            let https = Https::new(response_url_policy).unwrap();
            let error = https.put("http://127.0.0.1:1/secret-address?signed", Bytes::new()).await.unwrap_err();
            assert!(!error.to_string().contains("secret-address"), "{error}");
            assert!(!error.to_string().contains("signed"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_response_goes_only_to_aws() {
        let (url, server) = server(0).await;
        let error = Https::new(ResponseUrlPolicy::Aws).unwrap().put(&url, Bytes::from_static(b"{}")).await.unwrap_err();
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
        assert!(!server.is_finished(), "no request was sent");
        server.abort();
    }
}
