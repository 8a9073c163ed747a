//! Minimal XML parser for the responses of signed calls: text of elements, and code and message of an error. The name of an
//! element must be unique in the searched text.

use std::borrow::Cow;

use crate::raw_call::signed::CodeAndMessage;

/// The characters that XML escapes. The ampersand is last, so that nothing is decoded twice.
const ENTITIES: [(&str, &str); 7] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&#34;", "\""), ("&amp;", "&")];

/// Text of the first element with a name. `None` if not found.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(decoded(text.trim()))
}

/// Code and message of an error, in the query protocol and EC2's variant.
pub(crate) fn error(response: &[u8]) -> CodeAndMessage {
    let response = String::from_utf8_lossy(response);
    let text = |name: &str| element(&response, name).map(Cow::into_owned);
    (text("Code"), text("Message"))
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(ENTITIES.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_once() {
        let xml = "<a><b> 1 &lt; 2 &amp;&amp; &quot;x&quot; is &apos;y&#39;, &amp;lt; stays </b></a>";
        assert_eq!(element(xml, "b").unwrap(), "1 < 2 && \"x\" is 'y', &lt; stays");
        assert_eq!(element("<b></b>", "b").unwrap(), "");
        assert!(element(xml, "c").is_none() && element("<b>cut off", "b").is_none());
    }

    #[test]
    fn an_error_response_has_a_code_and_a_message() {
        let response =
            b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message>\
                       </Error></ErrorResponse>";
        assert_eq!(error(response), (Some("Throttling".to_owned()), Some("Rate exceeded".to_owned())));
        assert_eq!(error(b"<html>a proxy's page</html>"), (None, None));
    }
}
