//! The little of XML that the answers of the signed calls need: texts of elements, and the code and the message of an error.
//! An element's name must be unique where it is looked for.

use std::borrow::Cow;

use crate::raw_call::signed::CodeAndWords;

/// The characters that XML escapes; the ampersand last, so that nothing is decoded twice.
const ENTITIES: [(&str, &str); 7] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&#34;", "\""), ("&amp;", "&")];

/// The text of the first element of a name. None: no such element.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(decoded(text.trim()))
}

/// The code and the message of an error, of the query protocol and of EC2's form of it.
pub(crate) fn error(answer: &[u8]) -> CodeAndWords {
    let answer = String::from_utf8_lossy(answer);
    let text = |name: &str| element(&answer, name).map(Cow::into_owned);
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
    fn a_text_is_decoded_once() {
        let xml = "<a><b> 1 &lt; 2 &amp;&amp; &quot;x&quot; is &apos;y&#39;, &amp;lt; stays </b></a>";
        assert_eq!(element(xml, "b").unwrap(), "1 < 2 && \"x\" is 'y', &lt; stays");
        assert_eq!(element("<b></b>", "b").unwrap(), "");
        assert!(element(xml, "c").is_none() && element("<b>cut off", "b").is_none());
    }

    #[test]
    fn an_error_has_its_code_and_its_message() {
        let answer =
            b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message>\
                       </Error></ErrorResponse>";
        assert_eq!(error(answer), (Some("Throttling".to_owned()), Some("Rate exceeded".to_owned())));
        assert_eq!(error(b"<html>a proxy's page</html>"), (None, None));
    }
}
