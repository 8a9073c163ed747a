//! `hubctl console`, from the printed link to the function of the deployment.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use super::{ACCOUNT, Deployment};

/// A running console and its links.
struct Console {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Console {
    fn start(deployment: &Deployment, options: &str) -> Self {
        let mut command = deployment.command(&format!("console --no-open --idle-timeout 60s {options}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next link: its host and port, and its path.
    fn link(&mut self) -> (String, String) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let (address, path) = line.trim().strip_prefix("http://").unwrap().split_once('/').unwrap();
        (address.to_owned(), format!("/{path}"))
    }
}

/// Sends a request and returns the response as text.
fn send(address: &str, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let host = if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    let text = format!("{method} {path} HTTP/1.1\r\n{host}{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

/// The cookie of a response, as a header.
fn cookie(response: &str) -> String {
    let line = response.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
    let pair = line.trim_start_matches("set-cookie: ").split(';').next().unwrap();
    format!("Cookie: {pair}\r\n")
}

#[test]
fn the_console_opens_with_its_link_and_works_on_the_deployment() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let mut console = Console::start(&deployment, "--name production");
    let (address, path) = console.link();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let rebound = send(&address, "GET", &path, "Host: rebound.example\r\n");
    assert!(rebound.starts_with("HTTP/1.1 421"), "{rebound}");
    let opened = send(&address, "GET", &path, "");
    assert!(opened.starts_with("HTTP/1.1 303"), "{opened}");
    let session = cookie(&opened);
    let page = send(&address, "GET", "/integrations", &session);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains(ACCOUNT) && page.contains("production"), "{page}");
    let own = format!("{session}Origin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n");
    let disable = format!("/integrations/{ACCOUNT}/disable");
    assert!(send(&address, "POST", &disable, &session).starts_with("HTTP/1.1 403"));
    assert!(send(&address, "POST", &disable, &own).starts_with("HTTP/1.1 303"));
    assert_eq!(deployment.actions().last().map(String::as_str), Some("integration.disable"));
    // A new link ends the previous session.
    console.child.stdin.as_mut().unwrap().write_all(b"o\n").unwrap();
    let (_, path) = console.link();
    assert!(send(&address, "GET", "/integrations", &session).starts_with("HTTP/1.1 403"));
    assert!(send(&address, "GET", &path, "").starts_with("HTTP/1.1 303"));
}

#[test]
fn a_read_only_console_rejects_changes() {
    let deployment = Deployment::new();
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let mut console = Console::start(&deployment, "--read-only");
    let (address, path) = console.link();
    let session = cookie(&send(&address, "GET", &path, ""));
    let before = deployment.actions().len();
    let own = format!("{session}Origin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n");
    let refused = send(&address, "POST", &format!("/integrations/{ACCOUNT}/disable"), &own);
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert_eq!(deployment.actions().len(), before);
}
