//! Maps one element of a scan to a finding, as Prowler itself would.

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

use crate::outcome::{Malformed, Mapped, Outcome, QuarantineCode, Quarantined, Skip};
use crate::place::Place;
use crate::read::{Columns, Content, Element, ScanFormat, TagKeys};
use crate::redact;
use crate::regions::Regions;
use crate::traces;
use draft::Rejection;
use hints::Hints;
use ocsf::Drafted;
use table::Table;

/// Bytes of an unreadable entry that are checked.
const EXCERPT_BYTES_MAX: usize = 16 * 1024;

/// Maps one element. Pure: call it on as many threads as you like.
#[must_use]
pub fn map(element: &Element, regions: &Regions) -> Outcome {
    match &element.content {
        Content::Malformed(malformed) => Outcome::Malformed(malformed.clone()),
        Content::Json { bytes, format, keys } => json(element.offset, bytes, *format, keys, regions),
        Content::Foreign(product) => Outcome::Skipped(Skip::OtherProduct { product: product.to_string() }),
        Content::Row { bytes, columns } => row(element.offset, bytes, columns, regions),
    }
}

/// Maps a finding that is in the format already, such as one that Security Hub holds. None where it is not ours.
#[must_use]
pub fn map_asff(finding: &Bytes, regions: &Regions) -> Option<Box<Mapped>> {
    match json(0, finding, ScanFormat::Asff, &TagKeys::default(), regions) {
        Outcome::Finding(mapped) => Some(mapped),
        Outcome::Skipped(_) | Outcome::Malformed(_) | Outcome::Quarantined(_) => None,
    }
}

/// Maps an element again whose known fields were kept, as JSON, because it could not be mapped when it was read.
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
        Ok(drafted) => settle(
            offset,
            drafted,
            regions,
            || hints::from_json(text, format),
            |is_whole| redact::known_fields(text, format, is_whole).into(),
        ),
        Err(error) if error.is_data() => {
            let message = wrong_field(text, format).unwrap_or_else(|| "a field has a wrong type".to_owned());
            let rejection = Rejection { is_whole: false, ..Rejection::new(QuarantineCode::InvalidField, message) };
            settle(
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

/// Reads again, slower, to tell which field has the wrong type.
fn wrong_field(text: &str, format: ScanFormat) -> Option<String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let error = match format {
        ScanFormat::Asff => serde_path_to_error::deserialize::<_, asff::Given<'_>>(&mut json).err(),
        _ => serde_path_to_error::deserialize::<_, ocsf::Event<'_>>(&mut json).err(),
    }?;
    let path = error.path().to_string();
    Some(format!("the field {} has {}", parts::brief(&path), without_value(&error.into_inner().to_string())))
}

/// What is wrong with a field, in serde's words, but not what it holds: that may be no field of a finding at all. The line and
/// the column are left out too: they are of this entry alone, which nobody has before them.
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
    // Cells that hold what is no text don't hide the others, if all cells are there.
    let row = matches!(lossy, Cow::Owned(_)).then(|| columns.read_row(lossy.as_bytes())).flatten();
    let (reason, hints) = match row {
        Some(row) => {
            let reason =
                "the row is not UTF-8; if a spreadsheet saved the file in Windows-1252, upload it as Prowler wrote it";
            (reason.to_owned(), hints::from_row(&Table::new(&row, columns)))
        }
        None => (format!("the row is not UTF-8 or has not the {} cells of the first", columns.count), Hints::default()),
    };
    malformed(offset, bytes.len(), reason, traces::from_row(bytes), hints)
}

fn finish_row(offset: u64, table: &Table<'_>, regions: &Regions) -> Outcome {
    settle(offset, table::draft(table), regions, || hints::from_row(table), |_| table.known_cells().into())
}

fn settle(
    offset: u64,
    drafted: Result<Drafted<'_>, Rejection>,
    regions: &Regions,
    hints: impl FnOnce() -> Hints,
    kept: impl FnOnce(bool) -> Bytes,
) -> Outcome {
    match drafted {
        Ok(Drafted::Skip(skip)) => Outcome::Skipped(skip),
        Ok(Drafted::Manual) => Outcome::Skipped(Skip::Manual(Box::new(hints().manual()))),
        Ok(Drafted::Draft(draft)) if draft.verdict.is_none() => {
            Outcome::Skipped(Skip::Manual(Box::new(draft.manual(regions))))
        }
        Ok(Drafted::Draft(draft)) => {
            let place = draft.location();
            match draft.finish(offset, regions) {
                Ok(mapped) => Outcome::Finding(mapped),
                Err(rejection) => quarantined(offset, rejection, kept, place),
            }
        }
        Err(rejection) => match hints() {
            // What is not ours lacks nothing that we could miss.
            Hints { foreign: Some(skip), .. } => Outcome::Skipped(skip),
            Hints { place, .. } => quarantined(offset, rejection, kept, place),
        },
    }
}

fn quarantined(offset: u64, rejection: Rejection, kept: impl FnOnce(bool) -> Bytes, place: Place) -> Outcome {
    let Rejection { code, message, is_whole } = rejection;
    let element = kept(is_whole);
    let Place { account, region, check_id } = place;
    Outcome::Quarantined(Box::new(Quarantined { code, message, offset, element, account, region, check_id }))
}

/// JSON that can't be parsed. If it can with the bytes that are no text left out, it still tells where it belongs: its brackets
/// and quotes are sound.
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
    let (length, excerpt, place) = (length as u64, excerpt.into(), hints.place);
    Outcome::Malformed(Malformed { offset, length, reason, excerpt, place })
}
