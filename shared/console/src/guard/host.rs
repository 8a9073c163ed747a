//! The Host header must be exactly the console's own address. This check alone prevents DNS rebinding.

use axum::http::{HeaderMap, Uri, header};

/// The addresses of the console: host and port.
pub(super) fn names(port: u16) -> [String; 2] {
    [format!("127.0.0.1:{port}"), format!("localhost:{port}")]
}

/// Whether the Host header of a request is an address of the console, byte for byte.
pub(super) fn is_own(headers: &HeaderMap, uri: &Uri, port: u16) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let names = names(port);
    let is_name = |text: &[u8]| names.iter().any(|name| name.as_bytes() == text);
    is_name(host.as_bytes()) && uri.authority().is_none_or(|authority| is_name(authority.as_str().as_bytes()))
}
