//! Validates the URLs for responses to CloudFormation.
//!
//! Promise: a caller of the function can't make it send requests to arbitrary hosts. CloudFormation's URLs are presigned S3 URLs
//! with HTTPS. Messages contain neither path nor query, since they contain a signature.

use std::fmt;

use axum::http::Uri;
use axum::http::uri::Scheme;

/// How AWS's names end, partition by partition (`dnsSuffix` in the SDKs' `partitions.json`): aws and aws-us-gov, aws-cn,
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
/// The port of HTTPS.
const HTTPS_PORT: u16 = 443;

/// Where answers may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To AWS, by HTTPS.
    #[default]
    Aws,
    /// Wherever a request says: where AWS is a program on the same machine.
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

impl Reach {
    /// Rejects a URL that responses must not be sent to.
    ///
    /// # Errors
    ///
    /// With the address's host, and nothing else of it.
    pub fn admits(self, address: &str) -> Result<(), UntrustedResponseUrl> {
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
    fn an_answer_goes_to_aws_and_nowhere_else() {
        for address in [
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws?X-Amz-Signature=s",
            "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com:443/a?b",
            "https://x.s3.cn-north-1.amazonaws.com.cn/a",
            "https://x.s3.eusc-de-east-1.amazonaws.eu/a",
            "https://x.s3.us-iso-east-1.c2s.ic.gov/a",
            "HTTPS://X.S3.AMAZONAWS.COM/a",
        ] {
            assert_eq!(Reach::Aws.admits(address), Ok(()), "{address}");
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
            assert!(Reach::Aws.admits(address).is_err(), "{address}");
        }
        assert_eq!(Reach::Anywhere.admits("http://127.0.0.1:4566/a"), Ok(()), "where AWS is a program beside us");
    }

    #[test]
    fn an_address_that_is_refused_is_told_without_its_signature() {
        let told = Reach::Aws.admits("https://answers.example/path?X-Amz-Signature=secret").unwrap_err().to_string();
        assert!(told.contains("answers.example") && !told.contains("path") && !told.contains("secret"), "{told}");
    }
}
