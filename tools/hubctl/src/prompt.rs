//! Questions to whoever sits at the terminal. They stand on standard error, so that a result can be piped away.
//!
//! Promise: where nobody can answer, nothing is assumed: the command ends and says which option answers.

use std::io::{self, BufRead, IsTerminal};

use anyhow::Result;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::render::{Output, text};

/// Whoever sits at the terminal, if anybody does.
pub(crate) struct Prompt {
    is_there: bool,
    /// What is typed, in tests. Otherwise standard input, which is not held: an access key may come from there.
    typed: Option<Box<dyn BufRead>>,
}

impl Prompt {
    /// The one at this process's standard input.
    pub(crate) fn at_terminal() -> Self {
        Self { is_there: io::stdin().is_terminal(), typed: None }
    }

    /// Makes sure that there is somebody to ask. `option` answers beforehand.
    pub(crate) fn must_be_there(&self, about: &str, option: &str) -> Result<(), Failure> {
        if self.is_there {
            return Ok(());
        }
        Err(Failure::new(Exit::Usage, format!("nobody is there to be asked {about}")).hint(option))
    }

    /// Asks something that only `yes` agrees to. Anything else, the end of the input included, does not.
    pub(crate) fn agrees(&mut self, question: &str, output: &mut Output) -> Result<bool> {
        let answer = self.answers(question, output)?;
        Ok(["y", "yes"].contains(&answer.to_ascii_lowercase().as_str()))
    }

    /// Asks for a line.
    pub(crate) fn answers(&mut self, question: &str, output: &mut Output) -> Result<String> {
        output.ask(&text::harmless(question))?;
        let mut answer = String::new();
        match &mut self.typed {
            Some(typed) => typed.read_line(&mut answer)?,
            None => io::stdin().read_line(&mut answer)?,
        };
        Ok(answer.trim().to_owned())
    }

    /// Asks for a secret, which is not shown while it is typed.
    pub(crate) fn tells(&mut self, question: &str, output: &mut Output) -> Result<Zeroizing<String>> {
        output.ask(question)?;
        let secret = rpassword::read_password()?;
        Ok(Zeroizing::new(secret.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::config::OutputFormat;

    #[test]
    fn only_a_clear_yes_agrees() {
        let mut output = Output::of_process(OutputFormat::Table, true);
        for (typed, agrees) in [("yes\n", true), ("Y\n", true), ("\n", false), ("", false), ("yes please\n", false)] {
            let mut person = Prompt { is_there: true, typed: Some(Box::new(Cursor::new(typed))) };
            assert_eq!(person.agrees("Sure?", &mut output).unwrap(), agrees, "{typed:?}");
        }
    }

    #[test]
    fn where_nobody_is_nothing_is_assumed() {
        let nobody = Prompt { is_there: false, typed: Some(Box::new(Cursor::new("yes\n"))) };
        let failure = nobody.must_be_there("whether to delete it", "add --yes to agree beforehand").unwrap_err();
        assert_eq!((failure.exit, failure.hint.as_deref()), (Exit::Usage, Some("add --yes to agree beforehand")));
    }
}
