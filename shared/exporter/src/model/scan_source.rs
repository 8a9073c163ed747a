//! Which uploads are authorized for an account: the sources of scans that an integration accepts.

use std::str::FromStr;

use asff::AccountId;
use serde::{Deserialize, Serialize};

use crate::model::upload::UploadInfo;

/// The placeholder for the ID of the account that a finding belongs to.
pub const ACCOUNT_ID: &str = "{account_id}";
/// Maximum number of sources of an integration.
pub const SOURCES_MAX: usize = 20;
/// Maximum length of a prefix in bytes, which is that of a key (S3 User Guide, "Naming Amazon S3 objects").
pub const PREFIX_BYTES_MAX: usize = 1_024;
/// Maximum length of a directory name in messages, in characters.
const FOLDER_CHARS_MAX: usize = 200;

/// A source of scans. If both fields are set, both must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ScanSourceBody))]
#[serde(deny_unknown_fields)]
pub struct ScanSource {
    /// Keys that begin with it, if it ends with `/`; otherwise this key alone. `{account_id}` is replaced by the account of
    /// the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024, example = "scans/{account_id}/"))]
    pub prefix: Option<String>,
    /// Account that uploaded the object, according to the `EventBridge` event, or `{account_id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = r"^([0-9]{12}|\{account_id\})$"))]
    pub uploader_account: Option<String>,
}

impl ScanSource {
    /// Whether an object with this key and uploader comes from this source. An unknown uploader matches no uploader account.
    pub(crate) fn covers(&self, account: AccountId, key: &str, requester: Option<&str>) -> bool {
        let for_account = |text: &str| text.replace(ACCOUNT_ID, account.as_str());
        let has_key = |prefix: &String| {
            let prefix = for_account(prefix);
            if prefix.ends_with('/') { key.starts_with(&prefix) } else { key == prefix }
        };
        let has_uploader = |uploader: &String| requester == Some(for_account(uploader).as_str());
        (self.prefix.is_some() || self.uploader_account.is_some())
            && self.prefix.as_ref().is_none_or(has_key)
            && self.uploader_account.as_ref().is_none_or(has_uploader)
    }

    /// Whether the prefix is valid: not empty, not too long, and without braces other than the placeholder's.
    pub fn has_valid_prefix(&self) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| {
            let rest = prefix.replace(ACCOUNT_ID, "");
            !prefix.is_empty() && prefix.len() <= PREFIX_BYTES_MAX && !rest.contains(['{', '}'])
        })
    }

    /// Whether the uploader is valid: an account, or the placeholder.
    pub fn has_valid_uploader(&self) -> bool {
        let is_account = |text: &String| text == ACCOUNT_ID || text.parse::<AccountId>().is_ok();
        self.uploader_account.as_ref().is_none_or(is_account)
    }

    /// The value of the command-line option for this source.
    pub fn option_value(&self) -> String {
        let uploader = self.uploader_account.iter().map(|account| format!("uploader-account={account}"));
        // A key may contain commas, so the prefix is the last.
        let prefix = self.prefix.iter().map(|prefix| format!("prefix={prefix}"));
        uploader.chain(prefix).collect::<Vec<_>>().join(",")
    }
}

impl FromStr for ScanSource {
    type Err = String;

    /// The reverse of [`ScanSource::option_value`].
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "must be prefix=PREFIX/, uploader-account=ID, or uploader-account=ID,prefix=PREFIX/";
        let (uploader, rest) = match text.strip_prefix("uploader-account=") {
            Some(value) => {
                value.split_once(',').map_or((Some(value), None), |(uploader, rest)| (Some(uploader), Some(rest)))
            }
            None => (None, Some(text)),
        };
        let prefix = rest.map(|rest| rest.strip_prefix("prefix=").ok_or(FORM)).transpose()?;
        let source = Self { prefix: prefix.map(str::to_owned), uploader_account: uploader.map(str::to_owned) };
        if !source.has_valid_prefix() {
            return Err(format!(
                "the prefix must be 1 to {PREFIX_BYTES_MAX} bytes, with no braces but those of {ACCOUNT_ID}"
            ));
        }
        if !source.has_valid_uploader() {
            return Err(format!("the uploader's account must be 12 digits, or {ACCOUNT_ID}"));
        }
        Ok(source)
    }
}

impl UploadInfo {
    /// The origin of an upload, for messages: the directory of its key, and its uploader's account.
    pub fn described_source(&self) -> String {
        let folder = self.source.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder: String = folder.chars().take(FOLDER_CHARS_MAX).flat_map(char::escape_debug).collect();
        let by = self
            .requester
            .as_ref()
            .map_or_else(|| "an unknown account".to_owned(), |account| format!("account {account}"));
        format!("{folder}/ (uploaded by {by})")
    }
}

/// Quotes a text as one word for a shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
