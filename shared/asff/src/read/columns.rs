//! The columns of Prowler's table, found by the names in its first row.

use std::borrow::Cow;

use memchr::memchr;

use super::Refusal;

/// What separates Prowler's columns.
pub(super) const DELIMITER: u8 = b';';
/// Columns that a first row may have; Prowler's have 41 to 44.
const COLUMNS_MAX: usize = 256;

macro_rules! columns {
    ($($name:ident => $word:literal,)*) => {
        /// A column that is read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Column { $($name,)* }

        impl Column {
            pub(crate) const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $word),)*];
        }
    };
}

columns! {
    Timestamp => "TIMESTAMP",
    AccountUid => "ACCOUNT_UID",
    Provider => "PROVIDER",
    CheckId => "CHECK_ID",
    CheckTitle => "CHECK_TITLE",
    CheckType => "CHECK_TYPE",
    Status => "STATUS",
    StatusExtended => "STATUS_EXTENDED",
    Muted => "MUTED",
    Severity => "SEVERITY",
    ResourceType => "RESOURCE_TYPE",
    ResourceUid => "RESOURCE_UID",
    ResourceName => "RESOURCE_NAME",
    ResourceTags => "RESOURCE_TAGS",
    Partition => "PARTITION",
    Region => "REGION",
    RecommendationText => "REMEDIATION_RECOMMENDATION_TEXT",
    RecommendationUrl => "REMEDIATION_RECOMMENDATION_URL",
    Compliance => "COMPLIANCE",
    Version => "PROWLER_VERSION",
    UnitId => "ACCOUNT_OU_UID",
    UnitName => "ACCOUNT_OU_NAME",
}

/// Columns without which a table is none of Prowler's scan results.
const NEEDED: [(Column, &str); 5] = [
    (Column::CheckId, "CHECK_ID"),
    (Column::AccountUid, "ACCOUNT_UID"),
    (Column::Status, "STATUS"),
    (Column::ResourceUid, "RESOURCE_UID"),
    (Column::Region, "REGION"),
];

/// Columns that may be missing at a row's end: spreadsheets leave out cells there that are empty.
const MAY_BE_CUT: [Column; 2] = [Column::UnitId, Column::UnitName];

/// Where each column is.
#[derive(Debug)]
pub(crate) struct Columns {
    places: Vec<Option<usize>>,
    /// How many there are in all.
    pub(crate) count: usize,
    /// How many a row must have.
    count_min: usize,
    delimiter: u8,
}

impl Columns {
    /// Reads the first row of a table.
    ///
    /// # Errors
    ///
    /// When it is not that of a scan result, with what it is instead.
    pub(super) fn read(first_row: &[u8], delimiter: u8) -> Result<Self, Refusal> {
        let Some(names) = read_row(first_row, delimiter) else {
            let why = "its first row is not one of names".to_owned();
            return Err(Refusal::NotProwlerTable { why });
        };
        let place = |word: &str| (0..names.count()).find(|&at| names.cell(at).trim().eq_ignore_ascii_case(word));
        if place("ASSESSMENT_START_TIME").is_some() || place("FINDING_UNIQUE_ID").is_some() {
            return Err(Refusal::OldProwler { version: None, format: "CSV" });
        }
        if place("REQUIREMENTS_ID").is_some() || place("ASSESSMENTDATE").is_some() {
            return Err(Refusal::Compliance);
        }
        if let Some((_, missing)) = NEEDED.iter().find(|(_, word)| place(word).is_none()) {
            let why = format!("its first row has no column {missing}");
            return Err(Refusal::NotProwlerTable { why });
        }
        let places: Vec<Option<usize>> = Column::ALL.iter().map(|(_, word)| place(word)).collect();
        let needed = Column::ALL.iter().filter(|(column, _)| !MAY_BE_CUT.contains(column));
        let count_min = needed.filter_map(|(column, _)| places[*column as usize]).max().map_or(1, |last| last + 1);
        Ok(Self { places, count: names.count(), count_min, delimiter })
    }

