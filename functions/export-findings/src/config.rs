//! The function's environment, read once. Only this module reads environment variables, except for those that the SDK reads.

use aws::{ManagementConfig, ResourceNames};
use exporter::model::settings::Settings;
pub use runtime::config::ConfigError;
use runtime::config::Variables;
use tracing::level_filters::LevelFilter;

use crate::metrics::MetricSettings;

/// Default of `MAX_RECEIVE_COUNT`, the same as in the template.
const MAX_RECEIVE_COUNT: u32 = 5;

/// Configuration from the environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `TABLE_NAME`, `STATE_BUCKET`, and `QUEUE_URL` if a queue is configured.
    pub names: ResourceNames,
    /// `SECRET_NAME_PREFIX`: when an integration is deleted after its findings are archived, its access key is deleted, too.
    pub management: ManagementConfig,
    /// `IMPORT_CALLS_PER_SECOND` and `IMPORT_CALLS_BURST`. Other settings have their defaults.
    pub settings: Settings,
    /// `MAX_RECEIVE_COUNT`: number of receives after which SQS moves a message to the dead-letter queue.
    pub max_receive_count: u32,
    /// `AWS_LAMBDA_FUNCTION_NAME`, which Lambda sets, and `INTEGRATION_METRICS`.
    pub metrics: MetricSettings,
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
        let default = Settings::default();
        Ok(Self {
            names: ResourceNames {
                table: variables.required("TABLE_NAME")?,
                state_bucket: variables.required("STATE_BUCKET")?,
                queue_url: variables.optional("QUEUE_URL"),
            },
            management: ManagementConfig {
                secret_prefix: variables.optional("SECRET_NAME_PREFIX").unwrap_or_default(),
                secret_kms_key: None,
                check_function: None,
            },
            settings: Settings {
                import_calls_per_second: variables
                    .parsed("IMPORT_CALLS_PER_SECOND")?
                    .unwrap_or(default.import_calls_per_second),
                import_calls_burst: variables.parsed("IMPORT_CALLS_BURST")?.unwrap_or(default.import_calls_burst),
                ..default
            },
            max_receive_count: variables.parsed("MAX_RECEIVE_COUNT")?.unwrap_or(MAX_RECEIVE_COUNT),
            metrics: MetricSettings {
                function: variables.optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
                each_integration: variables.parsed("INTEGRATION_METRICS")?.unwrap_or(false),
            },
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
    fn unset_rates_have_the_services_quotas() {
        let config = read(&[("TABLE_NAME", "t"), ("STATE_BUCKET", "b"), ("LOG_LEVEL", "")]).unwrap();
        assert_eq!(
            config.names,
            ResourceNames { table: "t".to_owned(), state_bucket: "b".to_owned(), queue_url: None }
        );
        assert_eq!(config.management, ManagementConfig::default());
        assert_eq!((config.settings, config.metrics), (Settings::default(), MetricSettings::default()));
        assert_eq!((config.log_level, config.max_receive_count), (LevelFilter::INFO, 5));
    }

    #[test]
    fn rates_and_log_level_are_read_from_the_environment() {
        let config = read(&[
            ("TABLE_NAME", "t"),
            ("STATE_BUCKET", "b"),
            ("IMPORT_CALLS_PER_SECOND", "0"),
            ("IMPORT_CALLS_BURST", "90"),
            ("MAX_RECEIVE_COUNT", "3"),
            ("LOG_LEVEL", "debug"),
            ("AWS_LAMBDA_FUNCTION_NAME", "export"),
            ("INTEGRATION_METRICS", "true"),
        ])
        .unwrap();
        assert_eq!(config.metrics, MetricSettings { function: "export".to_owned(), each_integration: true });
        assert_eq!((config.settings.import_calls_per_second, config.settings.import_calls_burst), (0, 90));
        assert_eq!((config.log_level, config.max_receive_count), (LevelFilter::DEBUG, 3));
    }

    #[test]
    fn an_error_names_the_variable() {
        assert_eq!(read(&[("TABLE_NAME", "t")]), Err(ConfigError::Missing("STATE_BUCKET")));
        let error = read(&[("TABLE_NAME", "t"), ("STATE_BUCKET", "b"), ("IMPORT_CALLS_BURST", "many")]).unwrap_err();
        assert!(error.to_string().starts_with("the environment variable IMPORT_CALLS_BURST is \"many\": "), "{error}");
        let error = read(&[("TABLE_NAME", "t"), ("STATE_BUCKET", "b"), ("LOG_LEVEL", "loud")]).unwrap_err();
        assert!(error.to_string().contains("LOG_LEVEL"), "{error}");
    }
}
