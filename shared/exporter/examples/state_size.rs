//! Measures what the state takes of a scan's findings, as a file and in memory.
//!
//! `cargo run --release -p exporter --example state_size -- FILE`
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;

use asff::{Mapped, Outcome, ReadLimits, Regions, ScanReader, Status, Step, map};
use bytes::Bytes;
use exporter::state::{FindingKey, FindingMeta, ScanCode, StateHeader, StateWriter, Stored, Tail, fingerprint};

/// Bytes fed at once, as a body of S3 comes.
const PIECE_BYTES: usize = 256 * 1024;

/// One Region's state.
struct Measured {
    state: StateWriter,
    json_bytes: usize,
    compressed_bytes: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: state_size FILE")?;
    let file = Bytes::from(std::fs::read(path)?);
    let mut pieces = (0..file.len()).step_by(PIECE_BYTES).map(|at| file.slice(at..file.len().min(at + PIECE_BYTES)));
    let (regions, mut reader) = (Regions::known(), ScanReader::new(ReadLimits::default()));
    let mut states: BTreeMap<_, Measured> = BTreeMap::new();
    loop {
        match reader.next() {
            Step::NeedInput => match pieces.next() {
                Some(piece) => reader.feed(piece),
                None => reader.end_of_input(),
            },
            Step::Element(element) => {
                let Outcome::Finding(mapped) = map(&element, &regions) else { continue };
                match states.entry(mapped.region) {
                    Entry::Occupied(state) => state.into_mut().add(&mapped)?,
                    Entry::Vacant(place) => place.insert(Measured::begin(&mapped)?).add(&mapped)?,
                }
            }
            Step::Done(ending) => {
                println!("{ending:?}");
                break;
            }
        }
    }
    let (mut findings, mut json, mut compressed) = (0, 0, 0);
    for measured in states.into_values() {
        let Measured { state, json_bytes, compressed_bytes } = measured;
        findings += state.entries() as usize;
        json += json_bytes;
        compressed += compressed_bytes + state.finish()?.len();
    }
    let each = |bytes: usize| bytes / findings.max(1);
    println!("{findings} findings, each: {} bytes of ASFF, {} bytes in the state's file", each(json), each(compressed));
    Ok(())
}

impl Measured {
    fn begin(first: &Mapped) -> Result<Self, Box<dyn Error>> {
        let header = StateHeader {
            account: first.account,
            region: first.region,
            hub_since: None,
            scanned_at: Some(first.scanned_at),
            ahead: None,
            tail: Tail::default(),
        };
        Ok(Self { state: StateWriter::new(&header)?, json_bytes: 0, compressed_bytes: 0 })
    }

    fn add(&mut self, mapped: &Mapped) -> Result<(), Box<dyn Error>> {
        let json = mapped.encode(&mapped.first_stamps())?;
        let at_ms = mapped.scanned_at.as_millisecond();
        let meta = FindingMeta {
            key: FindingKey::from_id(mapped.finding.id.as_str()),
            content: mapped.content_hash(),
            resource: mapped.resource_hash.fingerprint(),
            check: fingerprint(mapped.check_id.as_str()),
            first_seen_ms: at_ms,
            updated_ms: at_ms,
            sent_ms: at_ms,
            stored: Stored::Active(Status::Failed),
            seen: ScanCode::NEWEST,
            absent: 0,
            foreign: false,
        };
        self.state.push(&meta, &json)?;
        self.json_bytes += json.len();
        self.compressed_bytes += self.state.take_bytes().len();
        Ok(())
    }
}
