//! Maps the rows of Prowler's CSV file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::draft::{Draft, Rejection};
use super::frameworks::Frameworks;
use super::ocsf::{Drafted, is_manual, not_aws, shortened, units, unsent, verdict_of};
use super::{tags, time};
use crate::outcome::QuarantineCode;
use crate::read::spreadsheet::changed;
use crate::read::{Column, Columns, Row, major_minor};

/// The first version of Prowler that joins types with ` | `. Earlier versions joined them with commas.
const JOINS_BY_BARS_FROM: (u32, u32) = (4, 5);
/// The first version of Prowler that hashes the resource's UID for the ID. Earlier versions hashed the resource's name.
const HASHES_UID_FROM: (u32, u32) = (4, 3);
/// The first version of Prowler that puts an apostrophe before cells that a spreadsheet would run as a formula (contract 11.3).
const GUARDS_FROM: (u32, u32) = (5, 45);

/// A row with its columns.
pub(super) struct Table<'r> {
    row: &'r Row<'r>,
    columns: &'r Columns,
    version: Option<(u32, u32)>,
    guarded: bool,
}

impl<'r> Table<'r> {
    pub(super) fn new(row: &'r Row<'r>, columns: &'r Columns) -> Self {
        let version = columns.cell(row, Column::Version).and_then(major_minor);
        let guarded = version.is_none_or(|version| version >= GUARDS_FROM);
        Self { row, columns, version, guarded }
    }

    /// A cell without Prowler's protection against formulas. `None` if the file has no such column.
    fn cell(&self, column: Column) -> Option<&'r str> {
        let cell = self.columns.cell(self.row, column)?;
        Some(if self.guarded { unguarded(cell) } else { cell })
    }

    /// A cell without Prowler's protection against formulas. Empty if the file has no such column.
    pub(super) fn text(&self, column: Column) -> &'r str {
        self.cell(column).unwrap_or_default()
    }

    fn is_before(&self, bound: (u32, u32)) -> bool {
        self.version.is_some_and(|version| version < bound)
    }

    /// The known cells as JSON, so that the row can be mapped again. Other cells may contain data of the resource.
    pub(super) fn known_cells(&self) -> Vec<u8> {
        let cells = Column::ALL.iter().map(|(column, name)| (*name, self.columns.cell(self.row, *column)));
        let cells: BTreeMap<&str, &str> = cells.filter_map(|(name, cell)| Some((name, cell?))).collect();
        // Writing strings to memory can't fail.
        serde_json::to_vec(&cells).unwrap_or_default()
    }
}

/// The row and its columns from the result of [`Table::known_cells`].
pub(super) fn stored_row(known_cells: &[u8]) -> Option<(Row<'_>, Columns)> {
    let mut cells: BTreeMap<Cow<'_, str>, Cow<'_, str>> = serde_json::from_slice(known_cells).ok()?;
    cells.contains_key("CHECK_ID").then_some(())?;
    let columns = Columns::of_known(|name| cells.contains_key(name));
    Some((Row(Column::ALL.iter().filter_map(|(_, name)| cells.remove(*name)).collect()), columns))
}

/// Converts one row to a draft.
pub(super) fn draft<'r>(table: &Table<'r>) -> Result<Drafted<'r>, Rejection> {
    if let Some(skip) = not_aws(table.text(Column::Provider)) {
        return Ok(Drafted::Skip(skip));
    }
    unsent(is_manual(table.text(Column::Status)), finding(table))
}

fn finding<'r>(table: &Table<'r>) -> Result<Drafted<'r>, Rejection> {
    let text = |column| table.text(column);
    for (column, code) in [
        (Column::AccountUid, QuarantineCode::InvalidAccount),
        (Column::ResourceUid, QuarantineCode::InvalidField),
        (Column::Timestamp, QuarantineCode::InvalidField),
        (Column::Muted, QuarantineCode::InvalidField),
    ] {
        if let Some(change) = changed(column, text(column)) {
            return Err(Rejection::new(
                code,
                format!("{change}: a spreadsheet converted the cell to a number or a date"),
            ));
        }
    }
    let muted = text(Column::Muted).trim().eq_ignore_ascii_case("true");
    let verdict = verdict_of(text(Column::Status), muted)?;
    let written = text(Column::Timestamp);
    let scanned_at = time::from_str(written).map(time::whole_seconds).ok_or_else(|| {
        let message = format!("the time {:?} can't be parsed", super::parts::brief(written));
        Rejection::new(QuarantineCode::InvalidField, message)
    })?;
    let version = table.cell(Column::Version).filter(|version| !version.is_empty());
    let name = table.cell(Column::ResourceName).filter(|name| table.is_before(HASHES_UID_FROM) && !name.is_empty());
    let bar = if table.is_before(JOINS_BY_BARS_FROM) { "," } else { " | " };
    let types = text(Column::CheckType).split(bar).filter(|part| !part.is_empty());
    let unit = |column| table.cell(column).map(Cow::Borrowed);
    Ok(Drafted::Draft(Box::new(Draft {
        id: None,
        version: version.map(Cow::Borrowed),
        check_id: text(Column::CheckId).into(),
        account: text(Column::AccountUid).into(),
        partition: table.cell(Column::Partition).map(Cow::Borrowed),
        region: text(Column::Region).into(),
        resource_type: text(Column::ResourceType).into(),
        resource_uid: text(Column::ResourceUid).into(),
        resource_region: text(Column::Region).into(),
        hashed: name.map(Cow::Borrowed),
        tags: tags::from_cell(text(Column::ResourceTags)),
        verdict,
        severity: text(Column::Severity).into(),
        title: text(Column::CheckTitle).into(),
        description: shortened(text(Column::StatusExtended).into()),
        types: types.map(Cow::Borrowed).collect(),
        scanned_at,
        created_at: scanned_at,
        frameworks: Frameworks::from_cell(text(Column::Compliance)),
        advice: text(Column::RecommendationText).into(),
        link: text(Column::RecommendationUrl).into(),
        product_fields: units(unit(Column::UnitId), unit(Column::UnitName)),
        repairs: Vec::new(),
    })))
}

/// Removes the apostrophe that Prowler puts before a cell that a spreadsheet would run as a formula: a cell that begins with a
/// sign, possibly after blanks, and is not a number.
fn unguarded(cell: &str) -> &str {
    let Some(rest) = cell.strip_prefix('\'') else { return cell };
    let is_formula = rest.starts_with(['\t', '\r']) || rest.trim_start().starts_with(['=', '+', '-', '@']);
    if is_formula && rest.trim().parse::<f64>().is_err() { rest } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apostrophe_before_formulas_is_removed() {
        for (cell, expected) in [
            ("'=1+1", "=1+1"),
            ("'-a", "-a"),
            ("' @a", " @a"),
            ("'\ta", "\ta"),
            ("''=a", "''=a"),
            ("'-5", "'-5"),
            ("'*:*' is allowed", "'*:*' is allowed"),
            ("'", "'"),
            ("", ""),
        ] {
            assert_eq!(unguarded(cell), expected, "{cell:?}");
        }
    }
}
