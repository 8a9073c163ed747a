//! All that `hubctl` says, in one place: results on standard output, everything else on standard error.
//!
//! Promise: a reader that goes away ends the command quietly ([`is_closed_pipe`]).

pub(crate) mod csv;
mod facts;
mod table;
pub(crate) mod text;
pub(crate) mod yaml;

use std::io::{self, Write};

use serde::Serialize;

pub(crate) use self::facts::Facts;
pub(crate) use self::table::{Column, Table, Tone};
use crate::config::{Format, Notation, Style};
use crate::exit::{Exit, Failure, exit_of};

/// Where a command writes.
pub(crate) struct Output {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// What standard output can show.
    pub(crate) out_style: Style,
    /// What standard error can show.
    pub(crate) err_style: Style,
    /// For whom results are written.
    pub(crate) format: Format,
    notation: Notation,
}

impl Output {
    /// The streams of this process.
    pub(crate) fn of_process(notation: Notation, no_color: bool) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_style, err_style) = (Style::of(&out, no_color), Style::of(&err, no_color));
        let format = if notation == Notation::Table { Format::Table } else { Format::Json };
        Self { out: Box::new(out.lock()), err: Box::new(err), out_style, err_style, format, notation }
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
        let out = Box::new(Paper(paper.clone()));
        let err = Box::new(io::sink());
        let (format, notation) = (Format::Table, Notation::Table);
        let mut output = Self { out, err, out_style: style, err_style: style, format, notation };
        assert!(meanwhile(&mut output).is_ok());
        drop(output);
        paper.lock().map(|paper| String::from_utf8_lossy(&paper).into_owned()).unwrap_or_default()
    }

    /// Standard output itself, for results that are neither a table nor one JSON document.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", text.as_ref())
    }

    /// A table of the result.
    pub(crate) fn table(&mut self, table: &Table) -> io::Result<()> {
        write!(self.out, "{}", table.render(self.out_style))
    }

    /// Whether the result is to be rows of CSV.
    pub(crate) fn is_csv(&self) -> bool {
        self.notation == Notation::Csv
    }

    /// Facts of the result.
    pub(crate) fn facts(&mut self, facts: &Facts) -> io::Result<()> {
        write!(self.out, "{}", facts.render(self.out_style))
    }

    /// The result for machines: as JSON, or as YAML where that is asked for.
    pub(crate) fn json(&mut self, result: &impl Serialize) -> io::Result<()> {
        if self.notation == Notation::Yaml {
            return self.yaml(result);
        }
        serde_json::to_writer_pretty(&mut self.out, result)?;
        writeln!(self.out)
    }

    /// The result as YAML.
    pub(crate) fn yaml(&mut self, result: &impl Serialize) -> io::Result<()> {
        self.out.write_all(yaml::text(result)?.as_bytes())
    }

    /// A line beside the result.
    pub(crate) fn note(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.err, "{}", text.as_ref())
    }

    /// A question, with the cursor left beside it.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<()> {
        self.out.flush()?;
        write!(self.err, "{question} ")?;
        self.err.flush()
    }

    /// A table beside the result.
    pub(crate) fn note_table(&mut self, table: &Table) -> io::Result<()> {
        write!(self.err, "{}", table.render(self.err_style))
    }

    /// Something that a person should look at, and what mends it.
    pub(crate) fn warning(&mut self, text: impl AsRef<str>, hint: Option<&str>) -> io::Result<()> {
        let colour = self.err_style.colour;
        writeln!(self.err, "{} {}", text::toned(Tone::Warning, "warning:", colour), text.as_ref())?;
        hint.map_or(Ok(()), |hint| self.hint(hint))
    }

    fn hint(&mut self, hint: &str) -> io::Result<()> {
        writeln!(self.err, "{} {hint}", text::toned(Tone::Good, "   hint:", self.err_style.colour))
    }

    /// Reports the error that ends the command, with its causes and what mends it. The exit code to end with.
    pub(crate) fn error(&mut self, error: &anyhow::Error) -> Exit {
        let colour = self.err_style.colour;
        // Nobody is left to tell where writing fails here.
        let _ = writeln!(self.err, "{} {error:#}", text::toned(Tone::Bad, "error:", colour));
        if let Some(hint) = error.downcast_ref::<Failure>().and_then(|failure| failure.hint.as_deref()) {
            let _ = self.hint(hint);
        }
        exit_of(error)
    }

    /// Makes sure that everything is written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}

/// Whether the reader of our output went away, as `head` does once it has enough.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}
