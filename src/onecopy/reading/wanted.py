"""The objects that are to be read: one of them, and a file of any number of them."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import NamedTuple, Self

import msgspec

from onecopy.digest import Scheme
from onecopy.tenant import Owned, Tenant


class Wanted(NamedTuple):
    """An object that is to be read."""

    owned: Owned
    size: int
    """Bytes, at least 1, as far as that is known."""
    schemes: tuple[Scheme, ...] = ()
    """Schemes of digests to compute besides the content digest."""
    is_stated: bool = False
    """Whether the store may state its content digest, so that it need not be read."""

    @property
    def key(self) -> str:
        """The full key."""
        return self.owned.tenant.prefix + self.owned.key


_Line = tuple[str, str, int, list[str], bool]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


def to_line(wanted: Wanted) -> bytes:
    """Return an object that is to be read as a line of JSON, without its end."""
    (tenant, key), size, schemes, is_stated = wanted
    return _encode((tenant.name, key, size, [str(scheme) for scheme in schemes], is_stated))


def from_line(line: bytes) -> Wanted:
    """Parse a line; raises msgspec.DecodeError and InvalidDigest."""
    tenant, key, size, schemes, is_stated = _decode(line)
    owned = Owned(Tenant(tenant), key)
    return Wanted(owned, size, tuple(map(Scheme.parse, schemes)), is_stated)


class WantedFile:
    """A temporary file of objects that are to be read, so that their total is known before."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.objects = 0
        self.bytes = 0

    def put(self, wanted: Wanted) -> None:
        """Add an object; not while others are read back."""
        self._file.write(to_line(wanted) + b"\n")
        self.objects += 1
        self.bytes += wanted.size

    def __iter__(self) -> Iterator[Wanted]:
        """Yield the objects in the order in which they were added."""
        self._file.seek(0)
        return map(from_line, self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
