//! A server with scripted responses: tests see the SDK's requests byte by byte, and a response can break off.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A scripted response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The connection closes after this number of bytes of the body, or without a response if the inner value is `None`.
    cut: Option<Option<usize>>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), cut: None }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Closes the connection after `bytes` of the body.
    pub(crate) fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(Some(bytes));
        self
    }

    /// Closes the connection without a response.
    pub(crate) fn none() -> Self {
        Self { cut: Some(None), ..Self::new(200, "") }
    }
}

type Answer = dyn Fn(usize, &Request) -> Reply + Send + Sync;

/// A running server. It stops when it is dropped.
pub(crate) struct Wire {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Wire {
    /// Responds to each request with the result of `answer`, which gets the number of earlier requests.
    pub(crate) async fn serve(answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer): (_, Arc<Answer>) = (requests.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, seen.clone(), answer.clone()));
            }
        });
        Self { url, requests, task }
    }

    /// The requests received so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(mut stream: TcpStream, seen: Arc<Mutex<Vec<Request>>>, answer: Arc<Answer>) {
    let mut pending = Vec::new();
    while let Some(request) = read(&mut stream, &mut pending).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let reply = answer(number, &request);
        let Some(length) = reply.cut.unwrap_or(Some(reply.body.len())) else { return };
        let mut head = format!("HTTP/1.1 {} Answer\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let sent = [head.as_bytes(), &reply.body[..length]].concat();
        if stream.write_all(&sent).await.is_err() || reply.cut.is_some() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, pending: &mut Vec<u8>) -> Option<Request> {
    let head_end = loop {
        if let Some(end) = pending.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(pending).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(pending[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (first.next()?, first.next()?);
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let mut request = Request { method, path, headers: lines.filter_map(header).collect(), body: Vec::new() };
    let length: usize = request.header("content-length").unwrap_or("0").parse().unwrap();
    while pending.len() < head_end + 4 + length {
        if stream.read_buf(pending).await.ok()? == 0 {
            return None;
        }
    }
    request.body = pending[head_end + 4..head_end + 4 + length].to_vec();
    pending.drain(..head_end + 4 + length);
    Some(request)
}
