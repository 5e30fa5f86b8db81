"""List prices of AWS in US dollars: us-east-1, on demand, 2025.

Source: https://aws.amazon.com/pricing/, by service. The free tier is not deducted; other regions
charge up to 1.8 times as much.
"""

DATED = "list price of 2025"
"""What these prices are, for display."""

# DynamoDB
READ_UNIT = 0.125e-6
"""Per strongly consistent read of an item of up to 4 KB; other reads cost half."""
WRITE_UNIT = 0.625e-6
"""Per write of an item of up to 1 KB."""
TABLE_GB = 0.25
"""Per GB (10^9 bytes) and month in a table."""
RECOVERY_GB = 0.20
"""Per GB (10^9 bytes) and month of point-in-time recovery over 35 days."""
IMPORTED_GB = 0.15
"""Per GB (10^9 bytes, uncompressed) imported from a bucket into a new table."""

# S3
PUT = 5e-6
"""Per object that is put into a bucket."""
LIST = 5e-6
"""Per request to list up to 1,000 objects."""
GET = 0.4e-6
"""Per GET or HEAD request."""
RETRIEVAL_GB = {"STANDARD_IA": 0.01, "ONEZONE_IA": 0.01, "GLACIER_IR": 0.03}
"""Per GB (10^9 bytes) read from a storage class; the others charge nothing for reading."""

BATCH_JOB = 0.25
"""Per job of S3 Batch Operations."""
BATCH_OBJECT = 1e-6
"""Per object that a job of S3 Batch Operations processes."""

# API Gateway, CloudFront, Lambda, SQS, CloudWatch
API_REQUEST = 1e-6
"""Per request to an HTTP API of API Gateway."""
CDN_REQUEST = 1e-6
"""Per HTTPS request to CloudFront."""
CDN_GB = 0.085
"""Per GB (10^9 bytes) that CloudFront sends."""
INVOCATION = 0.2e-6
"""Per invocation of a Lambda function."""
GB_SECOND = 0.0000133334
"""Per second and GB of memory of a Lambda function, on arm64."""
MESSAGE = 0.4e-6
"""Per request to SQS."""
LOG_GB = 0.50
"""Per GB (10^9 bytes) of logs."""
ALARM = 0.10
"""Per CloudWatch alarm and month."""
