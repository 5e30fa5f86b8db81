"""Inventories, tables and lists of one's own: the index learns what a listing would state."""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecopy.errors import BadInput, InvalidSettings
from onecopy.listing import ListedCopy
from onecopy.patterns import Filter, Patterns
from onecopy.scan.sources import tables
from onecopy.scan.sources.opening import open_source
from tests.scan.sources.conftest import World
from tests.scan.sources.written import (
    ENCODINGS,
    INVENTORY,
    OWN,
    TABLE,
    Row,
    listed,
    objects,
    odd,
    write_csv,
    write_inventory,
    write_orc,
    write_parquet,
)


def as_inventory(form: str) -> Callable[[Path, list[Row]], Path]:
    """Return a function that writes an inventory of three files, of which one is empty."""

    def write(folder: Path, rows: list[Row]) -> Path:
        half = len(rows) // 2
        return write_inventory(folder, [rows[:half], [], rows[half:]], form)

    return write


def as_folder(folder: Path, rows: list[Row]) -> Path:
    """Write two files of Parquet, as Athena exports a table."""
    (folder / "table").mkdir()
    write_parquet(folder / "table" / "20261101_1", rows[::2], TABLE)
    write_parquet(folder / "table" / "20261101_2", rows[1::2], TABLE)
    (folder / "table" / "_SUCCESS").write_bytes(b"PAR1")
    (folder / "table" / "readme").write_text("no table")
    return folder / "table"


WRITERS: dict[str, Callable[[Path, list[Row]], Path]] = {
    "inventory as CSV": as_inventory("CSV"),
    "inventory as ORC": as_inventory("ORC"),
    "inventory as Parquet": as_inventory("Parquet"),
    "own CSV": lambda folder, rows: write_csv(folder / "own.csv", rows),
    "own gzip": lambda folder, rows: write_csv(folder / "own.csv.gz", rows),
    "own ORC": lambda folder, rows: write_orc(folder / "own.orc", rows),
    "own Parquet": lambda folder, rows: write_parquet(folder / "own.parquet", rows),
    "S3 Metadata": as_folder,
    "S3 Metadata as CSV": lambda folder, rows: write_csv(
        folder / "table.csv", rows, {n: k for n, k in TABLE.items() if n != "object_tags"}
    ),
}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a few rows at a time."""
    monkeypatch.setattr(tables, "_ROWS", 7)
    monkeypatch.setattr(tables, "_CSV_BYTES", 1000)


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_source_states_what_a_listing_states(
    kind: str, order: str, world: World, tmp_path: Path
) -> None:
    """In every format and any order, with odd keys: the same copies, and the same again."""
    rows = sorted([*odd(), *objects(60)])
    expected = listed(rows)
    if order == "shuffled":
        random.Random(7).shuffle(rows)
    source = WRITERS[kind](tmp_path, rows)
    first = world.load(source)
    assert (first.used, first.entered.new) == (len(rows), len(rows))
    assert first.entered.bytes == sum(copy.size for copy in expected)
    assert first.is_sorted == (order == "shuffled" or kind.startswith("S3 Metadata"))
    assert world.listed() == expected
    again = world.load(source)
    assert (again.entered.unchanged, again.entered.new, again.entered.changed) == (len(rows), 0, 0)
    assert world.listed() == expected


@pytest.mark.parametrize("encode", ENCODINGS)
def test_encodings_of_keys(encode: Callable[[str], str], world: World, tmp_path: Path) -> None:
    """The CSV of an inventory has URL-encoded keys, with a space as `+` or `%20`."""
    world.load(write_inventory(tmp_path, [odd()], "CSV", encode=encode))
    assert world.listed() == listed(odd())


@pytest.mark.parametrize("form", ["CSV", "ORC", "Parquet"])
def test_versions_in_an_inventory(form: str, world: World, tmp_path: Path) -> None:
    """Noncurrent versions and delete markers are counted, and only current objects are listed."""
    rows = [
        Row("a", 1, version="2"),
        Row("a", 2, version="1", is_latest=False),
        Row("b", None, None, is_marker=True, storage_class=None),
        Row("b", 3, is_latest=False),
        Row("b", None, None, is_marker=True, is_latest=False),
        Row("c", 4),
    ]
    loaded = world.load(write_inventory(tmp_path, [rows], form))
    assert loaded.left_out == {"noncurrent": 3, "delete-marker": 1}
    assert world.listed() == listed([rows[0], rows[5]])


def test_an_inventory_of_current_versions(world: World, tmp_path: Path) -> None:
    """Where nothing states whether a row is the latest version, or a delete marker, it is used."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"key": ["a"], "size": [1], "is_latest": pa.nulls(1, pa.bool_())}
    parquet.write_table(pa.table(columns), tmp_path / "own.parquet")
    assert world.load(tmp_path / "own.parquet").used == 1
    (tmp_path / "own.csv").write_text("key,size,is_latest,is_delete_marker\nb,1,,\nc,1,False,x\n")
    assert world.load(tmp_path / "own.csv").left_out == {"noncurrent": 1}
    assert [copy.key for copy in world.listed()] == ["a", "b"]


