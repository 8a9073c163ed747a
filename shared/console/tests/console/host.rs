//! A console over the sample data at a fixed time, and a client that sends requests as a browser does.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use exporter::testing::{InMemory, TestClock};
use jiff::Timestamp;
use management::{Service, router};
use tower::ServiceExt as _;
use web_console::{Gate, InProcess, Ports, Settings, console};

#[path = "../../examples/serve/bench.rs"]
mod bench;
pub(crate) use crate::sample;

/// The port in the tests' URLs. No process listens on it.
pub(crate) const PORT: u16 = 8017;
/// The time of the sample data.
const NOW: &str = "2026-11-27T17:42:08Z";

/// A console with its data.
pub(crate) struct Host {
    pub(crate) memory: Arc<InMemory>,
    pub(crate) gate: Arc<Gate>,
    router: Router,
}

/// A response.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The target of a redirect.
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }
}

impl Host {
    /// A console over the sample data.
    pub(crate) fn new() -> Self {
        Self::with(|settings| settings)
    }

    /// A console with other settings.
    pub(crate) fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let now: Timestamp = NOW.parse().unwrap();
        let memory = Arc::new(InMemory::default());
        sample::fill(&memory, now).unwrap();
        memory.contents().clock = TestClock::Fixed(now);
        let deployment =
            management::Settings { secret_prefix: "securityhub-exporter/".to_owned(), ..Default::default() };
        let api = router(Arc::new(Service::new(memory.clone(), deployment)));
        let operator = "arn:aws:sts::111122223333:assumed-role/SecurityAdmin/anna";
        let ports = Ports {
            api: Arc::new(InProcess::new(api, operator)),
            workbench: Some(Arc::new(bench::Bench { memory: memory.clone() })),
        };
        let settings = Settings { now: Arc::new(move || now), identity: operator.to_owned(), ..Settings::new(PORT) };
        let (router, gate) = console(ports, change(settings));
        Self { memory, gate, router }
    }

    /// Sends a request unchanged.
    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (head, body) = response.into_parts();
        let text = String::from_utf8_lossy(&to_bytes(body, usize::MAX).await.unwrap()).into_owned();
        Reply { status: head.status, headers: head.headers, text }
    }

    /// Opens a new link, and returns the cookie of the session.
    pub(crate) async fn open(&self) -> String {
        let link = self.gate.new_link();
        let path = link.strip_prefix("http://127.0.0.1:8017").unwrap();
        let reply = self.send(get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, "/"));
        let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

/// Creates a GET request to the console.
pub(crate) fn get(path: &str) -> axum::http::request::Builder {
    Request::get(path).header(header::HOST, format!("127.0.0.1:{PORT}"))
}

/// A browser that has the session and shows the console's own pages.
pub(crate) struct Browser {
    pub(crate) host: Host,
    cookie: String,
}

impl Browser {
    /// Opens a console over the sample data.
    pub(crate) async fn open() -> Self {
        Self::of(Host::new()).await
    }

    /// Opens this console.
    pub(crate) async fn of(host: Host) -> Self {
        let cookie = host.open().await;
        Self { host, cookie }
    }

    /// Gets a page.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[]).await
    }

    /// Gets a page with further request headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let request = get(path).header(header::COOKIE, &self.cookie).header("sec-fetch-site", "same-origin");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.host.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts a form.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send_form(path, "application/x-www-form-urlencoded", Body::from(body)).await
    }

    /// Posts a form that can have a file: its name and its content.
    pub(crate) async fn upload(&self, path: &str, file: Option<(&str, &[u8])>, fields: &[(&str, &str)]) -> Reply {
        let (name, content) = file.unwrap_or_default();
        let head = format!("--x-y-z\r\nContent-Disposition: form-data; name=\"scan\"; filename=\"{name}\"\r\n\r\n");
        let mut body = [head.as_bytes(), content].concat();
        for (name, value) in fields {
            let field = format!("\r\n--x-y-z\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}");
            body.extend(field.into_bytes());
        }
        body.extend(b"\r\n--x-y-z--\r\n");
        self.send_form(path, "multipart/form-data; boundary=x-y-z", Body::from(body)).await
    }

    async fn send_form(&self, path: &str, content_type: &str, body: Body) -> Reply {
        let request = Request::post(path)
            .header(header::HOST, format!("127.0.0.1:{PORT}"))
            .header(header::COOKIE, &self.cookie)
            .header(header::ORIGIN, format!("http://127.0.0.1:{PORT}"))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, content_type);
        self.host.send(request.body(body).unwrap()).await
    }
}

/// The value of a hidden field on a page.
pub(crate) fn hidden<'a>(html: &'a str, name: &str) -> &'a str {
    let mark = format!("name=\"{name}\" value=\"");
    html.split_once(&mark).and_then(|(_, rest)| rest.split_once('"')).map_or("", |(value, _)| value)
}

/// Removes the HTML escapes of an attribute's value.
pub(crate) fn plain(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        .replace("&#38;", "&")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
}
