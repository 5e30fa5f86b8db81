"""Pictures that tests upload."""

import random
import struct
import zlib


def png(seed: int, width: int = 320, height: int = 240) -> bytes:
    """Return a picture with a gradient, another one for each seed."""
    chance = random.Random(seed)
    left, right = ([chance.randrange(256) for _ in range(3)] for _ in range(2))
    row = b"".join(
        bytes((left[at] * (width - x) + right[at] * x) // width for at in range(3))
        for x in range(width)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
