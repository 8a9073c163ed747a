//! The function's environment, read once. Only this module reads environment variables, except for those that the SDK reads.

use std::fmt::Display;
use std::str::FromStr;

use aws::{ManagementConfig, ResourceNames};
use management::Settings;
use management::host::ResponseUrlPolicy;
pub use runtime::config::ConfigError;
use runtime::config::Variables;
use tracing::level_filters::LevelFilter;

/// Configuration from the environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `TABLE_NAME`, `STATE_BUCKET` and `QUEUE_URL`.
    pub names: ResourceNames,
    /// `SECRET_NAME_PREFIX`; `SECRET_KMS_KEY_ARN`, if secrets have a customer managed key; and `CHECK_FUNCTION_NAME`, the
    /// function that tests connections.
    pub management: ManagementConfig,
    /// `SECRET_NAME_PREFIX`; `DEPLOYMENT_PARTITION` and `DEPLOYMENT_ACCOUNT`, in which the function runs.
    pub settings: Settings,
    /// Hosts that responses to CloudFormation may be sent to. Only AWS, unless `AWS_ENDPOINT_URL` replaces all endpoints, as in
    /// the local stack. The variable isn't set in AWS, where endpoints of single services have their own variables.
    pub response_url_policy: ResponseUrlPolicy,
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
                queue_url: Some(variables.required("QUEUE_URL")?),
            },
            management: ManagementConfig {
                secret_prefix: variables.required("SECRET_NAME_PREFIX")?,
                secret_kms_key: variables.optional("SECRET_KMS_KEY_ARN"),
                check_function: variables.optional("CHECK_FUNCTION_NAME"),
            },
            settings: Settings {
                secret_prefix: variables.required("SECRET_NAME_PREFIX")?,
                partition: Some(required(variables, "DEPLOYMENT_PARTITION")?),
                account: Some(required(variables, "DEPLOYMENT_ACCOUNT")?),
            },
            response_url_policy: variables
                .optional("AWS_ENDPOINT_URL")
                .map_or(ResponseUrlPolicy::Aws, |_| ResponseUrlPolicy::Anywhere),
            log_level: variables.parsed("LOG_LEVEL")?.unwrap_or(LevelFilter::INFO),
        })
    }
}

/// A required variable, parsed.
fn required<T>(variables: &Variables<'_>, name: &'static str) -> Result<T, ConfigError>
where
    T: FromStr,
    T::Err: Display,
{
    variables.parsed(name)?.ok_or(ConfigError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 6] = [
        ("TABLE_NAME", "t"),
        ("STATE_BUCKET", "b"),
        ("QUEUE_URL", "q"),
        ("SECRET_NAME_PREFIX", "p/"),
        ("DEPLOYMENT_PARTITION", "aws-cn"),
        ("DEPLOYMENT_ACCOUNT", "111122223333"),
    ];

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&Variables::new(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn an_error_names_the_variable() {
        let config = read(&REQUIRED).unwrap();
        assert_eq!((config.management.check_function, config.log_level), (None, LevelFilter::INFO));
        for missing in 0..REQUIRED.len() {
            let mut variables = REQUIRED.to_vec();
            let (name, _) = variables.remove(missing);
            assert_eq!(read(&variables), Err(ConfigError::Missing(name)));
        }
        let (partition, account) = (config.settings.partition.unwrap(), config.settings.account.unwrap());
        assert_eq!((partition.as_str(), account.as_str()), ("aws-cn", "111122223333"));
        assert_eq!(config.response_url_policy, ResponseUrlPolicy::Aws);
        let local = [REQUIRED.as_slice(), &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]].concat();
        assert_eq!(read(&local).unwrap().response_url_policy, ResponseUrlPolicy::Anywhere);
        let mars = [&[("DEPLOYMENT_PARTITION", "aws-mars")], REQUIRED.as_slice()].concat();
        assert!(read(&mars).unwrap_err().to_string().contains("DEPLOYMENT_PARTITION is \"aws-mars\""));
        let loud = [REQUIRED.as_slice(), &[("LOG_LEVEL", "loud")]].concat();
        assert!(read(&loud).unwrap_err().to_string().contains("LOG_LEVEL"));
    }
}
