"""The file of a SQLite index: opening, errors, versions, backups, checks."""

import os
import stat
import tempfile
import threading
from itertools import count
from pathlib import Path

import apsw
import pytest

from onecopy.content import Copy, Digests, Listed
from onecopy.errors import Failure, Forbidden, InvalidSettings, Unavailable
from onecopy.index import open_index
from onecopy.index.sqlite import SqliteIndex, schema
from onecopy.index.sqlite import file as files
from onecopy.listing import EVERYTHING
from onecopy.testing.index.listings import a_listed
from onecopy.testing.index.values import MANY, a_copy, claimed, copies_of, md5_of, proved, sha256_of

# Opening


def test_made_with_its_folder(tmp_path: Path) -> None:
    """The folder is created with the file; only the owner can read it, as it holds secrets."""
    file = tmp_path / "onecopy-data" / "index.sqlite"
    index = open_index(f"sqlite:{file}")
    index.increase("name", 1)
    made = sorted(file.parent.iterdir())
    assert [path.name for path in made] == ["index.sqlite", "index.sqlite-shm", "index.sqlite-wal"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    index.close()
    assert list(file.parent.iterdir()) == [file]


def test_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path stays the same file when the working directory changes."""
    monkeypatch.chdir(tmp_path)
    index = open_index("sqlite:index.sqlite")
    monkeypatch.chdir("/")
    copy = a_copy("k", proved("a"))
    index.record("t", [copy])
    assert index.at("t", ["k"]) == [copy]
    index.close()
    assert (tmp_path / "index.sqlite").exists()


def test_kept(file: Path) -> None:
    """Recorded copies are there when the file is opened again."""
    index = SqliteIndex(str(file))
    copy = a_copy("k", proved("a"))
    index.record("t", [copy])
    index.put_if("name", None, b"value")
    index.close()
    again = SqliteIndex(str(file))
    assert again.lookup("t", [sha256_of("a")]) == [copy]
    assert again.get("name") == b"value"
    again.close()


def test_two_at_once(file: Path) -> None:
    """A file can be open several times in a process; closing one does not unlock the others."""
    one, two = SqliteIndex(str(file)), SqliteIndex(str(file))
    connection = apsw.Connection(str(file))
    connection.execute("BEGIN IMMEDIATE")
    SqliteIndex(str(file)).close()
    other = apsw.Connection(str(file))
    with pytest.raises(apsw.BusyError):
        other.execute("BEGIN IMMEDIATE")
    for each in (connection, other):
        each.close()
    copy = a_copy("k", proved("a"))
    assert one.record("t", [copy]) == two.record("t", [copy]) == [copy]
    one.close()
    assert two.at("t", ["k"]) == [copy]
    two.close()


@pytest.mark.parametrize("url", ["sqlite:", "sqlite::memory:"])
def test_no_file(url: str) -> None:
    """A URL must name a file."""
    with pytest.raises(InvalidSettings, match="names no file"):
        open_index(url)


def test_no_place(tmp_path: Path) -> None:
    """If the file cannot exist there, the message gives the reason."""
    (tmp_path / "file").touch()
    for path in ("none/none/index.sqlite", "file/index.sqlite", ".", "n" * 300):
        with pytest.raises(InvalidSettings, match="index"):
            open_index(f"sqlite:{tmp_path}/{path}")


def test_old_sqlite(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of SQLite that can damage the file is refused."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(InvalidSettings, match=r"3\.51\.3"):
        SqliteIndex(str(file))
    assert not file.exists()


def test_without_carray(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An apsw that was built without a required option is refused."""
    monkeypatch.setattr(apsw, "compile_options", ("THREADSAFE=1",))
    with pytest.raises(InvalidSettings, match="carray"):
        SqliteIndex(str(file))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(("folder_mode", "name"), [(0o700, "old"), (0o755, "old"), (0o755, "new")])
def test_forbidden(folder_mode: int, name: str) -> None:
    """If the file cannot be reached, read or created, that is Forbidden."""
    with tempfile.TemporaryDirectory() as folder:
        SqliteIndex(f"{folder}/old").close()
        Path(folder).chmod(folder_mode)
        os.seteuid(65534)
        try:
            with pytest.raises(Forbidden, match="permission"):
                SqliteIndex(f"{folder}/{name}")
        finally:
            os.seteuid(0)


MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:27 / /mnt rw - tmpfs tmpfs rw
31 30 0:30 / /mnt/nfs rw shared:2 master:1 - nfs4 server:/export rw,vers=4.2
32 31 0:31 / /mnt/nfs/local rw - xfs /dev/vdb rw
33 30 0:32 / /mnt/my\040share rw - cifs //server/share rw
34 30 0:33 / /mnt/over rw - ext4 /dev/vdc rw
35 34 0:34 / /mnt/over rw - fuse.sshfs host:/ rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/index.sqlite", "ext4"),
        ("/mnt/nfs/index.sqlite", "nfs4"),
        ("/mnt/nfs/local/index.sqlite", "xfs"),
        ("/mnt/nfs2/index.sqlite", "tmpfs"),
        ("/mnt/my share/a/index.sqlite", "cifs"),
        ("/mnt/over/index.sqlite", "fuse.sshfs"),
        ("/mntx", "ext4"),
    ],
)
def test_file_system(path: str, kind: str) -> None:
    """The file system of a path is that of its nearest mount point, the last one mounted there."""
    assert files.file_system(path, MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.rclone"])
def test_network(file: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A network file system is refused before anything is created there."""
    monkeypatch.setattr(files, "file_system", lambda _path, _mounts: kind)
    with pytest.raises(InvalidSettings, match=f"network file system \\({kind}\\)"):
        SqliteIndex(str(file))
    assert not file.exists()


# Versions


def test_something_else(file: Path) -> None:
    """The SQLite file of another program is refused and left unchanged."""
    other = apsw.Connection(str(file))
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    with pytest.raises(InvalidSettings, match="not an index of onecopy"):
        SqliteIndex(str(file))
    other = apsw.Connection(str(file))
    assert other.execute("SELECT name FROM sqlite_schema").get == "theirs"
    other.close()


def test_newer(file: Path) -> None:
    """The file of a newer version is refused, with advice."""
    SqliteIndex(str(file)).close()
    connection = apsw.Connection(str(file))
    connection.pragma("user_version", len(schema.UPGRADES) + 1)
    connection.close()
    with pytest.raises(InvalidSettings, match="upgrade onecopy"):
        SqliteIndex(str(file))


# What each upgrade from the first version on has added.
DOWNGRADES = (
    "DROP TABLE listed; ALTER TABLE tenant DROP COLUMN has_lists",
    """
    DROP TABLE listing_size; DROP TABLE listing_run; DROP TABLE listing_block;
    ALTER TABLE tenant DROP COLUMN has_listings;
    """,
    "ALTER TABLE copy DROP COLUMN storage_class",
)


def downgrade(file: Path, version: int) -> None:
    """Make the file one of an older version."""
    connection = apsw.Connection(str(file))
    for statements in reversed(DOWNGRADES[version - 1 :]):
        connection.execute(statements)
    connection.pragma("user_version", version)
    connection.close()


@pytest.mark.parametrize("version", range(1, len(schema.UPGRADES)))
def test_from_older_versions(file: Path, version: int) -> None:
    """An index without lists, listings or storage classes is upgraded and keeps its copies."""
    copy = a_copy("k", proved("a"))
    older = SqliteIndex(str(file))
    older.record("t", [copy])
    older.put_if("name", None, b"value")
    older.close()
    downgrade(file, version)
    index = SqliteIndex(str(file))
    assert index.lookup("t", [sha256_of("a")]) == [copy]
    moved = copy._replace(storage_class="GLACIER")
    assert index.classify("t", [moved]) == [True]
    assert [*index.copies("t")] == [("t", moved)]
    assert index.get("name") == b"value"
    assert index.listed("t", [md5_of("b")]) == [None]
    index.enlist([("t", Listed(md5_of("b"), 7))])
    assert index.listed("t", [md5_of("b")]) == [Listed(md5_of("b"), 7)]
    assert index.listed_sizes("t", [1000]) == [None]
    assert index.merge("t", EVERYTHING, [a_listed("k")]).new == 1
    assert list(index.listed_copies("t")) == [a_listed("k")]
    assert index.check() == []
    index.close()


def test_upgrade(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of an older version is upgraded when it is opened, and keeps its content."""
    index = SqliteIndex(str(file))
    copy = a_copy("k", proved("a"))
    index.record("t", [copy])
    index.close()
    more = (
        "ALTER TABLE tenant ADD COLUMN quota INTEGER; UPDATE tenant SET quota = 5;",
        "CREATE TABLE other (a) STRICT",
        "UPDATE tenant SET quota = quota + 1",
    )
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, more[0], more[2]))
    for _ in range(2):
        index = SqliteIndex(str(file))
        assert index.at("t", ["k"]) == [copy]
        quota = index._readers.read(lambda db: db.execute("SELECT quota FROM tenant").get)
        assert quota == 6
        index.close()
    # The next one fails: nothing of it stays.
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, more[2], more[1]))
    with pytest.raises(Failure):
        SqliteIndex(str(file))
    monkeypatch.setattr(schema, "UPGRADES", schema.UPGRADES[:-2])
    index = SqliteIndex(str(file))
    assert index._readers.read(lambda db: db.execute("SELECT quota FROM tenant").get) == 6
    index.close()


