//! The state bucket in memory, with the promises that S3 gives: conditional writes, whole objects.

use bytes::Bytes;
use exporter::ports::{Object, ObjectWriter, Objects, PortError, PutMode};
use futures::StreamExt;

use crate::fake_aws::FakeAws;

/// An object being written in memory.
pub(crate) struct Writing {
    fake_aws: FakeAws,
    key: String,
    only: PutMode,
    bytes: Vec<u8>,
}

impl Objects for FakeAws {
    type Writer = Writing;

    async fn create(&self, key: &str, only: PutMode) -> Result<Writing, PortError> {
        let writing = || Ok(Writing { fake_aws: self.clone(), key: key.to_owned(), only, bytes: Vec::new() });
        self.life.step(writing).await
    }

    async fn object(&self, key: &str) -> Result<Option<Object>, PortError> {
        let read = || {
            let stores = self.world.stores.lock().unwrap();
            if stores.broken.as_ref().is_some_and(|broken| key.ends_with(broken)) {
                return Err(PortError { action: format!("read {key}"), message: "service unavailable".to_owned() });
            }
            Ok(stores.objects.get(key).map(|(etag, bytes)| {
                let chunks: Vec<_> = bytes.chunks(10_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
                Object { etag: etag.to_string(), body: futures::stream::iter(chunks).boxed() }
            }))
        };
        self.life.step(read).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let list = || {
            let stores = self.world.stores.lock().unwrap();
            if stores.broken.as_ref().is_some_and(|broken| prefix.ends_with(broken)) {
                return Err(PortError { action: format!("list {prefix}"), message: "service unavailable".to_owned() });
            }
            Ok(stores.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
        };
        self.life.step(list).await
    }
}

impl ObjectWriter for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        let life = self.fake_aws.life.clone();
        life.step(|| self.bytes.extend_from_slice(&bytes)).await;
        Ok(())
    }

    async fn finish(self) -> Result<(), PortError> {
        let Self { fake_aws, key, only, bytes } = self;
        let put = || {
            let mut stores = fake_aws.world.stores.lock().unwrap();
            let current = stores.objects.get(&key).map(|(etag, _)| etag.to_string());
            let holds = match &only {
                PutMode::Overwrite => true,
                PutMode::Create => current.is_none(),
                PutMode::Update(etag) => current.as_ref() == Some(etag),
            };
            if stores.unwritable.as_ref().is_some_and(|unwritable| key.ends_with(unwritable)) {
                return Err(PortError { action: format!("put {key}"), message: "service unavailable".to_owned() });
            }
            if !holds {
                return Err(PortError { action: format!("put {key}"), message: "changed by another run".to_owned() });
            }
            stores.writes += 1;
            let etag = stores.writes;
            stores.objects.insert(key.clone(), (etag, bytes.clone().into()));
            Ok(())
        };
        fake_aws.life.step(put).await
    }
}
