//! Reads a function's environment variables. Errors state the name of the variable.

use std::fmt::Display;
use std::str::FromStr;

/// A missing or invalid variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The value is invalid.
    #[error("the environment variable {name} is {value:?}: {reason}")]
    Invalid {
        /// Name of the variable.
        name: &'static str,
        /// Its invalid value.
        value: String,
        /// Why the value is invalid.
        reason: String,
    },
}

/// Looks up a variable.
type Lookup<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// A source of variables. An empty variable counts as not set.
pub struct Variables<'a>(Lookup<'a>);

impl<'a> Variables<'a> {
    /// The environment of the process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Another source of variables, for tests.
    pub fn new(variable: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self(Box::new(variable))
    }

    /// An optional variable.
    pub fn optional(&self, name: &'static str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A required variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`].
    pub fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    /// An optional variable, parsed. `None` if it is not set.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], with the error message of the type.
    pub fn parsed<T>(&self, name: &'static str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(value) = self.optional(name) else { return Ok(None) };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(error) => Err(ConfigError::Invalid { name, value, reason: error.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable() {
        let variables = Variables::new(|name| (name == "CALLS").then(|| "many".to_owned()));
        assert_eq!(variables.required("TABLE_NAME"), Err(ConfigError::Missing("TABLE_NAME")));
        let error = variables.parsed::<u32>("CALLS").unwrap_err().to_string();
        assert!(error.starts_with("the environment variable CALLS is \"many\": "), "{error}");
        assert_eq!(variables.parsed::<u32>("OTHER"), Ok(None));
    }

    #[test]
    fn an_empty_variable_is_none() {
        let variables = Variables::new(|_| Some(String::new()));
        assert_eq!(variables.optional("TABLE_NAME"), None);
        assert_eq!(variables.required("TABLE_NAME"), Err(ConfigError::Missing("TABLE_NAME")));
    }
}
