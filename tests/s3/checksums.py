"""Checksums that requests to a bucket state."""

from base64 import b64encode
from typing import Any

from onecopy.crc64 import Crc64


def stated(data: bytes, algorithm: str | None) -> dict[str, Any]:
    """Return the parameters that state a checksum of a body: boto3 computes all but CRC64NVME."""
    if algorithm == "CRC64NVME":
        return {"ChecksumCRC64NVME": b64encode(Crc64(data).digest()).decode()}
    return {"ChecksumAlgorithm": algorithm} if algorithm else {}
