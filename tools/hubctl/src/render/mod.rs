//! All that `hubctl` says, in one place: results on standard output, everything else on standard error.
//!
//! Promises: a reader that goes away changes neither the work nor its exit code ([`Stream`]); what a terminal would hide or
//! obey is shown escaped, whoever wrote it ([`hidden`]).

pub(crate) mod csv;
mod facts;
pub(crate) mod hidden;
pub(crate) mod outcomes;
pub(crate) mod run_report;
mod stream;
mod table;
pub(crate) mod text;
mod tone;
pub(crate) mod unproven;
pub(crate) mod yaml;

use std::io::{self, Write};

use serde::Serialize;

pub(crate) use self::facts::Details;
pub(crate) use self::stream::Beside;
use self::stream::Stream;
pub(crate) use self::table::{Column, Table};
pub(crate) use self::tone::Tone;
use crate::config::{Format, OutputFormat, Style};
use crate::exit::{Exit, Failure, exit_of};

/// Where a command writes.
pub(crate) struct Output {
    out: Stream,
    err: Stream,
    /// What standard output can show.
    pub(crate) out_style: Style,
    /// What standard error can show.
    pub(crate) err_style: Style,
    /// For whom results are written.
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

    /// What is written to standard output meanwhile, for tests.
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

    /// Standard output itself, for results that are neither text nor one JSON document.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Text of the result, whose lines are ended.
    pub(crate) fn text(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.out.write_all(hidden::escaped_lines(text.as_ref(), self.out_style.color).as_bytes())
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.text(format!("{}\n", text.as_ref()))
    }

    /// A table of the result.
    pub(crate) fn table(&mut self, table: &Table) -> io::Result<()> {
        self.text(table.render(self.out_style))
    }

    /// Whether the result is to be rows of CSV.
    pub(crate) fn is_csv(&self) -> bool {
        self.notation == OutputFormat::Csv
    }

    /// Facts of the result.
    pub(crate) fn facts(&mut self, facts: &Details) -> io::Result<()> {
        self.text(facts.render(self.out_style))
    }

    /// The result for machines: as JSON, or as YAML where that is asked for.
    pub(crate) fn json(&mut self, result: &impl Serialize) -> io::Result<()> {
        if self.notation == OutputFormat::Yaml {
            return self.yaml(result);
        }
        let json = serde_json::to_string_pretty(result)?;
        writeln!(self.out, "{}", hidden::escaped_json(&json))
    }

    /// The result as YAML.
    pub(crate) fn yaml(&mut self, result: &impl Serialize) -> io::Result<()> {
        self.out.write_all(yaml::text(result)?.as_bytes())
    }

    /// A row of the result as CSV.
    pub(crate) fn csv<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) -> io::Result<()> {
        self.out.write_all(csv::row(cells).as_bytes())
    }

    /// Text beside the result, whose lines are ended.
    fn beside(&mut self, text: &str) -> io::Result<()> {
        self.err.write_all(hidden::escaped_lines(text, self.err_style.color).as_bytes())
    }

    /// A line beside the result.
    pub(crate) fn note(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.beside(&format!("{}\n", text.as_ref()))
    }

    /// A question, with the cursor left beside it.
    ///
    /// # Errors
    ///
    /// When nobody can see it: then nobody's answer is to be taken for one.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<()> {
        self.out.flush()?;
        self.beside(&format!("{question} "))?;
        self.err.flush()?;
        if self.err.is_open() {
            return Ok(());
        }
        Err(io::Error::other("nobody can see the question: standard error is closed"))
    }

    /// A table beside the result.
    pub(crate) fn note_table(&mut self, table: &Table) -> io::Result<()> {
        self.beside(&table.render(self.err_style))
    }

    /// Something that a user should look at, and how to fix it.
    pub(crate) fn warning(&mut self, text: impl AsRef<str>, hint: Option<&str>) -> io::Result<()> {
        let warning = text::toned(Tone::Warning, "warning:", self.err_style.color);
        self.note(format!("{warning} {}", text.as_ref()))?;
        hint.map_or(Ok(()), |hint| self.hint(hint))
    }

    fn hint(&mut self, hint: &str) -> io::Result<()> {
        let word = text::toned(Tone::Good, "   hint:", self.err_style.color);
        self.note(format!("{word} {hint}"))
    }

    /// Reports an error with its causes and how to fix it. The exit code to end with.
    pub(crate) fn error(&mut self, error: &anyhow::Error) -> Exit {
        let word = text::toned(Tone::Bad, "error:", self.err_style.color);
        // Nobody is left to tell where writing fails here.
        let _ = self.note(format!("{word} {error:#}"));
        if let Some(hint) = error.downcast_ref::<Failure>().and_then(|failure| failure.hint.as_deref()) {
            let _ = self.hint(hint);
        }
        exit_of(error)
    }

    /// Reports a wrong command line, which may repeat what was typed or pasted. The exit code to end with.
    pub(crate) fn usage(&mut self, error: &clap::Error) -> Exit {
        let text = error.render();
        let text = if self.err_style.color { text.ansi().to_string() } else { text.to_string() };
        let _ = self.beside(&text);
        Exit::Usage
    }

    /// Writes what is still to be written, and says how to end: as the work did, unless that went well and its result is
    /// nowhere. That nobody wanted to read all of it is no concern of the work.
    pub(crate) fn end(&mut self, exit: Exit) -> Exit {
        // What fails is kept in the stream.
        let _ = self.out.flush();
        let _ = self.err.flush();
        let Some(error) = self.out.error().or_else(|| self.err.error()) else { return exit };
        let error = anyhow::Error::new(error).context("the work is completed, but its output can't be written");
        let lost = self.error(&error);
        if exit == Exit::Success { lost } else { exit }
    }
}
