//! Measures how fast a scan file is read, mapped, and encoded on one core.
//!
//! `cargo run --release -p asff --example throughput -- FILE [REPEAT]`
#![expect(clippy::print_stdout, reason = "the results are printed")]

use std::error::Error;
use std::time::{Duration, Instant};

use asff::{Deduplicator, Outcome, ReadLimits, Regions, ScanReader, Step, map};
use bytes::Bytes;

/// Number of bytes per chunk, similar to the chunks of an S3 body.
const PIECE_BYTES: usize = 256 * 1024;

#[derive(Default)]
struct Measured {
    elements: u64,
    findings: u64,
    other: u64,
    bytes_out: u64,
    reading: Duration,
    mapping: Duration,
    deduplicating: Duration,
    encoding: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: throughput FILE [REPEAT]")?;
    let repeat: u32 = arguments.next().map_or(Ok(1), |times| times.parse())?;
    let file = Bytes::from(std::fs::read(&path)?);
    let mut measured = Measured::default();
    let mut ending = String::new();
    for _ in 0..repeat {
        ending = run(&file, &mut measured);
    }
    let megabytes = file.len() as f64 * f64::from(repeat) / 1e6;
    println!(
        "{path}: {ending}, {} elements, {} findings, {} other",
        measured.elements, measured.findings, measured.other
    );
    let line = |what: &str, time: Duration| {
        let seconds = time.as_secs_f64();
        println!(
            "{what:>16}: {:8.0} MB/s of the file, {:8.0} findings/s",
            megabytes / seconds,
            measured.findings as f64 / seconds
        );
    };
    line("read", measured.reading);
    line("map", measured.mapping);
    line("deduplicate", measured.deduplicating);
    line("encode", measured.encoding);
    line("read and map", measured.reading + measured.mapping);
    line("all", measured.reading + measured.mapping + measured.deduplicating + measured.encoding);
    println!("{:>16}: {} bytes a finding", "encoded", measured.bytes_out / measured.findings.max(1));
    Ok(())
}

fn run(file: &Bytes, measured: &mut Measured) -> String {
    let regions = Regions::known();
    let mut deduplicator = Deduplicator::new();
    let mut reader = ScanReader::new(ReadLimits::default());
    let mut at = 0;
    loop {
        let start = Instant::now();
        let step = reader.next();
        measured.reading += start.elapsed();
        match step {
            Step::NeedInput if at == file.len() => reader.end_of_input(),
            Step::NeedInput => {
                let end = file.len().min(at + PIECE_BYTES);
                reader.feed(file.slice(at..end));
                at = end;
            }
            Step::Element(element) => {
                measured.elements += 1;
                let start = Instant::now();
                let outcome = map(&element, &regions);
                measured.mapping += start.elapsed();
                let Outcome::Finding(mut mapped) = outcome else {
                    measured.other += 1;
                    continue;
                };
                let start = Instant::now();
                deduplicator.deduplicate(&mut mapped);
                measured.deduplicating += start.elapsed();
                let start = Instant::now();
                let json = mapped.encode(&mapped.first_stamps());
                measured.encoding += start.elapsed();
                measured.findings += 1;
                measured.bytes_out += json.map_or(0, |json| json.len() as u64);
            }
            Step::Done(ending) => return format!("{ending:?}"),
        }
    }
}
