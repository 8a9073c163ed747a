//! Maps one element of a scan to a finding, with the same result as Prowler's own mapping.

mod asff;
mod draft;
mod frameworks;
mod hints;
mod link;
mod ocsf;
mod parts;
pub(crate) mod product;
mod region;
pub(crate) mod shapes;
mod table;
pub(crate) mod tags;
mod text;
mod time;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::location::Location;
use crate::outcome::{Malformed, Mapped, Outcome, QuarantineCode, Quarantined, Skip};
use crate::read::{Columns, Content, Element, ScanFormat, TagKeys};
use crate::redact;
use crate::regions::Regions;
use crate::traces;
use draft::Rejection;
use hints::Hints;
use ocsf::Drafted;
use table::Table;

/// Maximum number of bytes of a malformed entry that are searched for known values.
const EXCERPT_BYTES_MAX: usize = 16 * 1024;

/// Maps one element. The function is pure and can be called from any number of threads.
#[must_use]
pub fn map(element: &Element, regions: &Regions) -> Outcome {
    match &element.content {
        Content::Malformed(malformed) => Outcome::Malformed(malformed.clone()),
        Content::Json { bytes, format, keys } => json(element.offset, bytes, *format, keys, regions),
        Content::Foreign(product) => Outcome::Skipped(Skip::OtherProduct { product: product.to_string() }),
        Content::Row { bytes, columns } => row(element.offset, bytes, columns, regions),
    }
}

/// Maps a finding that is already in ASFF, such as one from Security Hub. `None` if it is not a Prowler finding.
#[must_use]
pub fn map_asff(finding: &Bytes, regions: &Regions) -> Option<Box<Mapped>> {
    match json(0, finding, ScanFormat::Asff, &TagKeys::default(), regions) {
        Outcome::Finding(mapped) => Some(mapped),
        Outcome::Skipped(_) | Outcome::Malformed(_) | Outcome::Quarantined(_) => None,
    }
}

/// Maps an element again whose known fields were saved as JSON because it could not be mapped when it was read.
#[must_use]
pub fn map_again(offset: u64, element: &Bytes, format: ScanFormat, regions: &Regions) -> Outcome {
    if let (ScanFormat::Csv, Some((row, columns))) = (format, table::stored_row(element)) {
        return finish_row(offset, &Table::new(&row, &columns), regions);
    }
    json(offset, element, format, &TagKeys::default(), regions)
}

fn json(offset: u64, bytes: &Bytes, format: ScanFormat, keys: &TagKeys, regions: &Regions) -> Outcome {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return malformed_json(offset, bytes, "the entry is not UTF-8".to_owned(), format);
    };
    let drafted = match format {
        ScanFormat::Asff => parse(text, asff::draft),
        ScanFormat::Ocsf | ScanFormat::Csv => parse(text, |event| ocsf::draft(event, keys)),
    };
    match drafted {
        Ok(drafted) => conclude(
            offset,
            drafted,
            regions,
            || hints::from_json(text, format),
            |is_whole| redact::known_fields(text, format, is_whole).into(),
        ),
        Err(error) if error.is_data() => {
            let message = wrong_field(text, format).unwrap_or_else(|| "a field has a wrong type".to_owned());
            let rejection = Rejection { is_whole: false, ..Rejection::new(QuarantineCode::InvalidField, message) };
            conclude(
                offset,
                Err(rejection),
                regions,
                || hints::from_json(text, format),
                |is_whole| redact::known_fields(text, format, is_whole).into(),
            )
        }
        Err(error) => malformed_json(offset, bytes, format!("the entry is not JSON: {error}"), format),
    }
}

fn parse<'a, T: Deserialize<'a>>(
    text: &'a str,
    draft: impl FnOnce(T) -> Result<Drafted<'a>, Rejection>,
) -> Result<Result<Drafted<'a>, Rejection>, serde_json::Error> {
    serde_json::from_str(text).map(draft)
}

/// Parses the entry again, more slowly, to determine which field has the wrong type.
fn wrong_field(text: &str, format: ScanFormat) -> Option<String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let error = match format {
        ScanFormat::Asff => serde_path_to_error::deserialize::<_, asff::Given<'_>>(&mut json).err(),
        _ => serde_path_to_error::deserialize::<_, ocsf::Event<'_>>(&mut json).err(),
    }?;
    let path = error.path().to_string();
    Some(format!("the field {} has {}", parts::brief(&path), without_value(&error.into_inner().to_string())))
}

