//! Validates the URLs for responses to CloudFormation.
//!
//! Guarantee: a caller can't make the function send requests to arbitrary hosts. CloudFormation's response URLs are presigned S3
//! URLs with HTTPS. Error messages contain neither the path nor the query, because the query contains a signature.

use std::fmt;

use axum::http::Uri;
use axum::http::uri::Scheme;

/// DNS suffix of each partition (`dnsSuffix` in the SDKs' `partitions.json`): aws and aws-us-gov, aws-cn,
/// aws-eusc, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f.
const SUFFIXES: [&str; 7] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
];
/// Default port of HTTPS.
const HTTPS_PORT: u16 = 443;

/// Hosts that responses may be sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseUrlPolicy {
    /// Only hosts of AWS, with HTTPS.
    #[default]
    Aws,
    /// Any host: for emulators.
    Anywhere,
}

/// A URL that responses must not be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UntrustedResponseUrl {
    host: Option<String>,
}

impl fmt::Display for UntrustedResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "ResponseURL must be an HTTPS URL of AWS, not of {host}"),
            None => f.write_str("ResponseURL is invalid"),
        }
    }
}

impl ResponseUrlPolicy {
    /// Checks whether responses may be sent to a URL.
    ///
    /// # Errors
    ///
    /// If they may not. The error contains the host of the URL, but neither its path nor its query.
    pub fn allows(self, address: &str) -> Result<(), UntrustedResponseUrl> {
        let uri = address.parse::<Uri>().map_err(|_| UntrustedResponseUrl { host: None })?;
        if self == Self::Anywhere || is_of_aws(&uri) {
            return Ok(());
        }
        Err(UntrustedResponseUrl { host: uri.host().map(str::to_owned) })
    }
}

fn is_of_aws(uri: &Uri) -> bool {
    let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else { return false };
    let host = host.to_ascii_lowercase();
    uri.scheme() == Some(&Scheme::HTTPS)
        && !authority.as_str().contains('@')
        && uri.port().is_none_or(|port| port.as_u16() == HTTPS_PORT)
        && SUFFIXES.iter().any(|suffix| host.strip_suffix(suffix).is_some_and(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_sent_only_to_aws() {
        for address in [
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws?X-Amz-Signature=s",
            "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com:443/a?b",
            "https://x.s3.cn-north-1.amazonaws.com.cn/a",
            "https://x.s3.eusc-de-east-1.amazonaws.eu/a",
            "https://x.s3.us-iso-east-1.c2s.ic.gov/a",
            "HTTPS://X.S3.AMAZONAWS.COM/a",
        ] {
            assert_eq!(ResponseUrlPolicy::Aws.allows(address), Ok(()), "{address}");
        }
        for address in [
            "http://x.s3.amazonaws.com/a",
            "https://answers.example/a",
            "https://amazonaws.com.answers.example/a",
            "https://notamazonaws.com/a",
            "https://.amazonaws.com/a",
            "https://x.s3.amazonaws.com@answers.example/a",
            "https://answers.example#x.s3.amazonaws.com",
            "https://answers.example?x.s3.amazonaws.com",
            "https://answers.example\\.s3.amazonaws.com/a",
            "https://x.s3.amazonaws.com:8443/a",
            "https://user:word@x.s3.amazonaws.com/a",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/a",
            "//x.s3.amazonaws.com/a",
            "file:///etc/passwd",
            "x.s3.amazonaws.com",
            "",
        ] {
            assert!(ResponseUrlPolicy::Aws.allows(address).is_err(), "{address}");
        }
        assert_eq!(
            ResponseUrlPolicy::Anywhere.allows("http://127.0.0.1:4566/a"),
            Ok(()),
            "the response URL of an emulator"
        );
    }

    #[test]
    fn the_error_for_a_response_url_does_not_contain_its_signature() {
        let message = ResponseUrlPolicy::Aws
            .allows("https://answers.example/path?X-Amz-Signature=secret")
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("answers.example") && !message.contains("path") && !message.contains("secret"),
            "{message}"
        );
    }
}
