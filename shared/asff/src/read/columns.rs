//! The columns of Prowler's CSV file, found by the names in its header row.

use std::borrow::Cow;

use memchr::memchr;

use super::FileRejection;

/// The delimiter of Prowler's columns.
pub(super) const DELIMITER: u8 = b';';
/// Maximum number of columns in a header row; Prowler's have 41 to 44.
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

/// Columns without which a CSV file is not a Prowler scan result.
const NEEDED: [(Column, &str); 5] = [
    (Column::CheckId, "CHECK_ID"),
    (Column::AccountUid, "ACCOUNT_UID"),
    (Column::Status, "STATUS"),
    (Column::ResourceUid, "RESOURCE_UID"),
    (Column::Region, "REGION"),
];

/// Columns that may be missing at the end of a row, because spreadsheets omit empty cells there.
const MAY_BE_CUT: [Column; 2] = [Column::UnitId, Column::UnitName];

/// The positions of the columns.
#[derive(Debug)]
pub(crate) struct Columns {
    places: Vec<Option<usize>>,
    /// The number of columns.
    pub(crate) count: usize,
    /// The minimum number of cells in a row.
    count_min: usize,
    delimiter: u8,
}

impl Columns {
    /// Reads the header row of a CSV file.
    ///
    /// # Errors
    ///
    /// If the row is not the header of a scan result. The error states what the file is instead.
    pub(super) fn read(first_row: &[u8], delimiter: u8) -> Result<Self, FileRejection> {
        let Some(names) = read_row(first_row, delimiter) else {
            let why = "its first row is not a header row".to_owned();
            return Err(FileRejection::NotProwlerTable { why });
        };
        let place = |word: &str| (0..names.count()).find(|&at| names.cell(at).trim().eq_ignore_ascii_case(word));
        if place("ASSESSMENT_START_TIME").is_some() || place("FINDING_UNIQUE_ID").is_some() {
            return Err(FileRejection::OldProwler { version: None, format: "CSV" });
        }
        if place("REQUIREMENTS_ID").is_some() || place("ASSESSMENTDATE").is_some() {
            return Err(FileRejection::Compliance);
        }
        if let Some((_, missing)) = NEEDED.iter().find(|(_, word)| place(word).is_none()) {
            let why = format!("its header row has no column {missing}");
            return Err(FileRejection::NotProwlerTable { why });
        }
        let places: Vec<Option<usize>> = Column::ALL.iter().map(|(_, word)| place(word)).collect();
        let needed = Column::ALL.iter().filter(|(column, _)| !MAY_BE_CUT.contains(column));
        let count_min = needed.filter_map(|(column, _)| places[*column as usize]).max().map_or(1, |last| last + 1);
        Ok(Self { places, count: names.count(), count_min, delimiter })
    }

    /// The columns of a row that consists of known columns only.
    pub(crate) fn of_known(is_there: impl Fn(&str) -> bool) -> Self {
        let mut count = 0;
        let places = Column::ALL.iter().map(|(_, name)| {
            count += usize::from(is_there(name));
            is_there(name).then(|| count - 1)
        });
        let places = places.collect();
        Self { places, count, count_min: count, delimiter: DELIMITER }
    }

    /// The delimiter of the cells.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Reads one row. `None` if its number of cells doesn't match the header row, or if it is not UTF-8.
    pub(crate) fn read_row<'r>(&self, row: &'r [u8]) -> Option<Row<'r>> {
        self.cells(row).filter(|row| (self.count_min..=self.count).contains(&row.count()))
    }

    /// Whether a row without a line break is complete.
    pub(super) fn is_whole(&self, row: &[u8]) -> bool {
        self.cells(row).is_some_and(|row| row.count() == self.count)
    }

    /// The cells of a row, in any number. `None` if the row is not UTF-8.
    pub(super) fn cells<'r>(&self, row: &'r [u8]) -> Option<Row<'r>> {
        read_row(row, self.delimiter)
    }

    /// The cell of `column`. `None` if the file has no such column.
    pub(crate) fn cell<'r>(&self, row: &'r Row<'_>, column: Column) -> Option<&'r str> {
        self.places[column as usize].map(|place| row.cell(place))
    }
}

/// One row with unquoted cells.
#[derive(Debug)]
pub(crate) struct Row<'r>(pub(crate) Vec<Cow<'r, str>>);

impl Row<'_> {
    /// The number of cells.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The cell at an index. Empty if it doesn't exist.
    pub(crate) fn cell(&self, place: usize) -> &str {
        self.0.get(place).map_or("", AsRef::as_ref)
    }
}

/// Reads one row. `None` if it is not UTF-8, if a quote is not closed, or if it has more than [`COLUMNS_MAX`] cells.
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

/// Reads a quoted cell, from after its opening quote. Text between the closing quote and the delimiter belongs to the cell.
fn quoted_cell(text: &str, delimiter: u8) -> Option<Cell<'_>> {
    let mut whole = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_at(memchr(b'"', rest.as_bytes())?);
        let after = &after[1..];
        if let Some(next) = after.strip_prefix('"') {
            whole.push_str(part);
            whole.push('"');
            rest = next;
            continue;
        }
        let (tail, next) = plain_cell(after, delimiter);
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
