//! The columns of Prowler's table, found by the names in its first row.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::Refusal;

/// What separates Prowler's columns.
const DELIMITER: u8 = b';';
/// Columns that a first row may have; Prowler's have 41 to 44.
const COLUMNS_MAX: usize = 256;

macro_rules! columns {
    ($($name:ident => $word:literal,)*) => {
        /// A column that is read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Column { $($name,)* }

        impl Column {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $word),)*];
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

/// Where each column is.
#[derive(Debug)]
pub(crate) struct Columns {
    places: Vec<Option<usize>>,
    /// How many there are in all.
    pub(crate) count: usize,
    reader: Reader,
}

impl Columns {
    /// Reads the first row of a table.
    ///
    /// # Errors
    ///
    /// When it is not that of a scan result, with what it is instead.
    pub(super) fn read(first_row: &[u8]) -> Result<Self, Refusal> {
        let reader = ReaderBuilder::new().delimiter(DELIMITER).build();
        let Some(names) = read_row(first_row, reader.clone()) else {
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
        let places = Column::ALL.iter().map(|(_, word)| place(word)).collect();
        Ok(Self { places, count: names.count(), reader })
    }

    /// Reads one row of this table; `None` when it has not as many cells as the first row, or is no text.
    pub(crate) fn read_row(&self, row: &[u8]) -> Option<Row> {
        read_row(row, self.reader.clone()).filter(|row| row.count() == self.count)
    }

    /// The cell of `column`; `None` when the table has no such column.
    pub(crate) fn cell<'r>(&self, row: &'r Row, column: Column) -> Option<&'r str> {
        self.places[column as usize].map(|place| row.cell(place))
    }
}

/// One row, its cells unquoted.
#[derive(Debug)]
pub(crate) struct Row {
    text: String,
    ends: Vec<usize>,
}

impl Row {
    /// How many cells there are.
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// The cell at `place`; empty when there is none.
    pub(crate) fn cell(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends.get(place - 1).copied().unwrap_or_default() };
        self.ends.get(place).and_then(|&end| self.text.get(start..end)).unwrap_or_default()
    }
}

/// Reads one row: `None` when it is not UTF-8, or has more than [`COLUMNS_MAX`] cells or a line break outside of quotes.
pub(crate) fn read_row(row: &[u8], mut reader: Reader) -> Option<Row> {
    let (mut out, mut ends) = (vec![0; row.len() + 1], [0; COLUMNS_MAX]);
    let (result, read, written, mut count) = reader.read_record(row, &mut out, &mut ends);
    match result {
        ReadRecordResult::InputEmpty => {
            // The end of the row is the end of the input: said by reading nothing more.
            let (result, _, _, last) = reader.read_record(&[], &mut out[written..], &mut ends[count..]);
            count += last;
            if result != ReadRecordResult::Record {
                return None;
            }
        }
        ReadRecordResult::Record if read == row.len() => {}
        _ => return None,
    }
    out.truncate(ends[..count].last().copied().unwrap_or_default());
    Some(Row { text: String::from_utf8(out).ok()?, ends: ends[..count].to_vec() })
}
