//! The place in which an export without a deployment remembers: a folder, or a prefix of a bucket.

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

use super::folder::{Draft, Folder};

/// Retries of a change of a small object that a concurrent writer has changed.
const CHANGE_RETRIES_MAX: u32 = 19;
/// The pause before the first retry; it grows by itself with each.
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

/// A place as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder of this machine. It need not exist.
    Folder(PathBuf),
    /// `s3://bucket/prefix`
    Bucket {
        /// The bucket.
        bucket: String,
        /// Empty, or ends with a slash.
        prefix: String,
    },
}

impl Place {
    /// The place as any folder of this machine can name it.
    pub(crate) fn absolute(&self) -> String {
        match self {
            Self::Folder(path) => std::path::absolute(path).as_ref().unwrap_or(path).display().to_string(),
            Self::Bucket { .. } => self.to_string(),
        }
    }

    /// Reads the name of a place; a path need not be UTF-8.
    pub(crate) fn parse(argument: OsString) -> Result<Self, String> {
        let Some(address) = argument.to_str().and_then(|text| text.strip_prefix("s3://")) else {
            return if argument.is_empty() { Err("no folder".to_owned()) } else { Ok(Self::Folder(argument.into())) };
        };
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        if bucket.is_empty() {
            return Err("a place in S3 is named s3://bucket/prefix".to_owned());
        }
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Bucket { bucket, prefix } => f.write_str(format!("s3://{bucket}/{prefix}").trim_end_matches('/')),
        }
    }
}

/// The place, ready to be used. The bucket's calls are boxed: their futures are so large that ours, which are made of them,
/// would not fit a worker's stack.
pub(super) enum Store {
    Folder(Folder),
    Bucket { cloud: Arc<Cloud>, bucket: String, prefix: String },
}

/// An object being written.
pub(crate) enum Writer {
    /// Into a folder.
    Folder(Box<Draft>),
    /// Into a bucket.
    Bucket(Box<aws::Writer>),
}

impl ObjectWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        match self {
            Self::Folder(draft) => draft.write(&bytes).await,
            Self::Bucket(writer) => Box::pin(writer.write(bytes)).await,
        }
    }

    async fn finish(self) -> Result<(), PortError> {
        match self {
            Self::Folder(draft) => draft.finish().await,
            Self::Bucket(writer) => Box::pin(writer.finish()).await,
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.path.display().fmt(f),
            Self::Bucket { bucket, prefix, .. } => f.write_str(format!("s3://{bucket}/{prefix}").trim_end_matches('/')),
        }
    }
}

impl Store {
    pub(super) fn new(place: &Place, cloud: &Arc<Cloud>) -> Self {
        match place {
            Place::Folder(path) => Self::Folder(Folder { path: path.clone() }),
            Place::Bucket { bucket, prefix } => {
                Self::Bucket { cloud: cloud.clone(), bucket: bucket.clone(), prefix: prefix.clone() }
            }
        }
    }

    pub(super) async fn create(&self, key: &str, only: PutMode) -> Result<Writer, PortError> {
        match self {
            Self::Folder(folder) => Ok(Writer::Folder(Box::new(folder.create(key, only).await?))),
            Self::Bucket { cloud, prefix, .. } => {
                let key = format!("{prefix}{key}");
                Ok(Writer::Bucket(Box::new(Box::pin(cloud.create(&key, only)).await?)))
            }
        }
    }

    pub(super) async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        match self {
            Self::Folder(folder) => folder.object(key).await,
            Self::Bucket { cloud, prefix, .. } => Box::pin(cloud.object(&format!("{prefix}{key}"))).await,
        }
    }

    pub(super) async fn keys(&self, below: &str) -> Result<Vec<String>, PortError> {
        match self {
            Self::Folder(folder) => folder.keys(below).await,
            Self::Bucket { cloud, prefix, .. } => {
                let keys = Box::pin(cloud.keys(&format!("{prefix}{below}"))).await?;
                Ok(keys.iter().filter_map(|key| key.strip_prefix(prefix.as_str())).map(str::to_owned).collect())
            }
        }
    }

    /// A small object, with its `ETag` where it is there.
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

    /// Changes a small object in one step that nobody can come between. `decide` gets what is there, and may be asked
    /// again; it says what to write, if anything, and the answer.
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
        // If nobody has changed the object since the last rejection, the store doesn't work.
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
    fn a_place_is_a_folder_or_a_prefix_of_a_bucket() {
        let bucket =
            |bucket: &str, prefix: &str| Ok(Place::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
        assert_eq!(Place::parse("s3://b".into()), bucket("b", ""));
        assert_eq!(Place::parse("s3://b/".into()), bucket("b", ""));
        assert_eq!(Place::parse("s3://b/ci/state/".into()), bucket("b", "ci/state/"));
        assert_eq!(Place::parse(".state".into()), Ok(Place::Folder(".state".into())));
        assert!(Place::parse("s3:///x".into()).is_err() && Place::parse("".into()).is_err());
    }

    #[tokio::test]
    async fn no_change_is_lost_where_many_change_at_once() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::Folder(Folder { path: place.path().to_owned() });
        let add = || store.change("count.json", |old: Option<u32>| (Some(old.unwrap_or_default() + 1), ()));
        for done in futures::future::join_all((0..8).map(|_| add())).await {
            done.unwrap();
        }
        assert_eq!(store.record::<u32>("count.json").await.unwrap().0, Some(8));
    }
}
