"""CRC-64/NVME, which S3 keeps of most new objects, over the whole content whatever its parts.

The CRC is computed by the package anycrc, at the speed of reading memory. Combining the CRCs of
consecutive parts needs no package. https://nvmexpress.org (NVM Command Set, 5.2.1.3.4);
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any

from onecopy.errors import InvalidSettings

NEEDED = "crc64nvme needs the package anycrc: pip install anycrc"
"""What to do where it cannot be computed."""
_POLYNOMIAL = 0x9A6C9329AC4BC9B5
"""Reflected: bit 63 is the coefficient of x^0, here and in all values below."""
_ONE = 1 << 63
_X_TO_8 = 1 << 55


class Crc64:
    """A CRC-64/NVME being computed, like a hash object of hashlib.

    Raises InvalidSettings if the package anycrc is not installed.
    """

    def __init__(self, data: bytes = b"") -> None:
        self._compute = _compute()
        self._value = self._compute(data, 0)

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Add the next bytes."""
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        """Return the CRC as 8 bytes, big-endian."""
        return self._value.to_bytes(8)


@cache
def is_available() -> bool:
    """Whether this installation can compute it."""
    try:
        _compute()
    except InvalidSettings:
        return False
    return True


def of_few(data: bytes) -> bytes:
    """Return the CRC of a few bytes, which needs no package."""
    value = 2**64 - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return (value ^ 2**64 - 1).to_bytes(8)


def combine(parts: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the CRC of a content from the CRCs of its parts, in order, with their lengths."""
    value = 0
    for crc, length in parts:
        value = _multiply(_power(length), value) ^ int.from_bytes(crc)
    return value.to_bytes(8)


@cache
def _compute() -> Callable[[Any, int], int]:
    try:
        from anycrc import Model
    except ImportError as error:
        raise InvalidSettings(NEEDED) from error
    compute: Callable[[Any, int], int] = Model("CRC64-NVME").calc
    return compute


@lru_cache(64)
def _power(length: int) -> int:
    """Return x^(8 length): appending `length` bytes multiplies a CRC by it."""
    power, square = _ONE, _X_TO_8
    while length:
        if length & 1:
            power = _multiply(power, square)
        square = _multiply(square, square)
        length >>= 1
    return power


def _multiply(a: int, b: int) -> int:
    """Return the product of two polynomials modulo that of the CRC."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & 2 * _ONE - 1
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return product
