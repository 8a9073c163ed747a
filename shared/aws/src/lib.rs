//! Adapters: the exporter's ports on AWS
