"""A table, not created by onecopy, that holds only checksums."""

from collections.abc import Callable, Iterator

import pytest

from onecopy.content import Listed
from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import InvalidDigest, InvalidSettings, Unavailable
from onecopy.index import Engine, Lists, open_any, open_index
from onecopy.index.dynamodb.checksums import ChecksumTable
from onecopy.index.lists_only import ListsOnly
from onecopy.listing import EVERYTHING
from onecopy.testing.index.values import MANY, a_copy, crc_of, md5_of, proved, sha256_of
from tests.index.tables import client_of, make_table, url_of
from tests.standins import Standin


@pytest.fixture
def url(aws: Standin, table: str) -> str:
    """Return the URL of an empty table of checksums."""
    make_table(aws, table, "content")
    return url_of(aws, table, "&layout=checksums&key=content")


@pytest.fixture
def index(url: str) -> Iterator[ChecksumTable]:
    """Yield such a table."""
    opened = open_any(url)
    assert isinstance(opened, ChecksumTable)
    yield opened
    opened.close()


def put(aws: Standin, table: str, *texts: str) -> None:
    """Put items as the prototype did."""
    for text in texts:
        client_of(aws).put_item(TableName=table, Item={"content": {"S": text}})


def test_what_is_there(aws: Standin, table: str, index: ChecksumTable) -> None:
    """Existing checksums are listed, as MD5 or SHA-256, for every tenant."""
    put(aws, table, md5_of("a").value.hex(), sha256_of("b").value.hex())
    asked = [md5_of("b"), md5_of("a"), sha256_of("b"), md5_of("a"), sha256_of("a")]
    found = [None, Listed(md5_of("a")), Listed(sha256_of("b")), Listed(md5_of("a")), None]
    assert index.listed("t", asked) == found
    assert index.listed("u", [md5_of("a")]) == [Listed(md5_of("a"))]
    assert index.listed("t", []) == []


def test_other_schemes(index: ChecksumTable) -> None:
    """A digest over parts, even with the same value, or a CRC is no checksum of such a table."""
    parts = Digest(Scheme("md5", 8388608), md5_of("a").value)
    index.enlist([("t", Listed(md5_of("a")))])
    for other in (parts, crc_of("a")):
        assert index.listed("t", [other]) == [None]
        with pytest.raises(InvalidDigest, match="only md5 and sha256"):
            index.enlist([("t", Listed(other))])


def test_schemes(aws: Standin, table: str, url: str, index: ChecksumTable) -> None:
    """Every size yields the scheme of the checksums, or MD5 if the table is empty."""
    assert index.schemes("t", [1, 2]) == [{MD5}, {MD5}]
    put(aws, table, sha256_of("b").value.hex())
    again = open_any(url)
    assert again.schemes("t", [1]) == [{SHA256}]
    again.close()


def test_enlist(aws: Standin, table: str, index: ChecksumTable) -> None:
    """Thousands of digests are written in the table's own layout, with nothing else."""
    given = [("t", Listed(md5_of(str(number)), number)) for number in range(MANY)]
    assert index.enlist(iter(given)) == MANY
    assert index.enlist(given[:10]) == 10
    assert index.count() == MANY
    items = client_of(aws).scan(TableName=table)["Items"]
    assert sorted(item["content"]["S"] for item in items) == sorted(
        listed.digest.value.hex() for _, listed in given
    )
    assert all(set(item) == {"content"} for item in items)
    assert index.listed("t", [md5_of("7"), md5_of("x")]) == [Listed(md5_of("7")), None]


def test_pages(aws: Standin, table: str, index: ChecksumTable) -> None:
    """All checksums can be read, resumably; items that are not checksums are skipped."""
    given = [Listed(md5_of(str(number))) for number in range(2 * MANY + 1)]
    index.enlist(("t", listed) for listed in given)
    put(aws, table, "none", md5_of("0").value.hex().upper())
    pages = list(index.pages())
    assert {listed for _, page in pages for _, listed in page} == set(given)
    assert len(pages) > 1
    rest = [entry for _, page in index.pages(pages[0][0]) for entry in page]
    assert rest == [entry for _, page in pages[1:] for entry in page]


def test_it_is_no_index(url: str, index: ChecksumTable) -> None:
    """Opening it as an index is refused with advice; it does not pretend to be one."""
    assert isinstance(index, Lists)
    assert not isinstance(index, Engine)
    with pytest.raises(InvalidSettings, match="onecopy migrate"):
        open_index(url)


def test_in_the_place_of_an_index(url: str, index: ChecksumTable) -> None:
    """For checks it acts as an index that records no copies and has a temporary state."""
    index.enlist([("t", Listed(md5_of("a")))])
    checked, copy = ListsOnly(index, url), a_copy("a", proved("a"))
    assert isinstance(checked, Engine)
    assert checked.schemes("t", [1]) == [{MD5}]
    assert checked.listed("t", [md5_of("a")]) == [Listed(md5_of("a"))]
    assert checked.lookup("t", [md5_of("a")]) == [None]
    assert checked.at("t", ["a"]) == [None]
    assert list(checked.copies()) == []
    assert checked.unread_sizes("t", [1]) == set()
    assert checked.forget("t", [copy]) == [False]
    calls: list[Callable[[], object]] = [
        lambda: checked.record("t", []),
        lambda: checked.record("t", [copy]),
        lambda: checked.add([("t", copy)]),
        lambda: checked.merge("t", EVERYTHING, []),
    ]
    for call in calls:
        with pytest.raises(InvalidSettings, match="onecopy migrate"):
            call()
    assert checked.put_if("store", None, b"id")
    assert checked.get("store") == b"id"
    assert ListsOnly(index, url).get("store") is None


def test_other_keys(aws: Standin, table: str) -> None:
    """A table with another key, or a missing one, is refused."""
    with pytest.raises(InvalidSettings, match="no table"):
        open_any(url_of(aws, table, "&layout=checksums"))
    make_table(aws, table, "md5")
    with pytest.raises(InvalidSettings, match=r"the key md5 \(S\)"):
        open_any(url_of(aws, table, "&layout=checksums"))
    open_any(url_of(aws, table, "&layout=checksums&key=md5")).close()


def test_closed(index: ChecksumTable) -> None:
    """After `close` all methods raise Unavailable."""
    index.close()
    calls: list[Callable[[], object]] = [
        lambda: index.schemes("t", [1]),
        lambda: index.listed("t", [md5_of("a")]),
        lambda: index.enlist([("t", Listed(md5_of("a")))]),
        index.count,
        lambda: list(index.pages()),
    ]
    for call in calls:
        with pytest.raises(Unavailable):
            call()
