//! Lambda function: exports the findings of an uploaded scan