    /// Some of the known columns, in their own order.
    pub(crate) fn of_known(is_there: impl Fn(&str) -> bool) -> Self {
        let mut count = 0;
        let places = Column::ALL.iter().map(|(_, name)| {
            count += usize::from(is_there(name));
            is_there(name).then(|| count - 1)
        });
        let places = places.collect();
        Self { places, count, count_min: count, delimiter: DELIMITER }
    }

    /// What separates the cells.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Reads one row of this table; `None` when it has not as many cells as the first row, or is no text.
    pub(crate) fn read_row<'r>(&self, row: &'r [u8]) -> Option<Row<'r>> {
        self.cells(row).filter(|row| (self.count_min..=self.count).contains(&row.count()))
    }

    /// Whether a row without an end of its line is whole.
    pub(super) fn is_whole(&self, row: &[u8]) -> bool {
        self.cells(row).is_some_and(|row| row.count() == self.count)
    }

    /// The cells of a row, however many there are; `None` when it is no text.
    pub(super) fn cells<'r>(&self, row: &'r [u8]) -> Option<Row<'r>> {
        read_row(row, self.delimiter)
    }

    /// The cell of `column`; `None` when the table has no such column.
    pub(crate) fn cell<'r>(&self, row: &'r Row<'_>, column: Column) -> Option<&'r str> {
        self.places[column as usize].map(|place| row.cell(place))
    }
}

/// One row, its cells unquoted.
#[derive(Debug)]
pub(crate) struct Row<'r>(pub(crate) Vec<Cow<'r, str>>);

impl Row<'_> {
    /// How many cells there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The cell at `place`; empty when there is none.
    pub(crate) fn cell(&self, place: usize) -> &str {
        self.0.get(place).map_or("", AsRef::as_ref)
    }
}

/// Reads one row: `None` when it is not UTF-8, a quote is not closed, or there are more than [`COLUMNS_MAX`] cells.
fn read_row(row: &[u8], delimiter: u8) -> Option<Row<'_>> {
    let mut rest = Some(std::str::from_utf8(row).ok()?);
    let mut cells = Vec::with_capacity(64);
    while let Some(text) = rest {
        if cells.len() == COLUMNS_MAX {
            return None;
        }
        let (cell, next) = match text.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted, delimiter)?,
            None => plain_cell(text, delimiter),
        };
        cells.push(cell);
        rest = next;
    }
    Some(Row(cells))
}

/// A cell and what follows its delimiter.
type Cell<'r> = (Cow<'r, str>, Option<&'r str>);

fn plain_cell(text: &str, delimiter: u8) -> Cell<'_> {
    match text.split_once(char::from(delimiter)) {
        Some((cell, next)) => (cell.into(), Some(next)),
        None => (text.into(), None),
    }
}

/// From behind the opening quote. What stands between the closing quote and the delimiter belongs to the cell.
fn quoted_cell(text: &str, delimiter: u8) -> Option<Cell<'_>> {
    let mut whole = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_at(memchr(b'"', rest.as_bytes())?);
        let behind = &behind[1..];
        if let Some(next) = behind.strip_prefix('"') {
            whole.push_str(part);
            whole.push('"');
            rest = next;
            continue;
        }
        let (tail, next) = plain_cell(behind, delimiter);
        if whole.is_empty() && tail.is_empty() {
            return Some((part.into(), next));
        }
        whole.push_str(part);
        whole.push_str(&tail);
        return Some((whole.into(), next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_with_its_quotes_and_line_breaks() {
        let row = read_row(b"a;\"b \"\"c\"\";\nd\";;\"\";\"e\"f;g\"", DELIMITER).unwrap();
        let cells: Vec<&str> = (0..row.count()).map(|place| row.cell(place)).collect();
        assert_eq!(cells, ["a", "b \"c\";\nd", "", "", "ef", "g\""]);
        assert!(read_row(b"a;\"b", DELIMITER).is_none());
        assert!(read_row(b"\xff", DELIMITER).is_none());
        assert!(read_row(";".repeat(COLUMNS_MAX).as_bytes(), DELIMITER).is_none());
    }
}
