//! Tables for 80 columns: no borders, numbers right-aligned.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, TableStyle};

use super::style::TextStyle;
use super::text;
use crate::config::Style;

/// A column with its heading.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// Text, left-aligned.
    Text(&'static str),
    /// Numbers, right-aligned.
    Number(&'static str),
}

/// Padding after a cell, in columns, in addition to the separator.
const GAP: u16 = 1;

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<(TextStyle, Vec<String>)>,
}

impl Table {
    /// An empty table. Empty headings are omitted.
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row. Control characters are escaped.
    pub(crate) fn row<T: AsRef<str>>(
        &mut self,
        text_style: TextStyle,
        cells: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let cells = cells.into_iter().map(|cell| text::harmless(cell.as_ref())).collect();
        self.rows.push((text_style, cells));
        self
    }

    /// Whether the table has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, with line ends.
    pub(crate) fn render(&self, style: Style) -> String {
        let mut table = comfy_table::Table::new();
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('-').junction('-')));
        if style.color {
            table.enforce_styling()
        } else {
            table.force_no_tty()
        };
        let headings: Vec<&str> = self.columns.iter().map(|column| column.heading()).collect();
        if headings.iter().any(|heading| !heading.is_empty()) {
            table.set_header(headings.into_iter().map(|heading| styled(Cell::new(heading), TextStyle::Strong)));
        }
        for (text_style, cells) in &self.rows {
            table.add_row(cells.iter().map(|cell| styled(Cell::new(cell), *text_style)));
        }
        let last = self.columns.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { GAP }));
            if matches!(self.columns.get(index), Some(Column::Number(_))) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = table.trim_fmt();
        text.push('\n');
        text
    }
}

impl Column {
    const fn heading(self) -> &'static str {
        match self {
            Self::Text(heading) | Self::Number(heading) => heading,
        }
    }
}

fn styled(cell: Cell, text_style: TextStyle) -> Cell {
    match text_style {
        TextStyle::Plain => cell,
        TextStyle::Strong => cell.add_attribute(Attribute::Bold),
        TextStyle::Good => cell.fg(Color::Green),
        TextStyle::Warning => cell.fg(Color::Yellow),
        TextStyle::Bad => cell.fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAPER: Style = Style { terminal: false, color: false, width: 80 };

    fn sample() -> Table {
        let mut table = Table::new([Column::Text("Fate"), Column::Number("Findings")]);
        table.row(TextStyle::Plain, ["sent", "1,687"]).row(TextStyle::Strong, ["read", "12,345"]);
        table
    }

    #[test]
    fn numbers_are_right_aligned() {
        insta::assert_snapshot!(sample().render(PAPER), @r"
        Fate  Findings
        --------------
        sent     1,687
        read    12,345
        ");
    }

    #[test]
    fn colors_are_used_only_if_enabled() {
        assert!(!sample().render(PAPER).contains('\u{1b}'));
        assert!(sample().render(Style { color: true, ..PAPER }).contains('\u{1b}'));
    }
}
