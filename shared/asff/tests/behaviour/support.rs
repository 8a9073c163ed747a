//! Reads the scans in `tests/scans` for the tests.

use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;

use asff::{Element, Ending, Mapped, Outcome, Quarantined, ReadLimits, Regions, ScanReader, Step, map};
use bytes::Bytes;
use serde_json::Value;

/// A file of `tests/scans`, as stored.
pub(crate) fn stored(name: &str) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/scans").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// A file of `tests/scans`, decompressed.
pub(crate) fn plain(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(&stored(name)[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A file of `tests/field-cases`, decompressed. These files are modeled on real uploads.
pub(crate) fn case(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/field-cases").join(format!("{name}.gz"));
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(&file[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// All elements and the ending of a file that is fed in chunks of this size.
pub(crate) fn read_with(limits: ReadLimits, file: &Bytes, chunk: usize) -> (Vec<Element>, Ending, ScanReader) {
    let mut reader = ScanReader::new(limits);
    let mut elements = Vec::new();
    let mut at = 0;
    loop {
        match reader.next() {
            Step::NeedInput if at == file.len() => reader.end_of_input(),
            Step::NeedInput => {
                let end = file.len().min(at + chunk);
                reader.feed(file.slice(at..end));
                at = end;
            }
            Step::Element(element) => elements.push(element),
            Step::Done(ending) => return (elements, ending, reader),
        }
    }
}

/// All elements and the ending of a file.
pub(crate) fn read(file: impl Into<Bytes>) -> (Vec<Element>, Ending) {
    let (elements, ending, _) = read_with(ReadLimits::default(), &file.into(), 64 * 1024);
    (elements, ending)
}

/// The outcomes of a file's elements.
pub(crate) fn outcomes(file: impl Into<Bytes>) -> (Vec<Outcome>, Ending) {
    let regions = Regions::known();
    let (elements, ending) = read(file);
    (elements.iter().map(|element| map(element, &regions)).collect(), ending)
}

/// The findings of a file that must have no other outcomes except skipped entries.
pub(crate) fn findings(file: impl Into<Bytes>) -> Vec<Mapped> {
    let (outcomes, ending) = outcomes(file);
    assert_eq!(ending, Ending::Complete);
    outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Outcome::Finding(mapped) => Some(*mapped),
            Outcome::Skipped(_) => None,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// A finding, encoded as for its first import.
pub(crate) fn encoded(mapped: &Mapped) -> Value {
    let json = mapped.encode(&mapped.first_stamps()).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// The first finding of a real scan, as a value to change.
pub(crate) fn sample() -> Value {
    static SCAN: LazyLock<Value> = LazyLock::new(|| {
        let scan: Vec<Value> = serde_json::from_slice(&stored("5.46.0-one-finding.ocsf.json")).unwrap();
        scan.into_iter().next().unwrap()
    });
    SCAN.clone()
}

/// The outcome of one entry. It follows a valid entry, so that the file is detected as a scan.
pub(crate) fn outcome_of(entry: &Value) -> Outcome {
    let file = serde_json::to_vec(&[sample(), entry.clone()]).unwrap();
    let (mut outcomes, ending) = outcomes(file);
    assert_eq!((outcomes.len(), ending), (2, Ending::Complete));
    outcomes.remove(1)
}

/// The finding that one entry maps to.
pub(crate) fn finding_of(entry: &Value) -> Mapped {
    match outcome_of(entry) {
        Outcome::Finding(mapped) => *mapped,
        other => panic!("{other:?}"),
    }
}

/// The quarantined entry that one entry becomes.
pub(crate) fn quarantined(entry: &Value) -> Quarantined {
    match outcome_of(entry) {
        Outcome::Quarantined(quarantined) => *quarantined,
        other => panic!("{other:?}"),
    }
}

/// A sample with the field at a JSON pointer changed.
pub(crate) fn with(pointer: &str, value: impl Into<Value>) -> Value {
    let mut sample = sample();
    set(&mut sample, pointer, value);
    sample
}

/// Sets the field at a JSON pointer.
pub(crate) fn set(entry: &mut Value, pointer: &str, value: impl Into<Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    entry.pointer_mut(parent).unwrap()[name] = value.into();
}

/// A sample without the field at a JSON pointer.
pub(crate) fn without(pointer: &str) -> Value {
    let mut sample = sample();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    sample.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    sample
}

/// The resident memory of the process in bytes.
pub(crate) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096
}