/// The error of a field without the field's value, which may be no field of a finding at all. The line and column are omitted
/// too: they refer to this entry alone, which users don't see.
fn without_value(error: &str) -> String {
    let error = error.split(" at line ").next().unwrap_or_default();
    match (error.find(['"', '`']), error.rfind(", expected ")) {
        (Some(value), Some(expected)) if value < expected => [error[..value].trim_end(), &error[expected..]].concat(),
        (Some(value), None) => error[..value].trim_end().to_owned(),
        _ => error.to_owned(),
    }
}

fn row(offset: u64, bytes: &Bytes, columns: &Columns, regions: &Regions) -> Outcome {
    if let Some(row) = columns.read_row(bytes) {
        return finish_row(offset, &Table::new(&row, columns), regions);
    }
    let lossy = String::from_utf8_lossy(bytes);
    // If some cells are not UTF-8, the others can still be read, provided that all cells exist.
    let row = matches!(lossy, Cow::Owned(_)).then(|| columns.read_row(lossy.as_bytes())).flatten();
    let (reason, hints) = match row {
        Some(row) => {
            let reason =
                "the row is not UTF-8; if a spreadsheet saved the file in Windows-1252, upload Prowler's original file";
            (reason.to_owned(), hints::from_row(&Table::new(&row, columns)))
        }
        None => (
            format!("the row is not UTF-8, or doesn't have {} cells like the header row", columns.count),
            Hints::default(),
        ),
    };
    malformed(offset, bytes.len(), reason, traces::from_row(bytes), hints)
}

fn finish_row(offset: u64, table: &Table<'_>, regions: &Regions) -> Outcome {
    conclude(offset, table::draft(table), regions, || hints::from_row(table), |_| table.known_cells().into())
}

fn conclude(
    offset: u64,
    drafted: Result<Drafted<'_>, Rejection>,
    regions: &Regions,
    hints: impl FnOnce() -> Hints,
    known_fields: impl FnOnce(bool) -> Bytes,
) -> Outcome {
    match drafted {
        Ok(Drafted::Skip(skip)) => Outcome::Skipped(skip),
        Ok(Drafted::Manual) => Outcome::Skipped(Skip::Manual(Box::new(hints().manual()))),
        Ok(Drafted::Draft(draft)) if draft.verdict.is_none() => {
            Outcome::Skipped(Skip::Manual(Box::new(draft.manual(regions))))
        }
        Ok(Drafted::Draft(draft)) => {
            let location = draft.location();
            match draft.finish(offset, regions) {
                Ok(mapped) => Outcome::Finding(mapped),
                Err(rejection) => quarantined(offset, rejection, known_fields, location),
            }
        }
        Err(rejection) => match hints() {
            // A finding of another product may lack anything.
            Hints { foreign: Some(skip), .. } => Outcome::Skipped(skip),
            Hints { location, .. } => quarantined(offset, rejection, known_fields, location),
        },
    }
}

fn quarantined(
    offset: u64,
    rejection: Rejection,
    known_fields: impl FnOnce(bool) -> Bytes,
    location: Location,
) -> Outcome {
    let Rejection { code, message, is_whole } = rejection;
    let element = known_fields(is_whole);
    let Location { account, region, check_id } = location;
    Outcome::Quarantined(Box::new(Quarantined { code, message, offset, element, account, region, check_id }))
}

/// JSON that can't be parsed. If it can be parsed without the bytes that are not UTF-8, its brackets and quotes are intact, so it
/// still shows its account, Region, and check.
fn malformed_json(offset: u64, bytes: &Bytes, reason: String, format: ScanFormat) -> Outcome {
    let text = String::from_utf8_lossy(bytes).replace(|letter: char| letter.is_control(), " ");
    let hints = match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(_) => hints::from_json(&text, format),
        Err(_) => Hints::default(),
    };
    let excerpt = traces::from_json(&bytes[..bytes.len().min(EXCERPT_BYTES_MAX)]);
    malformed(offset, bytes.len(), reason, excerpt, hints)
}

fn malformed(offset: u64, length: usize, reason: String, excerpt: Vec<u8>, hints: Hints) -> Outcome {
    if let Some(skip) = hints.foreign {
        return Outcome::Skipped(skip);
    }
    let (length, excerpt, location) = (length as u64, excerpt.into(), hints.location);
    Outcome::Malformed(Malformed { offset, length, reason, excerpt, location })
}
