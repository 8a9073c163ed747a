//! The fingerprint of a file: digests of its blocks. With it, an export is of the planned file although no file is stored.
//!
//! Each block is compared before the exporter reads it, so that no finding of another file is sent.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

/// Bytes per digest. A file of 4 GiB has 4,096 digests, 128 KB.
const BLOCK_BYTES: usize = 1 << 20;

/// The bytes of a file, as they arrive.
pub(crate) type Content = BoxStream<'static, io::Result<Bytes>>;
type Block = [u8; 32];

/// Digests of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    blocks: Vec<Block>,
    bytes: u64,
}

/// The fingerprint of a file that is being read. It exists when the file was read to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken(Arc<Mutex<Option<Fingerprint>>>);

impl Taken {
    /// The fingerprint.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Fingerprint {
    /// A digest of the whole, as hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        let mut whole = Sha256::new();
        self.blocks.iter().for_each(|block| whole.update(block));
        whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Size of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the fingerprint of a file while it is read.
    pub(crate) fn take(content: Content) -> (Content, Taken) {
        let taken = Taken::default();
        let state = (Box::pin(blocks(content)), Self::default(), taken.clone());
        let content = stream::try_unfold(state, |(mut blocks, mut print, taken)| async move {
            let Some(block) = blocks.try_next().await? else {
                *taken.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(print);
                return Ok(None);
            };
            print.blocks.push(Sha256::digest(&block).into());
            print.bytes += block.len() as u64;
            Ok(Some((block, (blocks, print, taken))))
        });
        (content.boxed(), taken)
    }

    /// Fails before the first block that differs, and at the end if blocks are missing.
    pub(crate) fn check(self, content: Content) -> Content {
        let state = (Box::pin(blocks(content)), self.blocks.into_iter());
        stream::try_unfold(state, |(mut blocks, mut planned)| async move {
            match (blocks.try_next().await?, planned.next()) {
                (None, None) => Ok(None),
                (Some(block), Some(digest)) if Block::from(Sha256::digest(&block)) == digest => {
                    Ok(Some((block, (blocks, planned))))
                }
                _ => Err(io::Error::other("it differs from the file of the plan")),
            }
        })
        .boxed()
    }
}

/// The bytes in blocks of the same size; the last one may be smaller.
fn blocks(content: Content) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((content.fuse(), BytesMut::new()), |(mut content, mut read)| async move {
        while read.len() < BLOCK_BYTES {
            match content.try_next().await? {
                Some(bytes) => read.extend_from_slice(&bytes),
                None if read.is_empty() => return Ok(None),
                None => break,
            }
        }
        let block = read.split_to(read.len().min(BLOCK_BYTES)).freeze();
        Ok(Some((block, (content, read))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: &[u8], size: usize) -> Content {
        let chunks: Vec<_> = bytes.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        stream::iter(chunks).boxed()
    }

    async fn print(bytes: &[u8]) -> Fingerprint {
        let (read, taken) = Fingerprint::take(content(bytes, 70_000));
        assert_eq!(taken.fingerprint(), None, "not before the end");
        assert_eq!(read.try_collect::<Vec<_>>().await.unwrap().concat(), bytes);
        taken.fingerprint().unwrap()
    }

    #[tokio::test]
    async fn the_same_bytes_pass_in_whatever_pieces_they_arrive() {
        for length in [0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES - 1] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let print = print(&bytes).await;
            assert_eq!(print.bytes(), length as u64);
            let checked = print.check(content(&bytes, 123_457));
            assert_eq!(checked.try_collect::<Vec<_>>().await.unwrap().concat(), bytes, "{length}");
        }
        assert_ne!(print(b"a").await.digest(), print(b"b").await.digest());
    }

    #[tokio::test]
    async fn no_byte_of_a_block_that_differs_is_read() {
        let bytes = vec![b'x'; 2 * BLOCK_BYTES + 5];
        let print = print(&bytes).await;
        for (name, changed, passed) in [
            (
                "the first byte",
                {
                    let mut other = bytes.clone();
                    other[0] = b'y';
                    other
                },
                0,
            ),
            (
                "the last byte",
                {
                    let mut other = bytes.clone();
                    other[2 * BLOCK_BYTES + 4] = b'y';
                    other
                },
                2,
            ),
            ("cut between blocks", bytes[..BLOCK_BYTES].to_vec(), 1),
            ("cut in a block", bytes[..BLOCK_BYTES + 7].to_vec(), 1),
            ("longer", [&bytes[..], b"x"].concat(), 2),
            ("empty", Vec::new(), 0),
        ] {
            let read: Vec<_> = print.clone().check(content(&changed, 9_999)).collect().await;
            let (last, before) = read.split_last().unwrap();
            assert!(last.is_err() && before.len() == passed && before.iter().all(Result::is_ok), "{name}: {read:?}");
        }
    }
}
