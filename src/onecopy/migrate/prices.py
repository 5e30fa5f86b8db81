"""What Amazon charges, in US dollars: us-east-1, on demand, as lowered in November 2024.

https://aws.amazon.com/dynamodb/pricing/on-demand/ and https://aws.amazon.com/s3/pricing/. Other
regions charge up to 1.8 times as much.
"""

WRITE_UNIT = 0.625e-6
"""For writing an item of up to 1 KB."""
IMPORTED_GB = 0.15
"""For importing 10^9 bytes, not compressed, from a bucket into a new table."""
PUT = 5e-6
"""For putting an object into a bucket."""
