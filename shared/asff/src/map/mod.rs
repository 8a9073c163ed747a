//! Maps one element of a scan to a finding, as Prowler itself would.

mod asff;
mod draft;
mod frameworks;
mod hints;
mod link;
mod ocsf;
mod parts;
pub(crate) mod shapes;
mod table;
pub(crate) mod tags;
mod text;
mod time;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::outcome::{Mapped, Outcome, QuarantineCode, Quarantined, Skip, Unreadable};
use crate::place::Place;
use crate::read::{Columns, Content, Element, ScanFormat, TagKeys};
use crate::redact;
use crate::regions::Regions;
use draft::Rejection;
use hints::Hints;
use ocsf::Drafted;
use shapes::First;

/// The part of every Prowler finding's `ProductArn` that never changes.
pub(crate) const PRODUCT: &str = ":product/prowler/prowler";
/// Bytes of an unreadable entry that are kept.
const EXCERPT_BYTES_MAX: usize = 16 * 1024;

/// Maps one element. Pure: call it on as many threads as you like.
#[must_use]
pub fn map(element: &Element, regions: &Regions) -> Outcome {
    match &element.content {
        Content::Unreadable(unreadable) => Outcome::Unreadable(unreadable.clone()),
        Content::Json { bytes, format, keys } => json(element.offset, bytes, *format, keys, regions),
        Content::Row { bytes, columns } => row(element.offset, bytes, columns, regions),
    }
}

/// Maps a finding that is in the format already, such as one that Security Hub holds. None where it is not ours.
#[must_use]
pub fn map_asff(finding: &Bytes, regions: &Regions) -> Option<Box<Mapped>> {
    match json(0, finding, ScanFormat::Asff, &TagKeys::default(), regions) {
        Outcome::Finding(mapped) => Some(mapped),
        Outcome::Skipped(_) | Outcome::Unreadable(_) | Outcome::Quarantined(_) => None,
    }
}

/// Maps an element once more that was kept, as JSON, because it could not be mapped when it was read. A row of a table can't be
/// mapped by itself; it is unreadable.
#[must_use]
pub fn map_again(offset: u64, element: &Bytes, format: ScanFormat, regions: &Regions) -> Outcome {
    json(offset, element, format, &TagKeys::default(), regions)
}

fn json(offset: u64, bytes: &Bytes, format: ScanFormat, keys: &TagKeys, regions: &Regions) -> Outcome {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return unreadable(offset, bytes, "the entry is not UTF-8".to_owned());
    };
    let drafted = match format {
        ScanFormat::Asff => parse(text, asff::draft),
        ScanFormat::Ocsf | ScanFormat::Csv => parse(text, |event| ocsf::draft(event, keys)),
    };
    match drafted {
        Ok(drafted) => settle(offset, drafted, regions, || hints::of_json(text, format), || kept(text)),
        Err(error) if error.is_data() => {
            let message = wrong_field(text, format).unwrap_or_else(|| error.to_string());
            let rejection = Rejection::new(QuarantineCode::InvalidField, message);
            quarantined(offset, rejection, kept(text), hints::of_json(text, format).place)
        }
        Err(error) => unreadable(offset, bytes, format!("the entry is not JSON: {error}")),
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
    let inner = error.into_inner().to_string();
    // The line and column are of this entry alone, which nobody has before them.
    let what = inner.split(" at line ").next().unwrap_or_default();
    Some(format!("the field {} has {what}", parts::brief(&path)))
}

fn row(offset: u64, bytes: &Bytes, columns: &Columns, regions: &Regions) -> Outcome {
    let Some(row) = columns.read_row(bytes) else {
        let reason = format!("the row is not UTF-8 or has not the {} cells of the first", columns.count);
        return unreadable(offset, bytes, reason);
    };
    settle(offset, table::draft(&row, columns), regions, || hints::of_row(&row, columns), || bytes.clone())
}

fn settle(
    offset: u64,
    drafted: Result<Drafted<'_>, Rejection>,
    regions: &Regions,
    hints: impl FnOnce() -> Hints,
    kept: impl FnOnce() -> Bytes,
) -> Outcome {
    match drafted {
        Ok(Drafted::Skip(skip)) => Outcome::Skipped(skip),
        Ok(Drafted::Manual) => Outcome::Skipped(Skip::Manual(Box::new(hints().manual()))),
        Ok(Drafted::Draft(draft)) if draft.verdict.is_none() => {
            Outcome::Skipped(Skip::Manual(Box::new(draft.manual(regions))))
        }
        Ok(Drafted::Draft(draft)) => {
            let place = draft.told_place();
            match draft.finish(offset, regions) {
                Ok(mapped) => Outcome::Finding(mapped),
                Err(rejection) => quarantined(offset, rejection, kept(), place),
            }
        }
        Err(rejection) => quarantined(offset, rejection, kept(), hints().place),
    }
}

fn quarantined(offset: u64, rejection: Rejection, element: Bytes, place: Place) -> Outcome {
    let Rejection { code, message } = rejection;
    let Place { account, region, check_id } = place;
    Outcome::Quarantined(Box::new(Quarantined { code, message, offset, element, account, region, check_id }))
}

/// What is kept of a sound entry: all but the resource's data, of which only the tags stay.
fn kept(text: &str) -> Bytes {
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        resources: Option<First<Resource<'a>>>,
    }
    #[derive(Deserialize)]
    struct Resource<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let data = serde_json::from_str::<Entry<'_>>(text).ok();
    let data = data.and_then(|entry| entry.resources?.0?.data);
    let tags = data.and_then(tags::tags_of).map(|tags| format!(r#"{{"metadata":{{"tags":{tags}}}}}"#));
    redact::without_data(text.as_bytes(), tags.as_deref().map(str::as_bytes)).into()
}

fn unreadable(offset: u64, bytes: &Bytes, reason: String) -> Outcome {
    let excerpt = redact::before_data(&bytes[..bytes.len().min(EXCERPT_BYTES_MAX)]);
    let (length, excerpt) = (bytes.len() as u64, bytes.slice_ref(excerpt));
    Outcome::Unreadable(Unreadable { offset, length, reason, excerpt, place: Place::default() })
}