def test_versions_in_a_table(world: World, tmp_path: Path) -> None:
    """In a table of S3 Metadata the greatest sequence number of a key is the current version."""
    rows = [
        Row("a", 2, sequence="80a"),
        Row("gone", None, None, None, is_marker=True, sequence="80b"),
        Row("a", 1, sequence="809"),
        Row("back", 4, sequence="80c"),
        Row("gone", 3, sequence="80a"),
        Row("back", None, None, None, is_marker=True, sequence="80b"),
    ]
    loaded = world.load(write_parquet(tmp_path / "t.parquet", rows, TABLE))
    assert loaded.left_out == {"noncurrent": 3, "delete-marker": 1}
    assert loaded.used == 2
    assert world.listed() == listed([rows[0], rows[3]])


@pytest.mark.parametrize("form", ["CSV", "ORC", "Parquet"])
def test_encryption(form: str, world: World, tmp_path: Path) -> None:
    """ETags of objects that are encrypted with KMS or the client's key rule nothing out."""
    states = ["SSE-S3", "SSE-KMS", "DSSE-KMS", "SSE-C", "NOT-SSE", None]
    rows = [Row(f"k{number}", encryption=state) for number, state in enumerate(states)]
    assert world.load(write_inventory(tmp_path, [rows], form)).entered.looks == 0
    assert [copy.is_opaque for copy in world.listed()] == [False, True, True, True, False, False]


def test_expiring(world: World, tmp_path: Path) -> None:
    """What a lifecycle rule has deleted, or soon will, is left out."""
    rows = [Row("a"), Row("b", expires=1_700_000_000), Row("c", expires=4_000_000_000)]
    loaded = world.load(write_inventory(tmp_path, [rows]))
    assert loaded.left_out == {"store-expiring": 1}
    assert [copy.key for copy in world.listed()] == ["a", "c"]


def test_rows_that_cannot_be_used(world: World, tmp_path: Path) -> None:
    """Each is counted by its reason; what is wrong is listed in a file, with its place and key."""
    rows = [
        Row("a"),
        Row("b", None),
        Row("c", 2**60),
        Row("d", -1),
        Row("e", modified=None),
        Row("f", bucket="other"),
        Row("k" * 1025),
        Row(""),
        Row("empty/", 0),
        Row(".onecopy/store.json"),
        Row("sub/.onecopy/x"),
        Row("z", etag=None, storage_class=None, checksums=None, encryption=None),
    ]
    loaded = world.load(write_inventory(tmp_path, [rows]))
    assert loaded.read.rejected == {
        "size-invalid": 3,
        "time-invalid": 1,
        "bucket-other": 1,
        "key-invalid": 2,
    }
    assert loaded.left_out == {"empty": 1, "reserved": 2}
    lines = world.rejects.read_text().splitlines()
    assert lines[0] == "row,value,reason"
    assert [line.rpartition(" ")[2] for line in lines[1:6]] == [
        "2,b,size-invalid",
        "3,c,size-invalid",
        "4,d,size-invalid",
        "5,e,time-invalid",
        "6,f,bucket-other",
    ]
    [plain, bare] = world.listed()
    assert (plain.key, bare.key) == ("a", "z")
    assert (bare.is_opaque, bare.storage_class, bare.checksums) == (True, "STANDARD", "")


