//! Brings CloudFormation its answer: a PUT to an address that it signed.
//!
//! Promises: the address is in no log and no error, since whoever has it may answer in our place; an answer goes to AWS only,
//! unless AWS is a program beside us.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use management::host::{Answer, Reach, UntrustedResponseUrl};

/// Retries of the PUT. A stack whose resource does not answer hangs for an hour.
const RETRIES_MAX: usize = 3;
/// The pause before the first retry; it doubles from try to try.
const PAUSE: Duration = Duration::from_millis(250);
/// Time that one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends answers.
pub trait Send: std::marker::Send + Sync {
    /// Refuses an address that answers may not go to.
    ///
    /// # Errors
    ///
    /// Which one it is, without what makes it a secret.
    fn admits(&self, url: &str) -> Result<(), UntrustedResponseUrl>;

    /// Puts a body at an address, tried again where that helps.
    fn put(&self, url: &str, body: Bytes) -> impl Future<Output = Result<(), SendError>> + std::marker::Send;
}

/// Why an answer did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to send the response: {0}")]
pub struct SendError(pub String);

/// By HTTPS.
#[derive(Clone, Debug)]
pub struct Https {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    reach: Reach,
}

impl Https {
    /// A client that trusts whom the system trusts.
    ///
    /// # Errors
    ///
    /// When the system trusts nobody.
    pub fn new(reach: Reach) -> Result<Self, std::io::Error> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
        let connector = match reach {
            Reach::Aws => connector.https_only(),
            Reach::Anywhere => connector.https_or_http(),
        };
        let client = Client::builder(TokioExecutor::new()).build(connector.enable_http1().build());
        Ok(Self { client, reach })
    }

    async fn try_once(&self, url: &str, body: Bytes) -> Result<(), SendError> {
        let request = Request::builder().method(Method::PUT).uri(url).body(Full::new(body));
        let request = request.map_err(|_| SendError("the URL is invalid".to_owned()))?;
        // The client's error names no address, but its causes may.
        let answer = tokio::time::timeout(TRY_TIMEOUT, self.client.request(request)).await;
        let answer = answer.map_err(|_| SendError(format!("no response within {} s", TRY_TIMEOUT.as_secs())))?;
        let status = answer.map_err(|_| SendError("the connection failed".to_owned()))?.status();
        if status.is_success() { Ok(()) } else { Err(SendError(format!("HTTP {status}"))) }
    }
}

impl Send for Https {
    fn admits(&self, url: &str) -> Result<(), UntrustedResponseUrl> {
        self.reach.admits(url)
    }

    async fn put(&self, url: &str, body: Bytes) -> Result<(), SendError> {
        self.admits(url).map_err(|error| SendError(error.to_string()))?;
        let backoff = ExponentialBuilder::new().with_min_delay(PAUSE).with_max_times(RETRIES_MAX);
        let attempt = || self.try_once(url, body.clone());
        attempt
            .retry(backoff)
            .notify(|error, _| tracing::warn!(%error, "retrying the response to CloudFormation"))
            .await
    }
}

/// The body of an answer.
pub fn body(answer: &Answer) -> Bytes {
    serde_json::to_vec(answer).map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that refuses so often, then takes; what it took.
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
    async fn an_answer_is_put_where_it_belongs_until_it_is_taken() {
        let (url, server) = server(2).await;
        Https::new(Reach::Anywhere).unwrap().put(&url, Bytes::from_static(b"{}")).await.unwrap();
        let seen = server.await.unwrap();
        assert_eq!(seen.len(), 3);
        assert!(seen[0].starts_with("PUT /answers/1?signature=s HTTP/1.1\r\n"), "{}", seen[0]);
        // The address is signed for no content type.
        assert!(!seen[0].to_lowercase().contains("content-type"), "{}", seen[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_in_no_error() {
        for reach in [Reach::Anywhere, Reach::Aws] {
            let https = Https::new(reach).unwrap();
            let error = https.put("http://127.0.0.1:1/secret-address?signed", Bytes::new()).await.unwrap_err();
            assert!(!error.to_string().contains("secret-address"), "{error}");
            assert!(!error.to_string().contains("signed"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_goes_nowhere_but_to_aws() {
        let (url, server) = server(0).await;
        let error = Https::new(Reach::Aws).unwrap().put(&url, Bytes::from_static(b"{}")).await.unwrap_err();
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
        assert!(!server.is_finished(), "it was not even called");
        server.abort();
    }
}
