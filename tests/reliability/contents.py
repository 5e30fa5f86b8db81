"""The contents that the tests upload; each differs from the others in one relevant property."""

import json
from pathlib import Path
from typing import Self

_VECTORS = Path(__file__).parent.parent / "vectors"
_MD5_TWINS = json.loads((_VECTORS / "md5-twins.json").read_text())
_CRC_TWINS = json.loads((_VECTORS / "crc64nvme.json").read_text())["twins"]


class Named(bytes):
    """Bytes that are shown by their name, because an example with 9 MiB is not readable."""

    name: str

    def __new__(cls, name: str, data: bytes) -> Self:
        """Name the bytes."""
        named = super().__new__(cls, data)
        named.name = name
        return named

    def __repr__(self) -> str:
        return f"contents.{self.name}"

    def __reduce__(self) -> tuple[type["Named"], tuple[str, bytes]]:
        return Named, (self.name, bytes(self))


EMPTY = Named("EMPTY", b"")
X = Named("X", b"x")
LOWER, UPPER = Named("LOWER", b"bytes"), Named("UPPER", b"BYTES")
TWIN_A, TWIN_B = (Named(f"TWIN_{name.upper()}", bytes.fromhex(_MD5_TWINS[name])) for name in "ab")
"""Two contents with the same MD5."""
CRC_A, CRC_B = (Named(f"CRC_{name.upper()}", bytes.fromhex(_CRC_TWINS[name])) for name in "ab")
"""Two contents with the same CRC-64/NVME."""
SMALL = (X, LOWER, UPPER, TWIN_A, TWIN_B)
LARGE = Named("LARGE", bytes(range(256)) * 4096 * 9)
"""9 MiB: two parts."""
OTHER_LARGE = Named("OTHER_LARGE", LARGE[:-1] + b"!")
"""Same size, and only the second part differs."""
ALL = (EMPTY, *SMALL, LARGE, OTHER_LARGE)


_TWIN_OF: dict[bytes, Named] = {TWIN_A: TWIN_B, TWIN_B: TWIN_A, CRC_A: CRC_B, CRC_B: CRC_A}


def twin_of(data: bytes) -> bytes:
    """Return the content with the same weak digest, or else another of the same size (not 0)."""
    return _TWIN_OF.get(data) or as_long_as(data)


def as_long_as(data: bytes) -> bytes:
    """Return another content of the same size (not 0)."""
    for other in ALL:
        if len(other) == len(data) and other != data:
            return other
    return bytes([data[0] ^ 1]) + data[1:]
