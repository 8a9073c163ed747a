//! The state of a standalone export: a directory, or a prefix of a bucket.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws::Cloud;
use backon::Retryable as _;
use bytes::Bytes;
use exporter::ports::{Object, ObjectWriter, Objects, PortError, PutMode};
use futures::TryStreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::directory::{Directory, Draft};

/// Maximum number of retries of a change of a small object after concurrent writes.
const CHANGE_RETRIES_MAX: u32 = 19;
/// Pause before the first retry; it increases with each.
const CHANGE_PAUSE: Duration = Duration::from_millis(20);

/// Why a change was not made.
enum ChangeError {
    /// The write was rejected, with the version that was read before it.
    Rejected { version: Option<String>, error: PortError },
    /// The object could not be read.
    Failed(PortError),
}

impl From<PortError> for ChangeError {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

/// A state location on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StateLocation {
    /// A local directory. It need not exist.
    Directory(PathBuf),
    /// `s3://bucket/prefix`
    Bucket {
        /// The bucket.
        bucket: String,
        /// Empty, or ends with a slash.
        prefix: String,
    },
}

impl StateLocation {
    /// The location as an absolute path.
    pub(crate) fn absolute_path(&self) -> String {
        match self {
            Self::Directory(path) => std::path::absolute(path).as_ref().unwrap_or(path).display().to_string(),
            Self::Bucket { .. } => self.to_string(),
        }
    }

    /// Parses a location; a path need not be UTF-8.
    pub(crate) fn parse(argument: OsString) -> Result<Self, String> {
        let Some(address) = argument.to_str().and_then(|text| text.strip_prefix("s3://")) else {
            return if argument.is_empty() {
                Err("empty directory name".to_owned())
            } else {
                Ok(Self::Directory(argument.into()))
            };
        };
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        if bucket.is_empty() {
            return Err("expected s3://BUCKET/PREFIX".to_owned());
        }
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for StateLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Bucket { bucket, prefix } => f.write_str(format!("s3://{bucket}/{prefix}").trim_end_matches('/')),
        }
    }
}

/// An opened state location. The bucket's futures are boxed, since they are too large for a worker's stack.
pub(super) enum Store {
    Directory(Directory),
    Bucket { cloud: Arc<Cloud>, bucket: String, prefix: String },
}

/// An object being written.
pub(crate) enum Writer {
    /// In a directory.
    Directory(Box<Draft>),
    /// In a bucket.
    Bucket(Box<aws::Writer>),
}

impl ObjectWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        match self {
            Self::Directory(draft) => draft.write(&bytes).await,
            Self::Bucket(writer) => Box::pin(writer.write(bytes)).await,
        }
    }

    async fn finish(self) -> Result<(), PortError> {
        match self {
            Self::Directory(draft) => draft.finish().await,
            Self::Bucket(writer) => Box::pin(writer.finish()).await,
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.path.display().fmt(f),
            Self::Bucket { bucket, prefix, .. } => f.write_str(format!("s3://{bucket}/{prefix}").trim_end_matches('/')),
        }
    }
}

impl Store {
    pub(super) fn new(location: &StateLocation, cloud: &Arc<Cloud>) -> Self {
        match location {
            StateLocation::Directory(path) => Self::Directory(Directory { path: path.clone() }),
            StateLocation::Bucket { bucket, prefix } => {
                Self::Bucket { cloud: cloud.clone(), bucket: bucket.clone(), prefix: prefix.clone() }
            }
        }
    }

    pub(super) async fn create(&self, key: &str, only: PutMode) -> Result<Writer, PortError> {
        match self {
            Self::Directory(directory) => Ok(Writer::Directory(Box::new(directory.create(key, only).await?))),
            Self::Bucket { cloud, prefix, .. } => {
                let key = format!("{prefix}{key}");
                Ok(Writer::Bucket(Box::new(Box::pin(cloud.create(&key, only)).await?)))
            }
        }
    }

