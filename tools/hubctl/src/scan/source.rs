//! The source of a scan: a local file, standard input, or an object in S3.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::builder::{OsStringValueParser, TypedValueParser};
use exporter::model::upload::Upload;

use crate::exit::{Exit, Failure};

/// A source on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A local file.
    File(PathBuf),
    /// `-`
    Stdin,
    /// `s3://bucket/key`
    Object(Upload),
}

impl Source {
    /// The parser for clap; a path need not be UTF-8.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().try_map(Self::parse)
    }

    /// The source that an argument names.
    pub(crate) fn parse(argument: OsString) -> Result<Self, String> {
        if argument == "-" {
            return Ok(Self::Stdin);
        }
        let Some(address) = argument.to_str().and_then(|text| text.strip_prefix("s3://")) else {
            return Ok(Self::File(argument.into()));
        };
        match address.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(Self::Object(Upload::new(bucket, key))),
            _ => Err("expected s3://BUCKET/KEY".to_owned()),
        }
    }

    /// Whether the source can be read only on this machine.
    pub(crate) fn is_local_file(&self) -> bool {
        !matches!(self, Self::Object(_))
    }

    /// Name for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Object(upload) => upload.url(),
        }
    }

    /// Opens a local file or standard input, with its size if known.
    pub(crate) fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
        match self {
            Self::File(path) => {
                let file = open_file(path)?;
                let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
                Ok((Box::new(file), bytes))
            }
            Self::Stdin => Ok((Box::new(io::stdin()), None)),
            Self::Object(upload) => {
                Err(Failure::new(Exit::Usage, "this command works offline and can't read S3 objects")
                    .hint(format!("pipe the object: aws s3 cp {} - | hubctl convert -", upload.url()))
                    .into())
            }
        }
    }
}

/// Opens a file for reading.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
    if file.metadata().is_ok_and(|data| data.is_dir()) {
        let message = format!("{} is a directory, not a scan file", path.display());
        return Err(Failure::new(Exit::Error, message).into());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_a_file_standard_input_or_an_object() {
        let parse = |text: &str| Source::parse(text.into());
        assert_eq!(parse("-"), Ok(Source::Stdin));
        assert_eq!(parse("scan.json"), Ok(Source::File("scan.json".into())));
        assert_eq!(parse("s3://b/a/c d.json"), Ok(Source::Object(Upload::new("b", "a/c d.json"))));
        for wrong in ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
