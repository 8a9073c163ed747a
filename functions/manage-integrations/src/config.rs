//! The function's environment, read once. Nobody else reads it, but the SDK its own variables.

use std::fmt::Display;
use std::str::FromStr;

use aws::{ManagementConfig, ResourceNames};
use management::Settings;
use management::host::Reach;
pub use runtime::config::ConfigError;
use runtime::config::Variables;
use tracing::level_filters::LevelFilter;

/// What the environment says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `TABLE_NAME`, `STATE_BUCKET` and `QUEUE_URL`.
    pub names: ResourceNames,
    /// `SECRET_NAME_PREFIX`, `SECRET_KMS_KEY_ARN` where secrets have a key of their own, and `CHECK_FUNCTION_NAME` where
    /// connections are checked.
    pub managing: ManagementConfig,
    /// `SECRET_NAME_PREFIX`, and `DEPLOYMENT_PARTITION` and `DEPLOYMENT_ACCOUNT`, which are the function's own.
    pub settings: Settings,
    /// Where answers to CloudFormation may go: to AWS, unless `AWS_ENDPOINT_URL` says that AWS is elsewhere, for all services,
    /// as the local stack does. In AWS nobody sets it; endpoints of one service have variables of their own.
    pub answers: Reach,
    /// `LOG_LEVEL`: the least severe level that is logged.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    ///
    /// Names the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&Variables::of_process())
    }

    /// Reads variables, wherever they are from.
    fn read(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            names: ResourceNames {
                table: variables.required("TABLE_NAME")?,
                state_bucket: variables.required("STATE_BUCKET")?,
                queue_url: Some(variables.required("QUEUE_URL")?),
            },
            managing: ManagementConfig {
                secret_prefix: variables.required("SECRET_NAME_PREFIX")?,
                secret_kms_key: variables.optional("SECRET_KMS_KEY_ARN"),
                check_function: variables.optional("CHECK_FUNCTION_NAME"),
            },
            settings: Settings {
                secret_prefix: variables.required("SECRET_NAME_PREFIX")?,
                partition: Some(needed(variables, "DEPLOYMENT_PARTITION")?),
                account: Some(needed(variables, "DEPLOYMENT_ACCOUNT")?),
            },
            answers: variables.optional("AWS_ENDPOINT_URL").map_or(Reach::Aws, |_| Reach::Anywhere),
            log_level: variables.parsed("LOG_LEVEL")?.unwrap_or(LevelFilter::INFO),
        })
    }
}

/// A variable that must be set, as what it stands for.
fn needed<T>(variables: &Variables<'_>, name: &'static str) -> Result<T, ConfigError>
where
    T: FromStr,
    T::Err: Display,
{
    variables.parsed(name)?.ok_or(ConfigError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 6] = [
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
        let config = read(&NEEDED).unwrap();
        assert_eq!((config.managing.check_function, config.log_level), (None, LevelFilter::INFO));
        for missing in 0..NEEDED.len() {
            let mut variables = NEEDED.to_vec();
            let (name, _) = variables.remove(missing);
            assert_eq!(read(&variables), Err(ConfigError::Missing(name)));
        }
        let (partition, account) = (config.settings.partition.unwrap(), config.settings.account.unwrap());
        assert_eq!((partition.as_str(), account.as_str()), ("aws-cn", "111122223333"));
        assert_eq!(config.answers, Reach::Aws);
        let local = [NEEDED.as_slice(), &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]].concat();
        assert_eq!(read(&local).unwrap().answers, Reach::Anywhere);
        let mars = [&[("DEPLOYMENT_PARTITION", "aws-mars")], NEEDED.as_slice()].concat();
        assert!(read(&mars).unwrap_err().to_string().contains("DEPLOYMENT_PARTITION is \"aws-mars\""));
        let loud = [NEEDED.as_slice(), &[("LOG_LEVEL", "loud")]].concat();
        assert!(read(&loud).unwrap_err().to_string().contains("LOG_LEVEL"));
    }
}
