"""What Amazon charges, in US dollars: list prices of us-east-1, on demand, of 2025.

https://aws.amazon.com/pricing/, by service. What an account always gets for nothing is not taken
off; other regions charge up to 1.8 times as much.
"""

# DynamoDB
READ_UNIT = 0.125e-6
"""For reading an item of up to 4 KB consistently; half of that otherwise."""
WRITE_UNIT = 0.625e-6
"""For writing an item of up to 1 KB."""
TABLE_GB = 0.25
"""For 10^9 bytes in a table, a month."""
RECOVERY_GB = 0.20
"""For being able to set them back to any second of the last 35 days, a month."""
IMPORTED_GB = 0.15
"""For importing 10^9 bytes, not compressed, from a bucket into a new table."""

# S3
PUT = 5e-6
"""For putting an object into a bucket."""
GET = 0.4e-6
"""For looking at one."""

# What stands before them
API_REQUEST = 1e-6
"""For a request to an HTTP API of API Gateway."""
CDN_REQUEST = 1e-6
"""For a request to CloudFront, by HTTPS."""
CDN_GB = 0.085
"""For 10^9 bytes that it sends."""
INVOCATION = 0.2e-6
"""For calling a function of Lambda."""
GB_SECOND = 0.0000133334
"""For a function with 1 GB of memory that works for a second, on arm64."""
MESSAGE = 0.4e-6
"""For a request to SQS."""
LOG_GB = 0.50
"""For 10^9 bytes that are logged."""
ALARM = 0.10
"""For an alarm of CloudWatch, a month."""
