//! The function's environment, read once. Nobody else reads it, but the SDK its own variables.

use aws::{Managing, Names};
use tracing::level_filters::LevelFilter;

/// What the environment says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `TABLE_NAME`, `STATE_BUCKET` and `QUEUE_URL`.
    pub names: Names,
    /// `SECRET_NAME_PREFIX`, and `CHECK_FUNCTION_NAME` where connections are checked.
    pub managing: Managing,
    /// `LOG_LEVEL`: the least severe level that is logged.
    pub log_level: LevelFilter,
}

/// A variable that the function can't work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It must be set and is not.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// Its value is not what it should be.
    #[error("the environment variable {name} is {value:?}: it must be error, warn, info, debug or trace")]
    Level {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// Names the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads variables, wherever they are from. An empty one is none.
    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let required = |name| variable(name).ok_or(ConfigError::Missing(name));
        let log_level = match variable("LOG_LEVEL") {
            None => LevelFilter::INFO,
            Some(value) => value.parse().map_err(|_| ConfigError::Level { name: "LOG_LEVEL", value })?,
        };
        Ok(Self {
            names: Names {
                table: required("TABLE_NAME")?,
                state_bucket: required("STATE_BUCKET")?,
                queue_url: Some(required("QUEUE_URL")?),
            },
            managing: Managing {
                secret_prefix: required("SECRET_NAME_PREFIX")?,
                check_function: variable("CHECK_FUNCTION_NAME"),
            },
            log_level,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 4] =
        [("TABLE_NAME", "t"), ("STATE_BUCKET", "b"), ("QUEUE_URL", "q"), ("SECRET_NAME_PREFIX", "p/")];

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn an_error_names_the_variable() {
        let config = read(&NEEDED).unwrap();
        assert_eq!((config.managing.check_function, config.log_level), (None, LevelFilter::INFO));
        for missing in 0..NEEDED.len() {
            let mut variables = NEEDED.to_vec();
            let (name, _) = variables.remove(missing);
            assert_eq!(read(&variables), Err(ConfigError::Missing(name)));
        }
        let loud = [NEEDED.as_slice(), &[("LOG_LEVEL", "loud")]].concat();
        assert!(read(&loud).unwrap_err().to_string().contains("LOG_LEVEL"));
    }
}
