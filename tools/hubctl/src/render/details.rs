//! Names and values, one per line. Long values wrap, but words are never broken, so that URLs, paths, and ARNs can be copied.

use super::style::TextStyle;
use super::text;
use crate::config::Style;

/// Spaces between a name and its value.
const GAP: usize = 2;

/// Names and values.
#[derive(Debug, Default)]
pub(crate) struct Details {
    lines: Vec<(TextStyle, &'static str, String)>,
}

impl Details {
    /// Empty details.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a name and its value. Control characters are escaped.
    pub(crate) fn add(&mut self, text_style: TextStyle, name: &'static str, value: impl AsRef<str>) -> &mut Self {
        self.lines.push((text_style, name, text::harmless(value.as_ref())));
        self
    }

    /// The details as text, with line ends.
    pub(crate) fn render(&self, style: Style) -> String {
        let names = self.lines.iter().map(|(_, name, _)| name.len()).max().unwrap_or_default() + GAP;
        let room = usize::from(style.width).saturating_sub(names);
        let mut out = String::new();
        for (text_style, name, value) in &self.lines {
            for (index, line) in wrap(value, room).iter().enumerate() {
                let name = if index == 0 { *name } else { "" };
                out.push_str(&format!("{name:names$}{}\n", text::styled(*text_style, line, style.color)));
            }
        }
        out
    }
}

/// Wraps at `room` characters; longer words are not broken.
fn wrap(value: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in value.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_wrap_between_words_only() {
        let mut details = Details::new();
        details.add(TextStyle::Good, "State", "complete").add(
            TextStyle::Plain,
            "Regions",
            "eu-west-1, us-east-1, us-west-2",
        );
        details.add(TextStyle::Plain, "Report", "s3://a-bucket/with/a/long/key/that/is/copied.json");
        let text = details.render(Style { terminal: false, color: false, width: 30 });
        insta::assert_snapshot!(text, @r"
        State    complete
        Regions  eu-west-1, us-east-1,
                 us-west-2
        Report   s3://a-bucket/with/a/long/key/that/is/copied.json
        ");
    }
}
