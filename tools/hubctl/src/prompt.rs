//! Prompts at the terminal, on standard error, so that the result can be piped.
//!
//! Guarantee: without a terminal no answer is assumed: the command fails and names the option that answers.

use std::io::{self, BufRead, IsTerminal};

use anyhow::Result;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::render::{Output, text};

/// The terminal, if there is one.
pub(crate) struct Prompt {
    is_there: bool,
    /// Typed input, in tests. Otherwise standard input is read without locking it, since an access key may be read from it as
    /// well.
    typed: Option<Box<dyn BufRead>>,
}

impl Prompt {
    /// The terminal of this process's standard input.
    pub(crate) fn at_terminal() -> Self {
        Self { is_there: io::stdin().is_terminal(), typed: None }
    }

    /// Fails without a terminal. `about`: what the prompt would ask; `option`: how to answer in advance.
    pub(crate) fn require_terminal(&self, about: &str, option: &str) -> Result<(), Failure> {
        if self.is_there {
            return Ok(());
        }
        Err(Failure::new(Exit::Usage, format!("no terminal to ask {about}")).hint(option))
    }

    /// Asks for confirmation. Only `yes` confirms; anything else, including the end of the input, declines.
    pub(crate) fn confirm(&mut self, question: &str, output: &mut Output) -> Result<bool> {
        let answer = self.read_line(question, output)?;
        Ok(["y", "yes"].contains(&answer.to_ascii_lowercase().as_str()))
    }

    /// Prompts for a line.
    pub(crate) fn read_line(&mut self, question: &str, output: &mut Output) -> Result<String> {
        output.ask(&text::harmless(question))?;
        let mut answer = String::new();
        match &mut self.typed {
            Some(typed) => typed.read_line(&mut answer)?,
            None => io::stdin().read_line(&mut answer)?,
        };
        Ok(answer.trim().to_owned())
    }

    /// Prompts for a secret, which is not echoed.
    pub(crate) fn read_secret(&mut self, question: &str, output: &mut Output) -> Result<Zeroizing<String>> {
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
    fn only_y_and_yes_confirm() {
        let mut output = Output::of_process(OutputFormat::Table, true);
        for (typed, confirm) in [("yes\n", true), ("Y\n", true), ("\n", false), ("", false), ("yes please\n", false)] {
            let mut prompt = Prompt { is_there: true, typed: Some(Box::new(Cursor::new(typed))) };
            assert_eq!(prompt.confirm("Sure?", &mut output).unwrap(), confirm, "{typed:?}");
        }
    }

    #[test]
    fn without_a_terminal_no_answer_is_assumed() {
        let nobody = Prompt { is_there: false, typed: Some(Box::new(Cursor::new("yes\n"))) };
        let failure = nobody.require_terminal("whether to delete it", "to confirm in advance, add --yes").unwrap_err();
        assert_eq!((failure.exit, failure.hint.as_deref()), (Exit::Usage, Some("to confirm in advance, add --yes")));
    }
}
