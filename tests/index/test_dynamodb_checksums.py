"""A table of somebody's that holds nothing but checksums."""

from collections.abc import Callable, Iterator

import pytest

from onecopy.content import Listed
from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import InvalidDigest, InvalidSettings, Unavailable
from onecopy.index import Engine, open_index
from onecopy.testing.index.values import MANY, a_copy, md5_of, proved, sha256_of
from tests.index.tables import client_of, make_table, url_of
from tests.standins import Standin


@pytest.fixture
def url(aws: Standin, table: str) -> str:
    """Return the URL of an empty table of checksums."""
    make_table(aws, table, "content")
    return url_of(aws, table, "&layout=checksums&key=content")


@pytest.fixture
def index(url: str) -> Iterator[Engine]:
    """Yield such a table."""
    made = open_index(url)
    yield made
    made.close()


def put(aws: Standin, table: str, *texts: str) -> None:
    """Put items as the prototype did."""
    for text in texts:
        client_of(aws).put_item(TableName=table, Item={"content": {"S": text}})


def test_what_is_there(aws: Standin, table: str, index: Engine) -> None:
    """Checksums that somebody else has put there are listed, by MD5 or SHA-256, for any tenant."""
    put(aws, table, md5_of("a").value.hex(), sha256_of("b").value.hex())
    asked = [md5_of("b"), md5_of("a"), sha256_of("b"), md5_of("a"), sha256_of("a")]
    found = [None, Listed(md5_of("a")), Listed(sha256_of("b")), Listed(md5_of("a")), None]
    assert index.listed("t", asked) == found
    assert index.listed("u", [md5_of("a")]) == [Listed(md5_of("a"))]
    assert index.listed("t", []) == []
    assert index.lookup("t", asked) == [None] * 5
    assert index.at("t", ["a"]) == [None]
    assert list(index.copies()) == []
    assert index.unread_sizes("t", [1]) == set()


def test_other_schemes(index: Engine) -> None:
    """A digest over parts is no checksum of a whole content, even with the same value."""
    parts = Digest(Scheme("md5", 8388608), md5_of("a").value)
    index.enlist([("t", Listed(md5_of("a")))])
    assert index.listed("t", [parts]) == [None]
    with pytest.raises(InvalidDigest, match="md5 and sha256 alone"):
        index.enlist([("t", Listed(parts))])


def test_schemes(aws: Standin, table: str, url: str, index: Engine) -> None:
    """A content of any size may be on the list: its MD5 is asked for, or what the list holds."""
    assert index.schemes("t", [1, 2]) == [{MD5}, {MD5}]
    put(aws, table, sha256_of("b").value.hex())
    again = open_index(url)
    assert again.schemes("t", [1]) == [{SHA256}]
    again.close()


def test_enlist(aws: Standin, table: str, index: Engine) -> None:
    """Thousands are put in the table's own layout, with nothing else in them."""
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


def test_pages(aws: Standin, table: str, index: Engine) -> None:
    """All checksums can be read, from where somebody stopped; what is none is passed over."""
    given = [Listed(md5_of(str(number))) for number in range(2 * MANY + 1)]
    index.enlist(("t", listed) for listed in given)
    put(aws, table, "none", md5_of("0").value.hex().upper())
    pages = list(index.pages())
    assert {listed for _, page in pages for _, listed in page} == set(given)
    assert len(pages) > 1
    rest = [entry for _, page in index.pages(pages[0][0]) for entry in page]
    assert rest == [entry for _, page in pages[1:] for entry in page]


def test_what_it_cannot_keep(index: Engine) -> None:
    """Whoever wants to record copies or keep values is told what to do instead."""
    copy = a_copy("a", proved("a"))
    calls: list[Callable[[], object]] = [
        lambda: index.record("t", [copy]),
        lambda: index.add([("t", copy)]),
        lambda: index.forget("t", [copy]),
        lambda: index.put_if("name", None, b""),
        lambda: index.increase("name", 1),
    ]
    for call in calls:
        with pytest.raises(InvalidSettings, match="onecopy migrate"):
            call()


def test_passing_values(index: Engine) -> None:
    """What a check needs of a state lasts as long as the process; what has to stay is refused."""
    assert index.get("store") is None
    assert index.put_if("store", None, b"id")
    assert not index.put_if("store", None, b"other")
    assert index.get("store") == b"id"
    with pytest.raises(InvalidSettings, match="onecopy migrate"):
        index.put_if("tokens", None, b"[]")


def test_other_keys(aws: Standin, table: str) -> None:
    """A table that has another key, or is not there, is refused."""
    with pytest.raises(InvalidSettings, match="no table"):
        open_index(url_of(aws, table, "&layout=checksums"))
    make_table(aws, table, "md5")
    with pytest.raises(InvalidSettings, match=r"the key md5 \(S\)"):
        open_index(url_of(aws, table, "&layout=checksums"))
    open_index(url_of(aws, table, "&layout=checksums&key=md5")).close()


def test_closed(index: Engine) -> None:
    """After `close` it is Unavailable."""
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