# Errors


def test_busy(index: SqliteIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process writes for too long, writing is Unavailable and reading continues."""
    monkeypatch.setattr(files, "BUSY_TIMEOUT", 0.05)
    copy = a_copy("k", proved("a"))
    index.record("t", [copy])
    other = apsw.Connection(index.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="writing"):
        index.record("t", [copy])
    with pytest.raises(Unavailable, match="writing"):
        index.add([("t", copy)])
    assert index.at("t", ["k"]) == [copy]
    other.execute("COMMIT")
    other.close()
    assert index.record("t", [copy]) == [copy]


def test_waits(index: SqliteIndex) -> None:
    """While another process writes briefly, writing waits."""
    other = apsw.Connection(index.path)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, other.execute, ["COMMIT"])
    timer.start()
    assert index.increase("name", 1) == 1
    timer.join()
    other.close()


def test_disk_full(index: SqliteIndex) -> None:
    """With a full disk nothing of a write is kept, and the message gives advice."""
    index.record("t", [a_copy("k", proved("a"))])
    writer = index._writer._connection
    limit = writer.pragma("page_count") + 10
    writer.pragma("max_page_count", limit)
    with pytest.raises(Failure, match="free some space"):
        index.add(("t", copy) for copy in copies_of("b", MANY))
    assert len(list(index.copies())) == 1
    writer.pragma("max_page_count", limit * 1000)
    assert index.add(("t", copy) for copy in copies_of("b", MANY)) == MANY
    assert index.check() == []


def test_read_only(index: SqliteIndex) -> None:
    """A read-only file is Forbidden."""
    index._writer._connection.pragma("query_only", value=True)
    with pytest.raises(Forbidden):
        index.record("t", [a_copy("k", proved("a"))])


def test_not_sqlite(file: Path) -> None:
    """A file that is not a SQLite file fails with advice, and is left unchanged."""
    file.write_bytes(b"hello" * 1000)
    with pytest.raises(Failure, match="restore a backup"):
        SqliteIndex(str(file))
    assert file.read_bytes() == b"hello" * 1000


def test_damaged(file: Path) -> None:
    """A damaged file fails with advice, and `check` finds the damage."""
    index = SqliteIndex(str(file))
    index.add(("t", a_copy(f"k{number:05d}", proved(str(number)))) for number in range(MANY))
    index.close()
    damage(file)
    index = SqliteIndex(str(file))
    assert any("SQLite:" in fault for fault in index.check())
    with pytest.raises(Failure, match="restore a backup") as caught:
        list(index.copies())
    assert not isinstance(caught.value, Unavailable)
    index.close()


def damage(file: Path) -> None:
    """Overwrite some pages of each table."""
    with file.open("r+b") as stream:
        for page in range(20, file.stat().st_size // 4096, 5):
            stream.seek(page * 4096)
            stream.write(b"\xa5" * 4096)


# Backups


def test_backup(index: SqliteIndex, tmp_path: Path) -> None:
    """A backup is a complete index without faults, as private as the index itself."""
    copies = copies_of("a", MANY)
    index.add(("t", copy) for copy in copies)
    index.put_if("name", None, b"secret")
    backup = tmp_path / "backup.sqlite"
    index.backup(str(backup))
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    index.forget("t", copies)
    restored = SqliteIndex(str(backup))
    assert restored.check() == []
    assert [copy for _, copy in restored.copies()] == copies
    assert restored.get("name") == b"secret"
    restored.close()


def test_backup_while_writing(index: SqliteIndex, tmp_path: Path) -> None:
    """A backup during writes holds all that was acknowledged before, without faults."""
    written: list[Copy] = []
    stopped = threading.Event()

    def write() -> None:
        for number in count():
            if stopped.is_set():
                return
            copy = a_copy(f"k{number:06d}", proved(str(number)))
            index.record("t", [copy])
            written.append(copy)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for turn in range(5):
            before = len(written)
            index.backup(str(tmp_path / f"{turn}.sqlite"))
            backup = SqliteIndex(str(tmp_path / f"{turn}.sqlite"))
            held = [copy for _, copy in backup.copies("t")]
            assert backup.check() == []
            backup.close()
            assert len(held) >= before
            assert held == written[: len(held)]
    finally:
        stopped.set()
        thread.join()


def test_backup_overwrites_nothing(index: SqliteIndex, tmp_path: Path) -> None:
    """A backup overwrites nothing, and a failed backup leaves nothing behind."""
    there = tmp_path / "there"
    there.write_bytes(b"precious")
    before = sorted(tmp_path.iterdir())
    for path in (there, Path(index.path), tmp_path / "none" / "backup"):
        with pytest.raises(InvalidSettings):
            index.backup(str(path))
    assert there.read_bytes() == b"precious"
    assert sorted(tmp_path.iterdir()) == before
    assert index.check() == []


def test_restore(file: Path, tmp_path: Path) -> None:
    """Restore as in docs/indexes.md: stop, put the backup in the file's place, start."""
    index = SqliteIndex(str(file))
    index.record("t", [a_copy("k", proved("a"))])
    index.backup(str(tmp_path / "backup"))
    index.record("t", [a_copy("later", proved("b"))])
    index.close()
    damage(file)
    for name in ("index.sqlite-wal", "index.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    os.replace(tmp_path / "backup", file)  # noqa: PTH105 - as mv does it
    index = SqliteIndex(str(file))
    assert [copy.key for _, copy in index.copies()] == ["k"]
    assert index.check() == []
    index.close()


# Checks


def test_sound(index: SqliteIndex) -> None:
    """An index has no faults after all kinds of writes."""
    assert index.check() == []
    kinds = [proved("a"), claimed(sha256_of("b")), Digests.proved(md5_of("c")), Digests()]
    copies = [a_copy(f"k{number}", kinds[number % 4]) for number in range(MANY)]
    index.add(("t", copy) for copy in copies)
    index.add(("u", copy) for copy in copies)
    index.record("t", [copy._replace(digests=proved("x")) for copy in copies[: MANY // 2]])
    index.record("t", [copy._replace(digests=proved("y"), identity="v2") for copy in copies[:100]])
    index.forget("t", [copy for _, copy in index.copies("t")][::3])
    digests = [digest(str(number)) for number in range(MANY) for digest in (md5_of, sha256_of)]
    index.enlist(("t", Listed(digest, place % 7 or None)) for place, digest in enumerate(digests))
    index.enlist(("t", Listed(digest)) for digest in digests[::3])
    assert index.check() == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM digest WHERE rowid_is_first", "missing from"),
        ("UPDATE digest SET rank = 1 WHERE rowid_is_first", "missing from"),
        ("INSERT INTO digest VALUES (5, 1, 0, 1)", "table of digests has"),
        ("INSERT INTO digest VALUES (5, 1, 0, 99)", "table of digests has"),
        ("DELETE FROM size WHERE copy = 2", "missing from"),
        ("UPDATE size SET need = '-' WHERE copy = 2", "missing from"),
        ("INSERT INTO size VALUES (5, 1, '', 1)", "table of sizes has"),
        ("DELETE FROM copy WHERE id = 2", "rows, but"),
        ("UPDATE copy SET size = 7 WHERE id = 2", "missing from"),
        ("DELETE FROM tenant", "without a tenant"),
        ("UPDATE tenant SET has_lists = 0", "1 listed digest of tenants that are not"),
        ("DELETE FROM size WHERE copy = 0", "missing from the table of sizes"),
        ("UPDATE listed SET size = 8", "missing from the table of sizes"),
        ("UPDATE listed SET fingerprint = 8", "wrong fingerprint"),
    ],
)
def test_unsound(index: SqliteIndex, statement: str, fault: str) -> None:
    """Every inconsistency between the tables is found."""
    index.record("t", copies_of("a", 3))
    index.enlist([("t", Listed(md5_of("a"), 7))])
    first = "(fingerprint, copy) = (SELECT fingerprint, copy FROM digest LIMIT 1)"
    other = apsw.Connection(index.path)
    other.execute(statement.replace("rowid_is_first", first))
    assert other.changes()
    other.close()
    assert any(fault in found for found in index.check())
