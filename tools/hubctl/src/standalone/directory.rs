//! Objects as files in a directory.
//!
//! Guarantees: writes are atomic; conditions are checked at the moment of the write, even against other processes; a reader sees a
//! single version, even during concurrent writes.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use exporter::ports::{Object, PortError, PutMode};
use futures::StreamExt;
use futures::stream;
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::records::hex;

/// Size of a read, in bytes.
const READ_BYTES: usize = 256 * 1024;
/// Lock file for writes. The operating system unlocks it when the process ends.
const LOCK: &str = ".lock";

/// A directory.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
}

/// A file being written under a temporary name. It is deleted if it is dropped before it is finished.
pub(crate) struct Draft {
    directory: PathBuf,
    target: PathBuf,
    only: PutMode,
    file: tokio::fs::File,
    name: TempPath,
}

impl Directory {
    pub(super) async fn create(&self, key: &str, only: PutMode) -> Result<Draft, PortError> {
        let target = self.path.join(key);
        let parent = target.parent().unwrap_or(&self.path).to_owned();
        let made = blocking(move || {
            std::fs::create_dir_all(&parent)?;
            tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(&parent)
        });
        let (file, name) = made.await.map_err(|error| failed("write", &target, &error))?.into_parts();
        Ok(Draft { directory: self.path.clone(), target, only, file: tokio::fs::File::from_std(file), name })
    }

    pub(super) async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let path = self.path.join(key);
        let opened = path.clone();
        let found = blocking(move || match File::open(&opened) {
            Ok(mut file) => {
                let etag = digest(&mut file)?;
                file.rewind()?;
                Ok(Some((etag, file)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        let Some((etag, file)) = found.await.map_err(|error| failed("read", &path, &error))? else { return Ok(None) };
        let body = stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
            let mut chunk = Vec::with_capacity(READ_BYTES);
            let length = file.read_buf(&mut chunk).await?;
            Ok((length > 0).then(|| (Bytes::from(chunk), file)))
        });
        Ok(Some(Object { etag, body: body.boxed() }))
    }

    pub(super) async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let (root, prefix) = (self.path.clone(), prefix.to_owned());
        let listed = blocking(move || {
            let below = prefix.rsplit_once('/').map_or("", |(directory, _)| directory);
            let mut keys = Vec::new();
            list(&root, &root.join(below), &mut keys)?;
            keys.retain(|key| key.starts_with(&prefix));
            keys.sort_unstable();
            Ok(keys)
        });
        listed.await.map_err(|error| failed("list", &self.path, &error))
    }
}

impl Draft {
    pub(super) async fn write(&mut self, bytes: &Bytes) -> Result<(), PortError> {
        self.file.write_all(bytes).await.map_err(|error| failed("write", &self.target, &error))
    }

    pub(super) async fn finish(mut self) -> Result<(), PortError> {
        let target = self.target.clone();
        let finished = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            blocking(move || publish(&self.directory, self.name, &self.target, &self.only)).await
        };
        finished.await.map_err(|error| failed("write", &target, &error))
    }
}

/// Renames a written file, if the condition holds.
fn publish(directory: &Path, name: TempPath, target: &Path, only: &PutMode) -> io::Result<()> {
    let lock = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    lock.lock()?;
    let there = match File::open(target) {
        Ok(mut file) => Some(digest(&mut file)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let holds = match only {
        PutMode::Overwrite => true,
        PutMode::Create => there.is_none(),
        PutMode::Update(etag) => there.as_ref() == Some(etag),
    };
    if !holds {
        return Err(io::Error::other("another export wrote it concurrently"));
    }
    name.persist(target).map_err(|error| error.error)
}

/// Hash of the content, as an `ETag`.
fn digest(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; READ_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(&hash.finalize())),
            length => hash.update(&chunk[..length]),
        }
    }
}

/// The files below a directory, as paths relative to `root`; none if the directory doesn't exist.
fn list(root: &Path, directory: &Path, keys: &mut Vec<String>) -> io::Result<()> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            list(root, &path, keys)?;
        } else if !entry.file_name().to_string_lossy().starts_with('.') {
            let parts = path.strip_prefix(root).unwrap_or(&path).iter().map(|part| part.to_string_lossy());
            keys.push(parts.collect::<Vec<_>>().join("/"));
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn failed(action: &str, path: &Path, error: &io::Error) -> PortError {
    PortError { action: format!("{action} {}", path.display()), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn put(directory: &Directory, key: &str, text: &'static str, only: PutMode) -> Result<(), PortError> {
        let mut draft = directory.create(key, only).await?;
        draft.write(&Bytes::from_static(text.as_bytes())).await?;
        draft.finish().await
    }

    async fn get(directory: &Directory, key: &str) -> Option<(String, Vec<u8>)> {
        let object = directory.object(key).await.unwrap()?;
        let chunks: Vec<_> = object.body.map(Result::unwrap).collect().await;
        Some((object.etag, chunks.concat()))
    }

    #[tokio::test]
    async fn a_file_is_written_atomically_and_only_if_its_condition_holds() {
        let location = tempfile::tempdir().unwrap();
        let directory = Directory { path: location.path().join("state") };
        assert!(get(&directory, "state/1/a.zst").await.is_none());
        let mut draft = directory.create("state/1/a.zst", PutMode::Create).await.unwrap();
        draft.write(&Bytes::from_static(b"half")).await.unwrap();
        assert_eq!(directory.keys("state/").await.unwrap(), [""; 0], "the file is not visible before it is finished");
        drop(draft);
        put(&directory, "state/1/a.zst", "one", PutMode::Create).await.unwrap();
        assert!(put(&directory, "state/1/a.zst", "two", PutMode::Create).await.is_err());
        let (etag, bytes) = get(&directory, "state/1/a.zst").await.unwrap();
        assert_eq!(bytes, b"one");
        put(&directory, "state/1/a.zst", "two", PutMode::Update(etag.clone())).await.unwrap();
        assert!(put(&directory, "state/1/a.zst", "three", PutMode::Update(etag)).await.is_err());
        put(&directory, "state/2/b.zst", "b", PutMode::Overwrite).await.unwrap();
        assert_eq!(directory.keys("state/1/").await.unwrap(), ["state/1/a.zst"]);
        assert_eq!(directory.keys("state/").await.unwrap(), ["state/1/a.zst", "state/2/b.zst"]);
    }

    #[tokio::test]
    async fn one_of_two_concurrent_writes_fails() {
        let location = tempfile::tempdir().unwrap();
        let directory = Directory { path: location.path().to_owned() };
        let writes = (0..16).map(|_| put(&directory, "k.json", "x", PutMode::Create));
        let written = futures::future::join_all(writes).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(written, 1);
    }
}
