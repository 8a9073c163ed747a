"""AWS list prices of us-east-1, in US dollars, for local/cost.py.

Each comment names the page of AWS that has the price. The values are those that were known in November 2026. Each was compared with a second source:
those of EventBridge, alarms, KMS, and Secrets Manager with the source and the date in their comment, the others with pages of AWS and articles of 2025 and
2026 about its prices. Check the pages before you rely on a figure. Free tiers other than Security Hub's are not subtracted. To compute the costs in another
Region, or with another price, change a value here and run `python local/cost.py render`.
"""

from __future__ import annotations

MILLION = 1_000_000
GB = 10**9

# https://aws.amazon.com/lambda/pricing/ (x86)
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000166667

# https://aws.amazon.com/s3/pricing/ (S3 Standard). DELETE is free.
S3_WRITE_REQUEST = 0.005 / 1_000  # PUT, COPY, POST, LIST
S3_READ_REQUEST = 0.0004 / 1_000  # GET, HEAD, and all others
S3_GB_MONTH = 0.023

# https://aws.amazon.com/dynamodb/pricing/on-demand/ (standard table class)
DYNAMODB_WRITE_UNIT = 0.625 / MILLION
DYNAMODB_READ_UNIT = 0.125 / MILLION

# https://aws.amazon.com/sqs/pricing/ (standard queues)
SQS_REQUEST = 0.40 / MILLION

# https://aws.amazon.com/eventbridge/pricing/. Compared in August 2026 with the price list of AWS (offer AWSEvents, published on 2026-05-29).
# Management events of AWS services are free, and so is the delivery of any event to a queue of the same account. Events of a bucket, such as
# "Object Created", are not: they are "opt-in data events", billed as custom events are, whether or not a rule matches them.
EVENTBRIDGE_EVENT = 1.00 / MILLION
SCHEDULER_INVOCATION = 1.00 / MILLION

# https://aws.amazon.com/cloudwatch/pricing/. A metric is charged for the hours in which it has values.
# Alarms (standard resolution): compared in August 2026 with the price list of AWS (offer AmazonCloudWatch, published on 2026-08-06).
CLOUDWATCH_ALARM_MONTH = 0.10
CLOUDWATCH_DASHBOARD_MONTH = 3.00
CLOUDWATCH_METRIC_MONTH = 0.30
CLOUDWATCH_LOGS_GB = 0.50

# https://aws.amazon.com/kms/pricing/. Keys that AWS manages cost nothing except for requests.
# The page states the price of a key. That of requests (symmetric keys) was compared with articles of March 2026: cloudburn.io/blog/aws-kms-pricing,
# wring.co/blog/aws-kms-pricing-guide.
KMS_REQUEST = 0.03 / 10_000
KMS_KEY_MONTH = 1.00

# https://aws.amazon.com/secrets-manager/pricing/. Compared with the examples of that page, as transcribed on 2026-09-20 in
# github.com/api-evangelist/amazon-secrets-manager.
SECRET_MONTH = 0.40
SECRET_REQUEST = 0.05 / 10_000

# https://aws.amazon.com/security-hub/cspm/pricing/: finding ingestion events, of new findings and of updates, per account and Region.
SECURITY_HUB_FREE_EVENTS = 10_000
SECURITY_HUB_EVENT = 0.00003
