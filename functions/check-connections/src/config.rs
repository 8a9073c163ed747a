//! The function's environment, read once. Only this module reads environment variables, except for those that the SDK reads.

use aws::ResourceNames;
use exporter::connection::CheckSettings;
use runtime::config::{ConfigError, Variables};
use tracing::level_filters::LevelFilter;

/// Configuration from the environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `TABLE_NAME` and `STATE_BUCKET`.
    pub names: ResourceNames,
    /// `CHECK_QUEUE_URL`: queue for accounts that exceed one invocation. If `None`, the next scheduled check includes them.
    pub check_queue_url: Option<String>,
    /// Settings of checks.
    pub settings: CheckSettings,
    /// `INTEGRATION_METRICS`: whether each integration has its own metrics, which cost money. Default: false.
    pub integration_metrics: bool,
    /// `LOG_LEVEL`: the least severe level that is logged.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// If a variable is missing or invalid. The error states the first one.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&Variables::of_process())
    }

    /// Reads the configuration from variables.
    fn read(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            names: ResourceNames {
                table: variables.required("TABLE_NAME")?,
                state_bucket: variables.required("STATE_BUCKET")?,
                queue_url: None,
            },
            check_queue_url: variables.optional("CHECK_QUEUE_URL"),
            settings: CheckSettings::default(),
            integration_metrics: variables.parsed("INTEGRATION_METRICS")?.unwrap_or(false),
            log_level: variables.parsed("LOG_LEVEL")?.unwrap_or(LevelFilter::INFO),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&Variables::new(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn unset_variables_have_defaults() {
        let config = read(&[("TABLE_NAME", "t"), ("STATE_BUCKET", "b")]).unwrap();
        assert_eq!((config.names.table.as_str(), config.names.state_bucket.as_str()), ("t", "b"));
        assert_eq!((config.check_queue_url, config.integration_metrics), (None, false));
        assert_eq!(config.log_level, LevelFilter::INFO);
    }

    #[test]
    fn an_error_names_the_variable() {
        assert_eq!(read(&[]), Err(ConfigError::Missing("TABLE_NAME")));
        let error = read(&[("TABLE_NAME", "t"), ("STATE_BUCKET", "b"), ("INTEGRATION_METRICS", "some")]).unwrap_err();
        assert!(error.to_string().contains("INTEGRATION_METRICS"), "{error}");
    }
}
