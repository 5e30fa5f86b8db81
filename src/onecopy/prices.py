"""List prices of storing objects in S3, by storage class, in US dollars per GB and month.

Source: https://aws.amazon.com/s3/pricing/, us-east-1, the first 50 TB of a month. A GB is 10^9
bytes. Not included are requests, retrieval, monitoring, and what some classes charge for objects
that are small or deleted early, so duplicates may cost more.
"""

DATED = "list price of 2025"
"""What these prices are, for display."""
STANDARD = 0.023
STORAGE_GB = {
    "STANDARD": STANDARD,
    "EXPRESS_ONEZONE": 0.11,
    "REDUCED_REDUNDANCY": 0.024,
    "INTELLIGENT_TIERING": 0.023,  # its tier is not stated; that of frequent access
    "STANDARD_IA": 0.0125,
    "ONEZONE_IA": 0.01,
    "GLACIER_IR": 0.004,
    "GLACIER": 0.0036,
    "DEEP_ARCHIVE": 0.00099,
}


def price_of(storage_class: str, standard: float = STANDARD) -> float:
    """Return the price of a storage class; `standard` is that of STANDARD, and of unknown ones."""
    return standard if storage_class == "STANDARD" else STORAGE_GB.get(storage_class, standard)
