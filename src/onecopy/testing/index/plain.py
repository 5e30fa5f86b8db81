"""The contract of `Plain`, as tests."""
# ruff: noqa: S101 - a contract is made of assertions

from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol

import pytest

from onecopy.content import Copy, Digests
from onecopy.digest import CRC64NVME, SHA256, SMALLEST_PART, Digest, content_scheme
from onecopy.index.interface import Index, Plain
from onecopy.testing.index.values import a_copy, claimed, md5_of, proved


class PlainIndex(Index, Plain, Protocol):
    """An index that returns copies as text."""


class PlainContract:
    """What every index with plain copies does: the contract of `Plain`."""

    @pytest.fixture
    def index(self) -> PlainIndex | Iterator[PlainIndex]:
        """Return or yield an empty index."""
        raise NotImplementedError

    @pytest.mark.parametrize("has_others", [False, True])
    def test_each_copy_is_in_one_of_both(self, index: PlainIndex, *, has_others: bool) -> None:
        """Plain ones as lines, all others as they are; none of another tenant."""
        large = Digests.proved(Digest(content_scheme(SMALLEST_PART), b"l" * 32))
        plain = [a_copy(f"k/{number}", proved(str(number))) for number in range(6000)]
        plain += [a_copy(f"s/{number}", _only_sha256(str(number))) for number in range(6000)]
        others = [
            a_copy("large", large, size=SMALLEST_PART),
            a_copy("weak", Digests.proved(md5_of("b"))),
            a_copy("claimed", claimed(md5_of("c"))),
            a_copy("unknown", Digests()),
            a_copy("crc", proved("a").merged(Digests.proved(Digest(CRC64NVME, b"c" * 8)))),
            a_copy("accent \u00e9", proved("e")),
            a_copy("line\nbreak\ttab", proved("n")),
            a_copy("identity", proved("i"))._replace(identity="tab\t"),
            a_copy("class", proved("j"))._replace(storage_class="tab\t"),
        ]
        index.add(("t", each) for each in [*plain, *others])
        if has_others:
            index.add([("u", a_copy("another's", proved("a")))])
        pages = list(index.plain("t"))
        found = {copy.key: copy for page in pages for copy in page.others}
        assert found == {copy.key: copy for copy in others}
        rows = [line.split("\t") for page in pages for line in page.lines.splitlines()]
        assert sorted(row[1:] for row in rows) == sorted(map(_fields, plain))
        assert len({int(row[0]) for row in rows}) == len(rows)
        assert all(0 <= int(row[0]) < 2**30 for row in rows)
        assert all(page.lines.endswith("\n") for page in pages if page.lines)

    def test_a_tenant_without_copies(self, index: PlainIndex) -> None:
        """There is nothing to yield."""
        assert list(index.plain("nobody")) == []


def _fields(copy: Copy) -> list[str]:
    values = {each.scheme.algorithm: each.value.hex().upper() for each in copy.digests}
    digests = (values["sha256"], values.get("md5", ""))
    kind = "" if copy.storage_class == "STANDARD" else copy.storage_class
    return [str(copy.size), str(copy.stored_ms), *digests, kind, copy.identity, f"/{copy.key}"]


def _only_sha256(word: str) -> Digests:
    return Digests.proved(Digest(SHA256, sha256(word.encode()).digest()))
