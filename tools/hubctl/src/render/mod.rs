//! All output of `hubctl`: results on standard output, everything else on standard error.
//!
//! Guarantees: a closed pipe changes neither the work nor its exit code ([`Stream`]); characters that a terminal would hide or
//! interpret are escaped, whatever their source ([`hidden`]).

pub(crate) mod csv;
mod details;
pub(crate) mod hidden;
pub(crate) mod outcomes;
pub(crate) mod pending_archive;
pub(crate) mod run_report;
mod stream;
mod style;
mod table;
pub(crate) mod text;
pub(crate) mod unproven;
pub(crate) mod yaml;

use std::io::{self, Write};

use serde::Serialize;

pub(crate) use self::details::Details;
pub(crate) use self::stream::LogWriter;
use self::stream::Stream;
pub(crate) use self::style::TextStyle;
pub(crate) use self::table::{Column, Table};
use crate::config::{Format, OutputFormat, Style};
use crate::exit::{Exit, Failure, exit_of};

/// The output of a command.
pub(crate) struct Output {
    out: Stream,
    err: Stream,
    /// Style of standard output.
    pub(crate) out_style: Style,
    /// Style of standard error.
    pub(crate) err_style: Style,
    /// Whether results are tables or JSON.
    pub(crate) format: Format,
    notation: OutputFormat,
}

impl Output {
    /// The streams of this process.
    pub(crate) fn of_process(notation: OutputFormat, no_color: bool) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_style, err_style) = (Style::of(&out, no_color), Style::of(&err, no_color));
        let format = if notation == OutputFormat::Table { Format::Table } else { Format::Json };
        Self { out: Stream::new(out.lock()), err: Stream::new(err), out_style, err_style, format, notation }
    }

    /// The standard output of a closure, for tests.
    #[cfg(test)]
    pub(crate) fn written(style: Style, meanwhile: impl FnOnce(&mut Self) -> io::Result<()>) -> String {
        let paper = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        struct Paper(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Paper {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().map_or(Ok(0), |mut paper| paper.write(bytes))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let out = Stream::new(Paper(paper.clone()));
        let err = Stream::new(io::sink());
        let (format, notation) = (Format::Table, OutputFormat::Table);
        let mut output = Self { out, err, out_style: style, err_style: style, format, notation };
        assert!(meanwhile(&mut output).is_ok());
        drop(output);
        paper.lock().map(|paper| String::from_utf8_lossy(&paper).into_owned()).unwrap_or_default()
    }

    /// Standard output, for results that are neither text nor one JSON document.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Writes text of the result, with line ends.
    pub(crate) fn text(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.out.write_all(hidden::escaped_lines(text.as_ref(), self.out_style.color).as_bytes())
    }

    /// Writes a line of the result.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.text(format!("{}\n", text.as_ref()))
    }

    /// Writes a table of the result.
    pub(crate) fn table(&mut self, table: &Table) -> io::Result<()> {
        self.text(table.render(self.out_style))
    }

    /// Whether the output format is CSV.
    pub(crate) fn is_csv(&self) -> bool {
        self.notation == OutputFormat::Csv
    }

    /// Writes details of the result.
    pub(crate) fn details(&mut self, details: &Details) -> io::Result<()> {
        self.text(details.render(self.out_style))
    }

    /// Writes the result as JSON, or as YAML if requested.
    pub(crate) fn json(&mut self, result: &impl Serialize) -> io::Result<()> {
        if self.notation == OutputFormat::Yaml {
            return self.yaml(result);
        }
        let json = serde_json::to_string_pretty(result)?;
        writeln!(self.out, "{}", hidden::escaped_json(&json))
    }

    /// Writes the result as YAML.
    pub(crate) fn yaml(&mut self, result: &impl Serialize) -> io::Result<()> {
        self.out.write_all(yaml::text(result)?.as_bytes())
    }

    /// Writes a row of the result as CSV.
    pub(crate) fn csv<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) -> io::Result<()> {
        self.out.write_all(csv::row(cells).as_bytes())
    }

    /// Writes text to standard error, with line ends.
    fn write_err(&mut self, text: &str) -> io::Result<()> {
        self.err.write_all(hidden::escaped_lines(text, self.err_style.color).as_bytes())
    }

    /// Writes a line to standard error.
    pub(crate) fn note(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.write_err(&format!("{}\n", text.as_ref()))
    }

    /// Writes a prompt to standard error, without a line end.
    ///
    /// # Errors
    ///
    /// If standard error is closed: the user doesn't see the prompt, so no input may be interpreted as the answer.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<()> {
        self.out.flush()?;
        self.write_err(&format!("{question} "))?;
        self.err.flush()?;
        if self.err.is_open() {
            return Ok(());
        }
        Err(io::Error::other("the prompt can't be shown: standard error is closed"))
    }

    /// Writes a table to standard error.
    pub(crate) fn note_table(&mut self, table: &Table) -> io::Result<()> {
        self.write_err(&table.render(self.err_style))
    }

    /// Writes a warning with its remediation.
    pub(crate) fn warning(&mut self, text: impl AsRef<str>, hint: Option<&str>) -> io::Result<()> {
        let warning = text::styled(TextStyle::Warning, "warning:", self.err_style.color);
        self.note(format!("{warning} {}", text.as_ref()))?;
        hint.map_or(Ok(()), |hint| self.hint(hint))
    }

    fn hint(&mut self, hint: &str) -> io::Result<()> {
        let word = text::styled(TextStyle::Good, "   hint:", self.err_style.color);
        self.note(format!("{word} {hint}"))
    }

    /// Writes an error with its causes and its remediation. Returns the exit code.
    pub(crate) fn error(&mut self, error: &anyhow::Error) -> Exit {
        let word = text::styled(TextStyle::Bad, "error:", self.err_style.color);
        // An error here can't be reported.
        let _ = self.note(format!("{word} {error:#}"));
        if let Some(hint) = error.downcast_ref::<Failure>().and_then(|failure| failure.hint.as_deref()) {
            let _ = self.hint(hint);
        }
        exit_of(error)
    }

    /// Writes a usage error, which may repeat arguments. Returns the exit code.
    pub(crate) fn usage(&mut self, error: &clap::Error) -> Exit {
        let text = error.render();
        let text = if self.err_style.color { text.ansi().to_string() } else { text.to_string() };
        let _ = self.write_err(&text);
        Exit::Usage
    }

    /// Flushes the output and returns the exit code: that of the work, unless the work succeeded and its result can't be written.
    /// A closed pipe is not an error.
    pub(crate) fn end(&mut self, exit: Exit) -> Exit {
        // Errors are stored in the stream.
        let _ = self.out.flush();
        let _ = self.err.flush();
        let Some(error) = self.out.error().or_else(|| self.err.error()) else { return exit };
        let error = anyhow::Error::new(error).context("the work is complete, but its output can't be written");
        let lost = self.error(&error);
        if exit == Exit::Success { lost } else { exit }
    }
}