def test_broken_lines_of_csv(world: World, tmp_path: Path) -> None:
    """Lines with too few or too many columns are rejected; keys that are not UTF-8, too."""
    path = tmp_path / "own.csv"
    path.write_bytes(
        b"key,size,etag,last_modified\n"
        b"a,1,,2026-01-01\n"
        b"b,2\n"
        b'"c\nd",3,"""0123456789abcdef0123456789abcdef""",2026-01-01T12:00:00+02:00\n'
        b"e,4,,2026-01-01,more\n"
        b"caf\xe9,5,,2026-01-01T00:00:00.123456789Z\n"
        b"f,six,,2026-01-01\n"
        b"g,7,,yesterday\n"
        b"h,8\n"
        b'"never closed,9\n'
    )
    loaded = world.load(path)
    assert loaded.read.rejected == {
        "columns-invalid": 4,
        "key-invalid": 1,
        "size-invalid": 1,
        "time-invalid": 1,
    }
    assert [row.partition(" row ")[2] for row in world.rejects.read_text().splitlines()[1:]] == [
        '2,"b,2",columns-invalid',
        '4,"e,4,,2026-01-01,more",columns-invalid',
        "5,caf\\xe9,key-invalid",
        "6,f,size-invalid",
        "7,g,time-invalid",
        '8,"h,8",columns-invalid',
        '9,"""never closed,9",columns-invalid',
    ]
    first, second = world.listed()
    assert (first.key, first.is_opaque, first.modified) == ("a", True, 1_767_225_600)
    assert (second.key, second.is_opaque, second.modified) == ("c\nd", False, 1_767_261_600)


def test_columns_in_any_order_and_spelling(world: World, tmp_path: Path) -> None:
    """Names decide, not places; a column that means nothing is not read."""
    path = tmp_path / "own.csv"
    path.write_text("Last Modified,E-Tag,KEY,colour,Size\n2026-01-01,,a,red,7\n")
    world.load(path)
    assert [(copy.key, copy.size) for copy in world.listed()] == [("a", 7)]


def test_numbers_with_a_fraction(world: World, tmp_path: Path) -> None:
    """A column of sizes with gaps may be one of floating-point numbers, as pandas writes it."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"key": ["a", "b", "c"], "size": pa.array([1.0, None, 1.5], pa.float64())})
    parquet.write_table(table, tmp_path / "own.parquet")
    loaded = world.load(tmp_path / "own.parquet")
    assert loaded.read.rejected == {"size-invalid": 2}
    assert [(copy.key, copy.size, copy.modified) for copy in world.listed()] == [("a", 1, 0)]


def test_dictionaries_and_large_texts(world: World, tmp_path: Path) -> None:
    """Other types of the same values are read, too."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = objects(20)
    table = pa.table(
        {
            "key": pa.array([row.key for row in rows], pa.large_string()),
            "size": pa.array([row.size for row in rows], pa.uint32()),
            "etag": pa.array([(row.etag or "").encode() for row in rows], pa.binary()),
            "last_modified": pa.array([row.modified for row in rows], pa.timestamp("s")),
            "storage_class": pa.array(
                [row.storage_class for row in rows], pa.string()
            ).dictionary_encode(),
            "checksum_algorithm": [row.checksums for row in rows],
        }
    )
    parquet.write_table(table, tmp_path / "own.parquet")
    world.load(tmp_path / "own.parquet")
    assert world.listed() == listed(rows)


