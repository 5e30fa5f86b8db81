"""A damaged index file: every answer is right, or says that the index is damaged."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest

from onecopy.content import Copy, Listed
from onecopy.errors import Damaged, InvalidSettings
from onecopy.index.sqlite import SqliteIndex
from onecopy.listing import EVERYTHING
from onecopy.testing.index.listings import numbered
from onecopy.testing.index.values import a_copy, claimed, md5_of, proved, sha256_of
from onecopy.tokens import create_token, list_tokens

_CONTENTS = [f"c{n}" for n in range(40)]
_LONG = "long" * 700
"""Its row does not fit on a page, and continues on others."""


def _fill(index: SqliteIndex) -> None:
    keys = [f"k/{n}{_LONG if n % 9 == 0 else ''}" for n in range(len(_CONTENTS))]
    index.record("t", [a_copy(k, proved(c)) for k, c in zip(keys, _CONTENTS, strict=True)])
    index.add([("t", a_copy(f"claim/{n}", claimed(sha256_of(f"x{n}")))) for n in range(20)])
    index.enlist([("t", Listed(md5_of(f"l{n}"), n or None)) for n in range(20)])
    for opaque in (False, True):  # entries by size are added and removed
        copies = [copy._replace(is_opaque=opaque) for copy in numbered(range(900))]
        index.merge("t", EVERYTHING, copies)
    index.put_if("large", None, b"v" * 30_000)
    index.put_if("large", b"v" * 30_000, None)  # its pages are free now
    create_token(index)


def _require_found(copy: Copy | None, content: str) -> None:
    assert copy is None or sha256_of(content) in copy.digests


def _look_up_each(index: SqliteIndex) -> None:
    for content in _CONTENTS:
        _require_found(index.lookup("t", [sha256_of(content)])[0], content)


def _look_up_all(index: SqliteIndex) -> None:
    found = index.lookup("t", list(map(sha256_of, _CONTENTS)))
    for copy, content in zip(found, _CONTENTS, strict=True):
        _require_found(copy, content)


def _look_up_listed(index: SqliteIndex) -> None:
    for copy in numbered(range(0, 900, 100)):
        size, tag, own = copy.size, copy.tag, copy._replace(is_opaque=True)
        assert index.listed_at("t", [copy.key]) in ([own], [None])
        assert all((c.size, c.tag) == (size, tag) for c in index.matching("t", size, [(0, tag)], 5))
        assert all(c.size == size and c.is_opaque for c in index.opaque("t", size, 50))
        index.listed_sizes("t", [size])


def _merge_listed(index: SqliteIndex) -> None:
    index.merge("t", EVERYTHING, numbered(range(0, 900, 2)))
    index.unlist("t", numbered(range(50)))


def _back_up(index: SqliteIndex) -> None:
    backup = Path(f"{index.path}.backup")
    try:
        index.backup(str(backup))
    except Damaged:
        assert not backup.exists()
        raise
    backup.unlink()


_ACTS: list[Callable[[SqliteIndex], object]] = [
    _look_up_each,
    _look_up_all,
    lambda index: list(index.copies()),
    lambda index: list(index.copies("t", digest=sha256_of("c3"))),
    lambda index: index.at("t", ["k/1", "k/2"]),
    lambda index: index.schemes("t", range(1, 100)),
    lambda index: index.unread("t", 1000, 10),
    lambda index: index.listed("t", [md5_of(f"l{n}") for n in range(20)]),
    lambda index: list(index.pages()),
    _look_up_listed,
    lambda index: list(index.listed_copies("t")),
    lambda index: list(index.copies_within("t", EVERYTHING)),
    lambda index: list(list_tokens(index)),
    lambda index: index.record("t", [a_copy(f"k/{n}", proved(f"new{n}")) for n in range(20)]),
    lambda index: index.add([("u", a_copy("new", claimed(sha256_of("new"))))]),
    lambda index: index.forget("t", [a_copy("claim/1", claimed(sha256_of("x1")))]),
    lambda index: index.increase("n", 3),
    _merge_listed,
    _back_up,
    lambda index: index.check(),
]


def _damage(data: bytearray, chance: random.Random) -> None:
    """Change one byte or some, often in the header of the file or of a page."""
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(len(data))
        at = chance.choice([at, at, at % 100, at // 8192 * 8192 + at % 60])
        data[at] = chance.choice([data[at] ^ 1 << chance.randrange(8), chance.randrange(256)])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of an undamaged index."""
    file = tmp_path_factory.mktemp("good") / "index.sqlite"
    with closing(SqliteIndex(str(file))) as index:
        _fill(index)
    return file.read_bytes()


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes(good: bytes, file: Path, seed: int) -> None:
    """Whatever bytes are flipped, each call answers rightly or says that the index is damaged."""
    chance = random.Random(seed)
    for _ in range(25):
        data = bytearray(good)
        _damage(data, chance)
        file.write_bytes(data)
        # It may seem to be of a newer onecopy, or of none.
        with suppress(Damaged, InvalidSettings), closing(SqliteIndex(str(file))) as index:
            for act in _ACTS:
                with suppress(Damaged):
                    act(index)
        for each in file.parent.glob("*.sqlite*"):
            each.unlink()


