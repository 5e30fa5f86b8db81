"""CRC-64/NVME: values, combination, and installations without the package that computes it."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from anycrc import Model
from hypothesis import given
from hypothesis import strategies as st

from onecopy import crc64
from onecopy.crc64 import Crc64, combine, of_few
from onecopy.digest import CRC64NVME, MD5, SHA256, hash_stream
from onecopy.upload.item import schemes_for

VECTORS = json.loads((Path(__file__).parent / "vectors" / "crc64nvme.json").read_text())


@pytest.mark.parametrize("row", VECTORS["contents"], ids=lambda row: row["crc64nvme"])
def test_gives_the_vectors(row: dict[str, Any]) -> None:
    """The CRC of the vectors comes out, wherever the bytes are cut."""
    content = bytes.fromhex(row["pattern"]) * row["times"]
    running = Crc64(content[:5])
    running.update(bytearray(content[5:1000]))
    running.update(memoryview(content)[1000:])
    assert running.digest().hex() == row["crc64nvme"]
    [found] = hash_stream([content], len(content), [CRC64NVME]).digests
    assert str(found) == f"crc64nvme:{row['crc64nvme']}"


@pytest.mark.parametrize("row", VECTORS["combined"], ids=lambda row: str(row["size"]))
def test_combines_the_vectors(row: dict[str, Any]) -> None:
    """The CRCs of consecutive parts of any lengths make up that of the whole."""
    parts = [(bytes.fromhex(part["crc64nvme"]), part["size"]) for part in row["parts"]]
    assert combine(parts).hex() == row["crc64nvme"]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_combination_follows_the_definition(content: bytes, cuts: list[int]) -> None:
    """Any cuts of any content give the CRC of the whole."""
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    parts = [content[start:end] for start, end in pairwise(edges)]
    assert combine((Crc64(part).digest(), len(part)) for part in parts) == Crc64(content).digest()


def test_combines_more_than_a_disk_holds() -> None:
    """Lengths of 48.8 TiB take no longer than others, and agree with the package's own."""
    a, b, length = 0x1234567890ABCDEF, 0xFEDCBA0987654321, 5 * 2**30 * 10_000
    both = combine([(a.to_bytes(8), 1), (b.to_bytes(8), length)])
    assert int.from_bytes(both) == Model("CRC64-NVME").combine(a, b, length)


@given(st.binary(max_size=300))
def test_of_few_bytes_follows_the_definition(content: bytes) -> None:
    """The CRC computed bit by bit, without the package, is the same."""
    assert of_few(content) == Crc64(content).digest()


def test_twins() -> None:
    """The two contents of the vectors differ, and have one CRC."""
    a, b = (bytes.fromhex(VECTORS["twins"][name]) for name in "ab")
    assert a != b
    assert Crc64(a).digest() == Crc64(b).digest() == bytes.fromhex(VECTORS["twins"]["crc64nvme"])


_WITHOUT = """
import sys
sys.modules["anycrc"] = None
from onecopy import crc64
from onecopy.content import Verdict
from onecopy.digest import CRC64NVME, MD5, SHA256, new_hash
from onecopy.errors import InvalidSettings
from onecopy.gate.interface import Answer
from onecopy.upload.item import schemes_for
from onecopy.upload.result import _message
assert not CRC64NVME.is_computable and MD5.is_computable
assert schemes_for(5, [CRC64NVME, MD5], 8) == [SHA256, MD5]
try:
    new_hash(CRC64NVME)
except InvalidSettings as error:
    print(error)
for text in ("compute crc64nvme as well", "compute md5 as well"):
    print(_message(Answer(Verdict.UNCONFIRMED, reason="digest-needed", message=text)))
"""


def test_without_the_package() -> None:
    """Without anycrc a client leaves the CRC out, and says how to install what computes it."""
    run = subprocess.run(
        [sys.executable, "-c", _WITHOUT], check=True, capture_output=True, text=True
    )
    assert run.stdout.splitlines() == [
        "crc64nvme needs the package anycrc: pip install anycrc",
        "compute crc64nvme as well; crc64nvme needs the package anycrc: pip install anycrc",
        "compute md5 as well",
    ]


def test_is_computed_first() -> None:
    """With anycrc it comes first after the content digest, since it costs least."""
    assert crc64.is_available()
    assert schemes_for(5, frozenset({MD5, CRC64NVME}), 2) == [SHA256, CRC64NVME]