def test_rows_of_one_key(world: World, tmp_path: Path) -> None:
    """In a list without versions, the row with the latest time counts."""
    rows = [Row("a", 2, modified=20), Row("a", 1, modified=10), Row("a", 3, modified=15), Row("b")]
    loaded = world.load(write_csv(tmp_path / "own.csv", rows))
    assert loaded.left_out == {"repeated": 2}
    assert world.listed() == listed([rows[0], rows[3]])


def test_prefix_of_the_store(world: World, tmp_path: Path) -> None:
    """Objects that are not below the store's prefix are left out; keys are those below it."""
    rows = [Row("2025/x"), Row("2026/", 0), Row("2026/a"), Row("2026/b/c"), Row("2027/x")]
    loaded = world.load(write_inventory(tmp_path, [rows], "CSV"), prefix="2026/")
    assert loaded.left_out == {"outside": 2, "empty": 1}
    assert [copy.key for copy in world.listed()] == ["a", "b/c"]


def test_tenants_and_patterns(world: World, tmp_path: Path) -> None:
    """Each tenant gets its own; what belongs to none is rejected, patterns leave out."""
    rows = [Row("ana/x"), Row("ana/y.tmp"), Row("ben/x"), Row("nobody/x"), Row("x")]
    accept = Filter(exclude=Patterns(["*.tmp"]))
    loaded = world.load(write_inventory(tmp_path, [rows]), tenants=("ana", "ben"), accept=accept)
    assert loaded.left_out == {"excluded": 1}
    assert loaded.read.rejected == {"no-tenant": 2}
    assert [[copy.key for copy in world.listed(name)] for name in ("ana", "ben")] == [["x"], ["x"]]
    assert world.listed() == []


def test_a_part_that_is_not_here(world: World, tmp_path: Path) -> None:
    """Files are found by the end of their keys; a missing one is named."""
    manifest = write_inventory(tmp_path, [objects(5), objects(5, "other")])
    moved = tmp_path / "flat"
    moved.mkdir()
    for path in tmp_path.rglob("*.parquet"):
        path.rename(moved / path.name)
    target = manifest.rename(moved / "manifest.json")
    assert world.load(target).used == 10
    gone = sorted(moved.glob("*.parquet"))[1]
    gone.unlink()
    with pytest.raises(InvalidSettings, match=f"{gone.name}, which is not here"):
        open_source(str(target))


