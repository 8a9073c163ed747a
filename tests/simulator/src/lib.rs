//! A Security Hub and an STS that obey the real ones' rules
