//! Reads an access key from a file, standard input, or a prompt. The key itself is never an option: an argument would be visible
//! in the shell's history and in the process list.
//!
//! Guarantee: no output contains a key, including errors.

use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::prompt::Prompt;
use crate::render::Output;

/// Maximum size of a file with a key, in bytes. A session token has about 1,500.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// The supported formats.
const FORMATS: &str = "expected the output of `aws iam create-access-key` or `aws sts assume-role`, the console's CSV, a \
                       section of ~/.aws/credentials, or {\"access_key_id\": ..., \"secret_access_key\": ...}";

/// Source of an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// A prompt at the terminal.
    Prompt,
}

impl KeySource {
    /// The value of `--access-key-file`: a path, or `-`.
    pub(crate) fn named(name: &str) -> Self {
        if name == "-" { Self::Stdin } else { Self::File(PathBuf::from(name)) }
    }
}

/// An access key. It doesn't implement `Debug`, and its memory is cleared on drop.
pub(crate) struct AccessKey {
    id: Zeroizing<String>,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

impl AccessKey {
    /// Reads a key.
    ///
    /// # Errors
    ///
    /// If the file can't be read or contains no key, or there is no terminal for the prompt.
    pub(crate) fn obtain(source: &KeySource, prompt: &mut Prompt, output: &mut Output) -> Result<Self> {
        let (text, name) = match source {
            KeySource::Prompt => return Self::ask(prompt, output),
            KeySource::Stdin => (read(io::stdin().lock())?, "standard input".to_owned()),
            KeySource::File(path) => {
                let name = path.display().to_string();
                let file = std::fs::File::open(path).with_context(|| format!("failed to open {name}"))?;
                (read(file).with_context(|| format!("failed to read {name}"))?, name)
            }
        };
        let no_key = || Failure::new(Exit::Usage, format!("{name} contains no access key")).hint(FORMATS);
        Ok(Self::find(&text).ok_or_else(no_key)?)
    }

    fn ask(prompt: &mut Prompt, output: &mut Output) -> Result<Self> {
        prompt.require_terminal("for the access key", "add --access-key-file FILE, or - for standard input")?;
        let id = Zeroizing::new(prompt.read_line("Access key ID:", output)?);
        let secret = prompt.read_secret("Secret access key (not shown):", output)?;
        // The ID prefix ASIA marks a temporary key, which has a session token (IAM, "Understanding unique ID prefixes").
        let token =
            if id.starts_with("ASIA") { Some(prompt.read_secret("Session token (not shown):", output)?) } else { None };
        Ok(Self { id, secret, token })
    }

    /// Finds the key in any of the supported formats.
    fn find(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('\u{feff}');
        let key = if text.starts_with('{') { of_json(text)? } else { of_settings(text).or_else(|| of_table(text))? };
        (!key.id.is_empty() && !key.secret.is_empty()).then_some(key)
    }

    /// The fields of the API's body.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "access_key_id": *self.id, "secret_access_key": *self.secret });
        if let Some(token) = &self.token {
            body["session_token"] = Value::String(token.as_str().to_owned());
        }
        body
    }
}

fn read(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    from.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn of_json(text: &str) -> Option<AccessKey> {
    let value: Value = serde_json::from_str(text).ok()?;
    let inner = ["AccessKey", "Credentials"].iter().find_map(|name| value.get(name)).unwrap_or(&value);
    let field = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| inner.get(name)?.as_str());
        found.filter(|text| !text.is_empty()).map(|text| Zeroizing::new(text.to_owned()))
    };
    Some(AccessKey {
        id: field(["access_key_id", "AccessKeyId"])?,
        secret: field(["secret_access_key", "SecretAccessKey"])?,
        token: field(["session_token", "SessionToken"]),
    })
}

/// `aws_access_key_id = ...` lines, of one section.
fn of_settings(text: &str) -> Option<AccessKey> {
    let field = |wanted: &str| {
        let mut found = text.lines().filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim().eq_ignore_ascii_case(wanted)).then(|| Zeroizing::new(value.trim().to_owned()))
        });
        let first = found.next()?;
        // Two sections are ambiguous.
        found.next().is_none().then_some(first)
    };
    Some(AccessKey {
        id: field("aws_access_key_id")?,
        secret: field("aws_secret_access_key")?,
        token: field("aws_session_token"),
    })
}

/// The CSV that the AWS console offers for download: a header and a row.
fn of_table(text: &str) -> Option<AccessKey> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
    let (headings, cells) = (lines.next()?, lines.next()?);
    let field = |wanted: &str| {
        let column = headings.iter().position(|heading| heading.eq_ignore_ascii_case(wanted))?;
        cells.get(column).map(|cell| Zeroizing::new((*cell).to_owned()))
    };
    Some(AccessKey { id: field("Access key ID")?, secret: field("Secret access key")?, token: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_format_that_aws_issues() {
        for text in [
            r#"{"access_key_id":"AKIA1","secret_access_key":"s/1"}"#,
            r#"{"AccessKey":{"UserName":"x","AccessKeyId":"AKIA1","Status":"Active","SecretAccessKey":"s/1"}}"#,
            "[default]\naws_access_key_id = AKIA1\naws_secret_access_key=s/1\nregion = eu-west-1\n",
            "\u{feff}Access key ID,Secret access key\r\nAKIA1,s/1\r\n",
            "User name,Password,Access key ID,Secret access key,Console login link\nx,,AKIA1,s/1,https://x\n",
        ] {
            let key = AccessKey::find(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(key.body(), json!({ "access_key_id": "AKIA1", "secret_access_key": "s/1" }), "{text}");
        }
        let temporary = r#"{"Credentials":{"AccessKeyId":"ASIA1","SecretAccessKey":"s","SessionToken":"t"}}"#;
        assert_eq!(AccessKey::find(temporary).unwrap().body()["session_token"], "t");
    }

    #[test]
    fn text_without_a_key_is_rejected() {
        for text in [
            "",
            "{",
            "{}",
            "AKIA1",
            "AKIA1 s1",
            r#"{"access_key_id":"AKIA1","secret_access_key":""}"#,
            "[a]\naws_access_key_id=1\naws_secret_access_key=2\n[b]\naws_access_key_id=3\naws_secret_access_key=4\n",
        ] {
            assert!(AccessKey::find(text).is_none(), "{text}");
        }
    }
}
