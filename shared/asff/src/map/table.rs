//! Maps the rows of Prowler's table.

use std::borrow::Cow;

use super::draft::{Draft, Rejection};
use super::frameworks::Frameworks;
use super::ocsf::{Drafted, is_manual, never_sent, not_aws, shortened, units, verdict_of};
use super::{tags, time};
use crate::outcome::QuarantineCode;
use crate::read::{Column, Columns, Row, major_minor};

/// Until this version Prowler joined types by commas, since by ` | `.
const JOINS_BY_BARS_FROM: (u32, u32) = (4, 5);
/// Until this version Prowler hashed the resource's name for the Id.
const HASHES_UID_FROM: (u32, u32) = (4, 3);

/// Reads one row.
pub(super) fn draft<'r>(row: &'r Row<'_>, columns: &Columns) -> Result<Drafted<'r>, Rejection> {
    let text = |column| text(row, columns, column);
    if let Some(skip) = not_aws(text(Column::Provider)) {
        return Ok(Drafted::Skip(skip));
    }
    never_sent(is_manual(text(Column::Status)), finding(row, columns))
}

fn finding<'r>(row: &'r Row<'_>, columns: &Columns) -> Result<Drafted<'r>, Rejection> {
    let cell = |column| columns.cell(row, column).map(unguarded);
    let text = |column| cell(column).unwrap_or_default();
    let muted = text(Column::Muted).eq_ignore_ascii_case("true");
    let verdict = verdict_of(text(Column::Status), muted)?;
    let written = text(Column::Timestamp);
    let scanned_at = time::of_text(written).map(time::whole_seconds).ok_or_else(|| {
        let message = format!("the time {:?} is none that can be read", super::parts::brief(written));
        Rejection::new(QuarantineCode::InvalidField, message)
    })?;
    let version = cell(Column::Version).filter(|version| !version.is_empty());
    let is_before = |bound| version.and_then(major_minor).is_some_and(|version| version < bound);
    let name = cell(Column::ResourceName).filter(|name| is_before(HASHES_UID_FROM) && !name.is_empty());
    let bar = if is_before(JOINS_BY_BARS_FROM) { "," } else { " | " };
    let types = text(Column::CheckType).split(bar).filter(|part| !part.is_empty());
    let unit = |column| cell(column).map(Cow::Borrowed);
    Ok(Drafted::Draft(Box::new(Draft {
        id: None,
        version: version.map(Cow::Borrowed),
        check_id: text(Column::CheckId).into(),
        account: text(Column::AccountUid).into(),
        partition: cell(Column::Partition).map(Cow::Borrowed),
        region: text(Column::Region).into(),
        resource_type: text(Column::ResourceType).into(),
        resource_uid: text(Column::ResourceUid).into(),
        resource_region: text(Column::Region).into(),
        hashed: name.map(Cow::Borrowed),
        tags: tags::of_cell(text(Column::ResourceTags)),
        verdict,
        severity: text(Column::Severity).into(),
        title: text(Column::CheckTitle).into(),
        description: shortened(text(Column::StatusExtended).into()),
        types: types.map(Cow::Borrowed).collect(),
        scanned_at,
        created_at: scanned_at,
        frameworks: Frameworks::of_cell(text(Column::Compliance)),
        advice: text(Column::RecommendationText).into(),
        link: text(Column::RecommendationUrl).into(),
        product_fields: units(unit(Column::UnitId), unit(Column::UnitName)),
        repairs: Vec::new(),
    })))
}

/// The cell of a column; empty where the table has no such column.
pub(super) fn text<'r>(row: &'r Row<'_>, columns: &Columns, column: Column) -> &'r str {
    columns.cell(row, column).map(unguarded).unwrap_or_default()
}

/// A cell without the mark that Prowler puts before what a spreadsheet would run as a formula.
fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_against_formulas_is_taken_off() {
        assert_eq!(unguarded("'=1+1"), "=1+1");
        assert_eq!(unguarded("'-a"), "-a");
        assert_eq!(unguarded("'*:*' is allowed"), "'*:*' is allowed");
        assert_eq!(unguarded(""), "");
    }
}
