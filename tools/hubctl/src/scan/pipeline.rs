//! Reads, maps, and encodes a scan on several threads, and returns the results in the order of the file.
//!
//! One thread reads the file and splits it into batches of elements; batch `n` goes to mapper `n mod mappers`, and the caller
//! receives the results from the mappers in the same order. Guarantees: order is preserved; memory is bounded by the batches in
//! flight, whatever the file; the caller can stop the reading.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use asff::{
    Deduplicator, Element, Ending, Identity, Mapped, Outcome, ReadLimits, Regions, ScanFormat, ScanReader, Step,
    TooLarge,
};
use bytes::Bytes;

/// Size of a read, in bytes.
const READ_BYTES: usize = 256 * 1024;
/// Approximate size of a batch, in bytes: 40 findings of a real scan, so that the overhead is negligible.
const BATCH_BYTES: u64 = 256 * 1024;
/// Maximum number of elements in a batch. It limits batches of files with small elements.
const BATCH_ELEMENTS_MAX: usize = 512;
/// Capacity of the queues before and after each mapper, in batches.
const BATCHES_WAITING: usize = 2;
/// Maximum number of mappers: more are faster than the single reader.
const MAPPERS_MAX: usize = 8;

/// A finding as it would be sent for the first time, or why it can't be.
pub(crate) type Encoded = Result<Vec<u8>, TooLarge>;

/// A result, in the order of the file.
pub(crate) enum Item {
    /// A finding, its relation to those before it, and its ASFF.
    Finding(Box<Mapped>, Identity, Encoded),
    /// An element that is not a mapped finding.
    Other(Outcome),
}

/// The progress of the reading, for observers such as a progress bar.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes read, as stored.
    pub(crate) bytes: AtomicU64,
    /// Entries passed to the caller.
    pub(crate) entries: AtomicU64,
}

/// The result at the end of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// The format, if detected.
    pub(crate) format: Option<ScanFormat>,
    /// How the file ended; `None` if the caller stopped before its end.
    pub(crate) ending: Option<Ending>,
}

/// Reads a scan to its end, or until `each` breaks.
///
/// # Errors
///
/// If the source can't be read.
pub(crate) fn read(
    source: impl Read + Send,
    connection_args: &Progress,
    mut each: impl FnMut(Item) -> ControlFlow<()>,
) -> io::Result<Finished> {
    let mappers = thread::available_parallelism().map_or(1, usize::from).min(MAPPERS_MAX);
    let regions = Regions::known();
    thread::scope(|scope| {
        let (mut inboxes, mut outboxes) = (Vec::new(), Vec::new());
        for _ in 0..mappers {
            let (inbox, elements) = sync_channel(BATCHES_WAITING);
            let (results, outbox) = sync_channel(BATCHES_WAITING);
            inboxes.push(inbox);
            outboxes.push(outbox);
            let regions = &regions;
            scope.spawn(move || map_batches(&elements, &results, regions));
        }
        let reader = scope.spawn(move || cut_batches(source, connection_args, &inboxes));
        let whole = collect(&outboxes, connection_args, &mut each);
        drop(outboxes);
        let (format, ending) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Finished { format, ending: if whole { ending } else { None } })
    })
}

/// Reads and splits the file. Stops if the receivers are closed.
fn cut_batches(
    mut source: impl Read,
    connection_args: &Progress,
    mappers: &[SyncSender<Vec<Element>>],
) -> io::Result<(Option<ScanFormat>, Option<Ending>)> {
    let mut reader = ScanReader::new(ReadLimits::default());
    let mut turn = mappers.iter().cycle();
    let mut batch: Vec<Element> = Vec::new();
    let mut hand_over = |batch: &mut Vec<Element>| {
        let batch = std::mem::take(batch);
        turn.next().is_some_and(|mapper| mapper.send(batch).is_ok())
    };
    let ending = loop {
        match reader.next() {
            Step::Element(element) => {
                let first = batch.first().map_or(element.offset, |first| first.offset);
                let full = element.offset.saturating_sub(first) >= BATCH_BYTES || batch.len() >= BATCH_ELEMENTS_MAX;
                if full && !hand_over(&mut batch) {
                    return Ok((reader.format(), None));
                }
                batch.push(element);
            }
            Step::NeedInput => match read_chunk(&mut source)? {
                Some(chunk) => {
                    connection_args.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    reader.feed(chunk);
                }
                None => reader.end_of_input(),
            },
            Step::Done(ending) => break ending,
        }
    };
    let taken = batch.is_empty() || hand_over(&mut batch);
    Ok((reader.format(), taken.then_some(ending)))
}

fn read_chunk(source: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut chunk = vec![0; READ_BYTES];
    loop {
        match source.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(length) => {
                chunk.truncate(length);
                return Ok(Some(chunk.into()));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

type Results = Vec<(Outcome, Option<Encoded>)>;

fn map_batches(elements: &Receiver<Vec<Element>>, results: &SyncSender<Results>, regions: &Regions) {
    for batch in elements {
        let mapped = batch.iter().map(|element| {
            let outcome = asff::map(element, regions);
            let encoded = match &outcome {
                Outcome::Finding(mapped) => Some(mapped.encode(&mapped.first_stamps())),
                _ => None,
            };
            (outcome, encoded)
        });
        if results.send(mapped.collect()).is_err() {
            return;
        }
    }
}

/// Receives the batches in order and deduplicates findings. Returns whether all were received.
fn collect(
    mappers: &[Receiver<Results>],
    connection_args: &Progress,
    each: &mut impl FnMut(Item) -> ControlFlow<()>,
) -> bool {
    let mut deduplicator = Deduplicator::default();
    for mapper in mappers.iter().cycle() {
        // The next mapper has ended: all batches were received.
        let Ok(batch) = mapper.recv() else { return true };
        connection_args.entries.fetch_add(batch.len() as u64, Ordering::Relaxed);
        for (outcome, encoded) in batch {
            let item = match (outcome, encoded) {
                (Outcome::Finding(mut mapped), Some(encoded)) => {
                    let identity = deduplicator.deduplicate(&mut mapped);
                    // Its Id was extended.
                    let again = (identity == Identity::Collision).then(|| mapped.encode(&mapped.first_stamps()));
                    Item::Finding(mapped, identity, again.unwrap_or(encoded))
                }
                (outcome, _) => Item::Other(outcome),
            };
            if each(item).is_break() {
                return false;
            }
        }
    }
    true
}