@pytest.fixture
def meddled(good: bytes, file: Path) -> Iterator[Callable[[str], SqliteIndex]]:
    """Yield a function that opens an index after a change by SQL."""
    file.write_bytes(good)

    def meddle(statement: str) -> SqliteIndex:
        with closing(apsw.Connection(str(file))) as connection:
            connection.execute(statement)
        return index

    index = SqliteIndex(str(file))
    yield meddle
    index.close()


@pytest.mark.parametrize(
    "change",
    [
        "digests = x'01'",
        f"digests = x'09{'00' * 32}'",
        f"digests = x'05{'00' * 37}'",
        "size = 0",
        "size = -1",
        "size = 1 << 60",
        "key = CAST(x'ff' AS TEXT) || id",
        "identity = CAST(x'c3' AS TEXT)",
    ],
)
def test_impossible_copy(meddled: Callable[[str], SqliteIndex], change: str) -> None:
    """A copy that onecopy cannot have written is damage, for a lookup and a list of all."""
    index = meddled(f"UPDATE copy SET {change} WHERE id = 4")
    for act in (lambda: index.lookup("t", [sha256_of("c3")]), lambda: list(index.copies("t"))):
        with pytest.raises(Damaged, match="the index is damaged"):
            act()
    assert index.check()


@pytest.mark.parametrize(
    "change", ["DELETE FROM copy WHERE id = 4", "UPDATE digest SET copy = 9 WHERE copy = 4"]
)
def test_lost_copy(meddled: Callable[[str], SqliteIndex], change: str) -> None:
    """A digest whose copy is missing, or is another, is damage and not a new content."""
    index = meddled(change)
    with pytest.raises(Damaged, match="the index is damaged"):
        index.lookup("t", [sha256_of("c3")])


def test_lost_table(meddled: Callable[[str], SqliteIndex]) -> None:
    """A table that is missing is damage."""
    index = meddled("DROP TABLE digest")
    with pytest.raises(Damaged, match="no such table"):
        index.lookup("t", [sha256_of("c3")])


def test_tokens(meddled: Callable[[str], SqliteIndex]) -> None:
    """Tokens that cannot be read are damage, not an absence of tokens."""
    index = meddled("UPDATE state SET value = x'5b7b' WHERE name = 'tokens'")
    with pytest.raises(Damaged, match="list of tokens"):
        list_tokens(index)


def test_a_token(meddled: Callable[[str], SqliteIndex]) -> None:
    """Nor is a single one that cannot be read."""
    index = meddled("UPDATE state SET value = x'7b' WHERE name LIKE 'token:%'")
    with pytest.raises(Damaged, match="a token"):
        list(list_tokens(index))


@pytest.mark.parametrize("at", [71, 60], ids=["application_id", "user_version"])
def test_header(good: bytes, file: Path, at: int) -> None:
    """An index with a damaged header is not taken for a file of another program or version."""
    data = bytearray(good)
    data[at] ^= 0x40
    file.write_bytes(data)
    with pytest.raises(Damaged, match="its header says"):
        SqliteIndex(str(file))


def test_pages_without_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that lead back to an earlier one are damage, not an endless list."""
    with closing(SqliteIndex(str(file))) as index:
        again = [a_copy("a", proved("a")), a_copy("", proved("b"))]
        monkeypatch.setattr("onecopy.index.sqlite.reading.after", lambda *_: again)
        with pytest.raises(Damaged, match="the index is damaged"):
            list(index.copies("t"))


def test_backup(meddled: Callable[[str], SqliteIndex], tmp_path: Path) -> None:
    """A damaged index is not backed up: no file is left that looks like a good backup."""
    index = meddled("DELETE FROM size WHERE copy = 4")
    with pytest.raises(Damaged, match="not backed up: copy 4 is missing"):
        index.backup(str(tmp_path / "backup"))
    assert not list(tmp_path.glob("backup*"))