    pub(super) async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        match self {
            Self::Directory(directory) => directory.object(key).await,
            Self::Bucket { cloud, prefix, .. } => Box::pin(cloud.object(&format!("{prefix}{key}"))).await,
        }
    }

    pub(super) async fn keys(&self, below: &str) -> Result<Vec<String>, PortError> {
        match self {
            Self::Directory(directory) => directory.keys(below).await,
            Self::Bucket { cloud, prefix, .. } => {
                let keys = Box::pin(cloud.keys(&format!("{prefix}{below}"))).await?;
                Ok(keys.iter().filter_map(|key| key.strip_prefix(prefix.as_str())).map(str::to_owned).collect())
            }
        }
    }

    /// A small object, with its `ETag` if it exists.
    pub(super) async fn record<R: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<(Option<R>, Option<String>), PortError> {
        let failed = |message: String| PortError { action: format!("read {self}/{key}"), message };
        let Some(object) = self.object(key).await? else { return Ok((None, None)) };
        let chunks: Vec<Bytes> = object.body.try_collect().await.map_err(|error| failed(error.to_string()))?;
        let record = serde_json::from_slice(&chunks.concat()).map_err(|error| failed(error.to_string()))?;
        Ok((Some(record), Some(object.etag)))
    }

    /// Changes a small object atomically. `decide` gets the current object and returns the new one, if any, and a result; it is
    /// called again after a concurrent write.
    pub(super) async fn change<R, T>(
        &self,
        key: &str,
        decide: impl Fn(Option<R>) -> (Option<R>, T),
    ) -> Result<T, PortError>
    where
        R: Serialize + DeserializeOwned,
    {
        let attempt = || async {
            let (record, version) = self.record(key).await?;
            let (next, answer) = decide(record);
            if let Some(next) = next {
                let only = version.clone().map_or(PutMode::Create, PutMode::Update);
                let written = self.write(key, &next, only).await;
                written.map_err(|error| ChangeError::Rejected { version, error })?;
            }
            Ok(answer)
        };
        let mut last = None;
        // If the object has not changed since the last rejection, no concurrent write caused the rejection, and a retry can't
        // succeed.
        let is_superseded = |error: &ChangeError| match error {
            ChangeError::Rejected { version, .. } => last.replace(version.clone()).as_ref() != Some(version),
            ChangeError::Failed(_) => false,
        };
        let backoff = (1..=CHANGE_RETRIES_MAX).map(|attempt| CHANGE_PAUSE * attempt);
        let changed = attempt.retry(backoff).when(is_superseded).await;
        changed.map_err(|(ChangeError::Rejected { error, .. } | ChangeError::Failed(error))| error)
    }

    async fn write(&self, key: &str, record: &impl Serialize, only: PutMode) -> Result<(), PortError> {
        let json = serde_json::to_vec_pretty(record)
            .map_err(|error| PortError { action: format!("write {self}/{key}"), message: error.to_string() })?;
        let mut object = self.create(key, only).await?;
        object.write(Bytes::from(json)).await?;
        object.finish().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_directory_or_a_prefix_of_a_bucket() {
        let bucket = |bucket: &str, prefix: &str| {
            Ok(StateLocation::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        assert_eq!(StateLocation::parse("s3://b".into()), bucket("b", ""));
        assert_eq!(StateLocation::parse("s3://b/".into()), bucket("b", ""));
        assert_eq!(StateLocation::parse("s3://b/ci/state/".into()), bucket("b", "ci/state/"));
        assert_eq!(StateLocation::parse(".state".into()), Ok(StateLocation::Directory(".state".into())));
        assert!(StateLocation::parse("s3:///x".into()).is_err() && StateLocation::parse("".into()).is_err());
    }

    #[tokio::test]
    async fn no_concurrent_change_is_lost() {
        let location = tempfile::tempdir().unwrap();
        let store = Store::Directory(Directory { path: location.path().to_owned() });
        let add = || store.change("count.json", |old: Option<u32>| (Some(old.unwrap_or_default() + 1), ()));
        for done in futures::future::join_all((0..8).map(|_| add())).await {
            done.unwrap();
        }
        assert_eq!(store.record::<u32>("count.json").await.unwrap().0, Some(8));
    }
}
