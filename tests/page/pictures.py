"""Pictures that tests and screenshots upload."""

import math
import random
import struct
import zlib
from collections.abc import Callable, Sequence

Colour = tuple[int, int, int]


def png(seed: int, width: int = 320, height: int = 240) -> bytes:
    """Return a picture with a gradient, another one for each seed."""
    left, right = _colours(random.Random(seed), 2)
    return encode(width, height, lambda x, _: _between(left, right, x / width))


def landscape(seed: int, width: int = 320, height: int = 240) -> bytes:
    """Return a picture of hills under a sun, other ones for each seed."""
    chance = random.Random(seed)
    dusk, noon, sun = _colours(chance, 3, least=120)
    hills = [_hill(chance, height * share) for share in (0.55, 0.7, 0.82)]
    at = (width * chance.uniform(0.2, 0.8), height * chance.uniform(0.2, 0.45))

    def colour(x: int, y: int) -> Colour:
        for number in reversed(range(len(hills))):
            if y > hills[number](x):
                return _between((20, 30, 45), noon, 0.6 - 0.25 * number)
        if math.dist((x, y), at) < height * 0.11:
            return _between(sun, (255, 250, 235), 0.6)
        return _between(dusk, noon, y / height)

    return encode(width, height, colour)


def encode(width: int, height: int, colour: Callable[[int, int], Colour]) -> bytes:
    """Return a PNG image (RFC 2083)."""
    rows = (b"\0" + b"".join(bytes(colour(x, y)) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _hill(chance: random.Random, level: float) -> Callable[[int], float]:
    waves = [(chance.uniform(0.006, 0.03), chance.uniform(0, 6)) for _ in range(3)]
    return lambda x: level + sum(9 * math.sin(x * speed + phase) for speed, phase in waves)


def _colours(chance: random.Random, number: int, least: int = 0) -> Sequence[Colour]:
    return [
        (chance.randrange(least, 256), chance.randrange(least, 256), chance.randrange(least, 256))
        for _ in range(number)
    ]


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (int(a * (1 - share) + b * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
