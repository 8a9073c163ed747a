//! Reads Prowler scan results and maps them to the AWS Security Finding Format