def test_a_manifest_in_the_working_directory(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are found beside that folder, as they are in the bucket."""
    manifest = write_inventory(tmp_path, [objects(5)])
    monkeypatch.chdir(manifest.parent)
    assert world.load("manifest.json").used == 5


def test_damaged_parts(world: World, tmp_path: Path) -> None:
    """A file of another size or MD5 than its manifest states is an error; nothing else is read."""
    manifest = write_inventory(tmp_path, [objects(5)])
    [part] = tmp_path.rglob("*.parquet")
    content = part.read_bytes()
    part.write_bytes(content[:-1])
    with pytest.raises(BadInput, match="and its manifest states"):
        world.load(manifest)
    part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadInput, match="does not have the MD5"):
        world.load(manifest)
    (tmp_path / "own.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(BadInput, match=r"can't read .*own\.parquet"):
        world.load(tmp_path / "own.parquet")


def test_an_inventory_of_another_bucket(world: World, tmp_path: Path) -> None:
    """It is refused before anything is recorded."""
    manifest = write_inventory(tmp_path, [objects(3)], bucket="other")
    with pytest.raises(InvalidSettings, match="lists the bucket other, and the store is"):
        world.load(manifest)


def test_the_latest_inventory(world: World, tmp_path: Path) -> None:
    """A folder stands for the latest of the inventories in it."""
    write_inventory(tmp_path, [objects(3, "old")], date="2026-11-01T01-00Z")
    write_inventory(tmp_path, [objects(4, "new")], date="2026-11-02T01-00Z")
    world.load(tmp_path / "photos" / "daily")
    assert world.listed() == listed(objects(4, "new"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "is empty: it has no line that names its columns"),
        ("b.csv", "name,bytes\nx,1\n", "has no column key and size; its columns are name, bytes"),
        ("c.csv", "key,Key,size\nx,x,1\n", "two columns for the same: key and Key"),
        ("d.json", "{}", "is no manifest of S3 Inventory"),
        ("e.json", '{"fileFormat": "XML", "fileSchema": "", "files": [], "sourceBucket": "x"}',
         "names the format 'XML'"),
        ("f.txt", "key,size", "is no source: expected the manifest.json"),
    ],
)  # fmt: skip
def test_what_is_no_source(
    name: str, text: str, message: str, world: World, tmp_path: Path
) -> None:
    """The message names the file, and what is expected."""
    (tmp_path / name).write_text(text)
    with pytest.raises((BadInput, InvalidSettings), match=message):
        world.load(tmp_path / name)


def test_folders_of_any_format(world: World, tmp_path: Path) -> None:
    """A folder stands for its files, whose format is known by their names or first bytes."""
    for number, rows in enumerate((objects(3, "a"), objects(3, "b"))):
        (tmp_path / "orc").mkdir(exist_ok=True)
        write_orc(tmp_path / "orc" / f"part-{number}", rows)
    world.load(tmp_path / "orc")
    assert world.listed() == listed([*objects(3, "a"), *objects(3, "b")])
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "readme").write_text("no table")
    with pytest.raises(InvalidSettings, match="is no source: expected"):
        open_source(str(tmp_path / "none"))


def test_missing_places(tmp_path: Path) -> None:
    """What does not exist is named."""
    for name in ("none.csv", "none.json"):
        with pytest.raises(InvalidSettings, match="no such file"):
            open_source(str(tmp_path / name)).version()
    with pytest.raises(InvalidSettings, match="unknown source"):
        open_source("https://example.org/list.csv")
    (tmp_path / "mixed").mkdir()
    write_csv(tmp_path / "mixed" / "a.csv", objects(1))
    write_parquet(tmp_path / "mixed" / "a.parquet", objects(1))
    with pytest.raises(InvalidSettings, match="files of several formats"):
        open_source(str(tmp_path / "mixed"))


def test_without_pyarrow(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what to install."""
    path = write_csv(tmp_path / "own.csv", objects(1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InvalidSettings, match=r"pip install 'onecopy\[parquet\]'"):
        world.load(path)


def test_names_of_the_columns_of_an_inventory() -> None:
    """CSV and Parquet spell columns differently; both are those of the documentation."""
    assert INVENTORY["e_tag"][0] == "ETag"
    assert "owner" in OWN


def test_copies_are_values_of_python(world: World, tmp_path: Path) -> None:
    """What an index packs are plain values, also after sorting."""
    rows = [Row("b", encryption="SSE-KMS"), Row("a")]
    world.load(write_inventory(tmp_path, [rows]))
    copies = list(world.listed())
    assert len(copies) == 2
    for copy in copies:
        types = [type(value) for value in copy]
        assert types == [str, int, bytes, int, bool, int, str, str]
        assert isinstance(copy, ListedCopy)


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.text(min_size=1, max_size=8), max_size=25),
    st.sampled_from(["csv", "parquet", "inventory"]),
    st.randoms(use_true_random=False),
)
def test_any_keys(keys: set[str], form: str, chance: random.Random) -> None:
    """Whatever Unicode keys have, in any order: they are listed, or counted by a reason."""
    rows = [Row(key, 1 + len(key)) for key in keys]
    chance.shuffle(rows)
    with TemporaryDirectory() as name:
        folder, world = Path(name), World(Path(name))
        if form == "inventory":
            source = write_inventory(folder, [rows], "CSV")
        else:
            write = write_csv if form == "csv" else write_parquet
            source = write(folder / f"own.{form}", rows)
        loaded = world.load(source)
        assert loaded.read.rows == len(rows)
        assert world.listed() == listed(rows)
