"""Limits of one request, in the gate and in the documents of the HTTP API."""

MAX_SIZES = 10_000
"""Sizes in a probe."""
MAX_FILES = 1_000
"""Files in a check, begin, place, complete or abort."""
MAX_DIGESTS = 8
"""Digests of one file."""
MAX_SIGNED_PARTS = 1_000
"""Parts for which one request returns signed requests."""
MAX_BATCH_FILES = 100
"""Files in a batch, which is one request with their bytes."""
MAX_BATCH_BYTES = 8 * 1024 * 1024
"""Bytes of all files in a batch."""
MAX_AVOIDED = 1_000_000
"""Files in a report of avoided uploads."""
