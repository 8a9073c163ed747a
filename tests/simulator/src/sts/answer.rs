//! Responses of the query protocol.

use std::fmt::Write;

use serde_json::json;

use crate::operation::Operation;
use crate::response::Response;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
pub(super) const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// A success with elements in this order. A name with a slash is an element within another one.
pub(super) fn success(operation: Operation, fields: &[(&str, &str)]) -> Response {
    let name = operation.name();
    let mut xml = format!("<{name}Response xmlns=\"{NAMESPACE}\"><{name}Result>");
    let mut open = "";
    for (path, value) in fields {
        let (parent, leaf) = path.split_once('/').unwrap_or(("", path));
        if parent != open {
            close(&mut xml, open);
            if !parent.is_empty() {
                let _ = write!(xml, "<{parent}>");
            }
            open = parent;
        }
        let _ = write!(xml, "<{leaf}>{}</{leaf}>", escape(value));
    }
    close(&mut xml, open);
    let _ = write!(
        xml,
        "</{name}Result><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{name}Response>"
    );
    with_xml(200, None, xml)
}

/// An error.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let message = escape(message);
    let xml = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message>\
         </Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    );
    with_xml(status, Some(code), xml)
}

fn close(xml: &mut String, element: &str) {
    if !element.is_empty() {
        let _ = write!(xml, "</{element}>");
    }
}

pub(super) fn with_xml(status: u16, code: Option<&str>, xml: String) -> Response {
    let mut response = Response::ok(&json!({}));
    response.status = status;
    response.error_type = code.map(str::to_owned);
    response.content_type = "text/xml";
    response.body = xml.into_bytes();
    response
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
