"""Migration from CSV and Parquet files into an index."""

import gzip
import json
import os
import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import MD5, Digest
from onecopy.errors import BadInput, InvalidSettings
from onecopy.migrate import csv_files, open_source, parquet_files
from onecopy.migrate.rows import UNSEEN
from tests.conftest import Run
from tests.migrate.lists import entries_of, in_order, listed, md5_hex, write_csv


def test_csv(run: Run, tmp_path: Path) -> None:
    """A named column becomes the tenant's list, with sizes; other columns are ignored."""
    rows = [("name", "sum", "bytes"), *((f"f{n}", md5_hex(n), n or "") for n in range(25_000))]
    for name in ("list.csv", "list.csv.gz"):
        write_csv(tmp_path / name, rows)
        done = run("migrate", "--tenant", "t", f"{name}?column=sum&size=bytes", f"sqlite:{name}.db")
        assert done.code == 0, done.err
        assert "25,000 rows: 25,000 listed checksums moved" in done.out
        assert "25,000 entries in the destination; 100 of 100 sampled" in done.out
        expected = in_order(("t", listed(n, n or None)) for n in range(25_000))
        assert entries_of(f"sqlite:{tmp_path / name}.db") == expected


@pytest.mark.parametrize("head", [[], ["md5"]])
def test_bare_list(run: Run, tmp_path: Path, head: list[str]) -> None:
    """A file with one checksum per line needs no column name; its first line counts."""
    lines = [*head, *map(md5_hex, range(10))]
    (tmp_path / "list.txt").write_text("\r\n".join(lines) + "\r\n\r\n", "utf-8-sig")
    assert run("migrate", "list.txt", "sqlite:i.db").code == 0
    assert entries_of(f"sqlite:{tmp_path}/i.db") == in_order(
        ("default", listed(n)) for n in range(10)
    )


def test_copies(run: Run, tmp_path: Path) -> None:
    """With key and size, each row is a copy that has not been looked at."""
    write_csv(
        tmp_path / "l.csv", [("s", "k", "m"), (7, "a/b.txt", md5_hex(1)), (8, "c", md5_hex(2))]
    )
    done = run("migrate", "l.csv?column=m&size=s&key=k", "sqlite:i.db", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["copies"] == 2
    [(_, first), (_, second)] = entries_of(f"sqlite:{tmp_path}/i.db")
    assert isinstance(first, Copy)
    assert isinstance(second, Copy)
    assert (first.key, first.size, first.identity) == ("a/b.txt", 7, UNSEEN)
    claimed = Digests.of([(Digest(MD5, bytes.fromhex(md5_hex(1))), Evidence.CLAIMED)])
    assert first.digests == claimed
    assert second.key == "c"


def test_empty_files(run: Run, tmp_path: Path) -> None:
    """Files without content are counted apart, in every kind of file."""
    rows = [("m", "s"), (md5_hex(1), "6.0"), ("d41d8cd98f00b204e9800998ecf8427e", 0), ("", "0.0")]
    write_csv(tmp_path / "l.csv", rows)
    checksums = pa.array([md5_hex(1), "d41d8cd98f00b204e9800998ecf8427e", None])
    pq.write_table(pa.table({"m": checksums, "s": [6.0, 0.0, 0.0]}), tmp_path / "l.parquet")
    for name in ("l.csv", "l.parquet"):
        done = run("migrate", f"{name}?column=m&size=s", f"sqlite:{name}.db", "--json")
        assert done.code == 0, done.err
        figures = json.loads(done.out)
        assert (figures["rows"], figures["listed"], figures["empty_files"]) == (3, 1, 2)
        assert entries_of(f"sqlite:{tmp_path / name}.db") == [("default", listed(1, 6))]


def test_replaced(run: Run, tmp_path: Path) -> None:
    """Rows that replace or repeat an entry are counted, unless entries are not."""
    rows = [("k", "s", "m"), *((f"k{n % 20}", 5, md5_hex(n)) for n in range(2000))]
    write_csv(tmp_path / "l.csv", rows)
    command = ["migrate", "l.csv?column=m&size=s&key=k", "sqlite:i.db"]
    done = run(*command)
    assert "2,000 rows: 2,000 copies moved, 1,980 of them replaced an entry, " in done.out
    assert "20 entries in the destination; 100 of 100 sampled rows found there" in done.out
    assert done.code == 0, done.err
    figures = json.loads(run(*command, "--json").out)
    assert (figures["replaced"], figures["destination"]) == (2000, 20)
    done = run(*command, "--no-count")
    assert "the destination's entries were not counted" in done.out
    figures = json.loads(run(*command, "--no-count", "--json").out)
    assert (figures["replaced"], figures["destination"]) == (None, None)


def test_rejects(run: Run, tmp_path: Path) -> None:
    """Rows that are not checksums are counted, shown and written to a file; the rest is moved."""
    bad = [
        ("x", "1", "a"),
        (md5_hex(1), "-1", "a"),
        (md5_hex(2), "many", "a"),
        (md5_hex(3), "1", ".onecopy/x"),
        (md5_hex(4), "1"),
        ("", "1", "a"),
        (md5_hex(5), "1", "long" * 257),
    ]
    write_csv(tmp_path / "l.csv", [("m", "s", "k"), *bad, (md5_hex(9), "9", "good")])
    done = run("migrate", "l.csv?column=m&size=s&key=k", "sqlite:i.db")
    assert done.code == 1
    assert "8 rows: 1 copy moved, 7 rejected" in done.out
    assert len(re.findall(r"^onecopy: line ", done.err, re.MULTILINE)) == 5
    assert 'line 2 "x": not a checksum: expected 32' in done.err
    [file] = tmp_path.glob("onecopy-migrate-*.csv")
    assert f"7 rows rejected: see {file.name}" in done.err
    written = file.read_text().splitlines()
    assert written[0] == "row,value,reason"
    assert [line.split(",")[0] for line in written[1:]] == [f"line {n}" for n in range(2, 9)]
    assert "a column is missing" in written[5]
    again = run("migrate", "l.csv?column=m&size=s&key=k", "sqlite:i.db", "--rejects", "mine.csv")
    assert again.code == 1
    assert (tmp_path / "mine.csv").read_text() == file.read_text()


def test_foreign_keys(run: Run, tmp_path: Path) -> None:
    """Keys that other programs gave their objects are moved, as a scan would record them."""
    foreign = ["a//b", "./x", "../x", "/lead", "trail/", "two\nlines"]
    write_csv(
        tmp_path / "l.csv",
        [("m", "s", "k"), *((md5_hex(n), n + 1, k) for n, k in enumerate(foreign))],
    )
    done = run("migrate", "l.csv?column=m&size=s&key=k", "sqlite:i.db")
    assert done.code == 0, done.err
    keys = {
        entry.key for _, entry in entries_of(f"sqlite:{tmp_path}/i.db") if isinstance(entry, Copy)
    }
    assert keys == set(foreign)


def test_utf_16(run: Run, tmp_path: Path) -> None:
    """A file in UTF-16 is refused by name; its first line was taken for a heading."""
    for name, encoding in (("l.csv", "utf-16"), ("l.txt", "utf-16-be")):
        text = f"\ufeff{md5_hex(1)}\n" if encoding == "utf-16-be" else f"{md5_hex(1)}\n"
        (tmp_path / name).write_text(text, encoding)
        for source in (name, f"{name}?column=m"):
            done = run("migrate", source, "sqlite:i.db")
            assert done.code == 2
            assert f"{name} is encoded as UTF-16: save it as UTF-8" in done.err


def test_no_file(tmp_path: Path) -> None:
    """A folder or pipe with the name of a list is not called missing."""
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    kinds = {
        "folder.csv": "is a folder",
        "pipe.txt": "is a pipe or device",
        "no.csv": "no such file",
    }
    for name, kind in kinds.items():
        with pytest.raises(InvalidSettings, match=kind):
            open_source(str(tmp_path / name), "t")


def test_broken_bytes(run: Run, tmp_path: Path) -> None:
    """Lines that are not text or not CSV are rejected one by one."""
    good = md5_hex(1).encode()
    huge = b"a" * 200_000
    (tmp_path / "l.csv").write_bytes(b"m\n\xff\xfe\n" + huge + b"\n" + good + b"\n")
    done = run("migrate", "l.csv", "sqlite:i.db", "--rejects", "r.csv")
    assert done.code == 1
    assert entries_of(f"sqlite:{tmp_path}/i.db") == [("default", listed(1))]
    rejected = (tmp_path / "r.csv").read_text().splitlines()[1:]
    assert [line.partition(",")[0] for line in rejected] == ["line 2", "line 3"]


def test_cut_short(run: Run, tmp_path: Path) -> None:
    """A truncated or damaged compressed file fails with its name and the line where it ends."""
    write_csv(tmp_path / "l.csv.gz", [(md5_hex(n),) for n in range(20_000)])
    whole = (tmp_path / "l.csv.gz").read_bytes()
    half = len(whole) // 2
    for data in (whole[:half], whole[:half] + bytes(1000) + whole[half:], b"no gzip"):
        (tmp_path / "l.csv.gz").write_bytes(data)
        done = run("migrate", "l.csv.gz", "sqlite:i.db")
        assert done.code == 2
        assert re.search(r"can't read l\.csv\.gz after line \d+", done.err)


def test_parquet(run: Run, tmp_path: Path) -> None:
    """Columns of a Parquet file may be text or bytes; missing values are rejected by row."""
    values = [md5_hex(n) for n in range(30_000)]
    table = pa.table(
        {
            "n": range(30_000),
            "text": [None if n == 12_345 else value for n, value in enumerate(values)],
            "bytes": pa.array(map(bytes.fromhex, values), pa.binary()),
            "size": pa.array([n or None for n in range(30_000)], pa.int64()),
        }
    )
    pq.write_table(table, tmp_path / "l.parquet", row_group_size=7_000)
    done = run("migrate", "l.parquet?column=text&size=size", "sqlite:i.db", "--rejects", "r.csv")
    assert done.code == 1, done.err
    assert (tmp_path / "r.csv").read_text().splitlines()[1] == "row 12346,,the checksum is missing"
    assert run("migrate", "l.parquet?column=bytes&size=size", "sqlite:j.db").code == 0
    expected = in_order(("default", listed(n, n or None)) for n in range(30_000))
    assert entries_of(f"sqlite:{tmp_path}/j.db") == expected
    assert len(entries_of(f"sqlite:{tmp_path}/i.db")) == 29_999


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet", "txt"])
def test_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """Each position resumes exactly after the rows before it, anywhere in a row group."""
    for module in (csv_files, parquet_files):
        monkeypatch.setattr(module, "BATCH_ROWS", 70)
    path = tmp_path / f"l.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({"m": map(md5_hex, range(500))}), path, row_group_size=130)
    else:
        write_csv(path, [("m",), *((md5_hex(n),) for n in range(500))])
    source = open_source(str(path) if suffix == "txt" else f"{path}?column=m", "t")
    batches = list(source.batches())
    headings = [heading for batch in batches for heading in batch.headings]
    assert headings == ([] if suffix == "parquet" else ["m"])
    assert int(batches[-1].position) == 500 + len(headings)
    assert len(batches) > 6
    everything = [entry for batch in batches for entry in batch.entries]
    assert everything == [("t", listed(n)) for n in range(500)]
    seen = 0
    for batch in batches:
        seen += len(batch.entries)
        later = list(source.batches(batch.position))
        assert [entry for each in later for entry in each.entries] == everything[seen:]
        assert not any(each.headings for each in later)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("none.csv", "no such file"),
        ("l.csv", "2 columns; name the one"),
        ("l.csv?column=x", "no column x; its columns are m, s"),
        ("l.csv?column=m&key=s", "a key needs a size"),
        ("l.csv?colum=m", "unknown colum"),
        ("l.parquet?column=m", "can't read"),
        ("l.csv?md5", "unknown md5"),
        ("l.csv?size=s", "a size needs a checksum"),
        ("l.xml", "unknown source"),
        ("sqlite:none.db", "there is no index"),
    ],
)
def test_bad_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, why: str
) -> None:
    """An invalid source is refused with the reason, before anything is written."""
    monkeypatch.chdir(tmp_path)
    for name in ("l.csv", "l.parquet", "l.xml"):
        (tmp_path / name).write_text("m,s\n")
    with pytest.raises((InvalidSettings, BadInput), match=why):
        list(open_source(address, "t").batches())
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name", ["l.csv", "l.csv.gz", "l.csv?column=m", "l.csv.gz?column=m"])
@pytest.mark.parametrize("text", [b"", b"\n\n"])
def test_empty_file(run: Run, tmp_path: Path, name: str, text: bytes) -> None:
    """A file without a single line of text is an error, not a list of nothing."""
    (tmp_path / "l.csv").write_bytes(text)
    (tmp_path / "l.csv.gz").write_bytes(gzip.compress(text) if text else b"")
    done = run("migrate", name, "sqlite:i.db")
    assert done.code == 2
    assert f"{name.partition('?')[0]} is empty" in done.err


@pytest.mark.parametrize("scheme", ["postgres", "mysql", "https"])
def test_other_urls(run: Run, scheme: str) -> None:
    """A URL that is no source is refused without showing it: it may contain a password."""
    done = run("migrate", f"{scheme}://me:secret@db/files", "sqlite:i.db")
    assert done.code == 2
    assert f"unknown source: a URL that begins with {scheme}://" in done.err
    assert "secret" not in done.err


def test_keys_in_the_url(run: Run, tmp_path: Path) -> None:
    """Credentials of AWS in a URL are refused without showing them."""
    (tmp_path / "l.txt").write_text(md5_hex(1))
    table = "dynamodb://table?layout=checksums"
    for command in (
        ["dynamodb://key:secret@table", "sqlite:i.db"],
        ["l.txt", "dynamodb://key:secret@table"],
        ["l.txt", "dynamodb://table?secret_key=secret"],
        ["l.txt", table, "--via", "s3-import", "s3://key:secret@bucket/prefix"],
        ["l.txt", table, "--via", "s3-import", "s3://bucket/prefix?secret_key=secret"],
    ):
        done = run("migrate", *command, AWS_REGION="us-east-1")
        assert done.code == 2
        assert "secret" not in done.err.replace("AWS_SECRET_ACCESS_KEY", "")


@pytest.mark.parametrize("more", [[], ["--plan"]])
def test_password_in_the_destination(run: Run, tmp_path: Path, more: list[str]) -> None:
    """A password in the destination's URL is refused, also when only the plan is shown."""
    (tmp_path / "l.txt").write_text(md5_hex(1))
    for url in ("postgresql://me:secret@db/d", "postgresql://db/d?password=secret"):
        done = run("migrate", "l.txt", url, *more)
        assert done.code == 2
        assert "PGPASSWORD" in done.err
        assert "secret" not in done.err


def test_one_name_twice(run: Run, tmp_path: Path) -> None:
    """A column that is named must be the only one with its name, in CSV and in Parquet."""
    write_csv(tmp_path / "l.csv", [("m", "m", "x", "x"), (md5_hex(1), md5_hex(2), "", "")])
    columns = [pa.array([md5_hex(n)]) for n in (1, 2)]
    pq.write_table(pa.table(columns, names=["m", "m"]), tmp_path / "l.parquet")
    for name in ("l.csv", "l.parquet"):
        done = run("migrate", f"{name}?column=m", "sqlite:i.db")
        assert done.code == 2
        assert f"{name} has more than one column m" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no ? in names")
@pytest.mark.parametrize("name", ["what?.csv", "?.csv", "a.csv?column=b.csv"])
def test_question_mark_in_path(run: Run, tmp_path: Path, name: str) -> None:
    """A file whose name contains `?` is a source, with and without named columns."""
    write_csv(tmp_path / name, [("m?",), (md5_hex(1),)])
    for address in (name, f"{name}?column=m?"):
        assert run("migrate", address, "sqlite:i.db").code == 0
    assert entries_of(f"sqlite:{tmp_path}/i.db") == [("default", listed(1))]


@pytest.mark.parametrize("address", ["w?t.csv", "w?t.csv?column=m", "w?.txt.gz?column=m?"])
def test_no_such_file(run: Run, address: str) -> None:
    """A file that does not exist is named completely, also if its name contains `?`."""
    done = run("migrate", address, "sqlite:i.db")
    assert done.code == 2
    assert f"no such file: {address.partition('?column')[0]}\n" in done.err


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_undecodable_key(run: Run, tmp_path: Path, kind: str) -> None:
    """A key that is not UTF-8 is rejected: no file has the characters it could be shown with."""
    keys = [b"a.txt", b"caf\xe9.txt", b"z.txt"]
    if kind == "csv":
        rows = [b"%s,1,%s" % (md5_hex(n).encode(), key) for n, key in enumerate(keys)]
        (tmp_path / "l.csv").write_bytes(b"\n".join([b"m,s,k", *rows]))
    else:
        names = pa.array(keys, pa.binary()).view(pa.string())
        table = pa.table({"m": [md5_hex(n) for n in range(3)], "s": [1, 1, 1], "k": names})
        pq.write_table(table, tmp_path / "l.parquet")
    done = run("migrate", f"l.{kind}?column=m&size=s&key=k", "sqlite:i.db", "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert (found["copies"], found["rejected"]) == (2, 1)
    assert "it is not UTF-8" in Path(tmp_path / found["rejects"]).read_text()
    entries = entries_of(f"sqlite:{tmp_path}/i.db")
    assert [entry.key for _, entry in entries if isinstance(entry, Copy)] == ["a.txt", "z.txt"]


def test_stray_quote(run: Run, tmp_path: Path) -> None:
    """A quote that is never closed does not swallow the rows after it in silence."""
    lines = ["m,k", f"{md5_hex(1)},x", f'{md5_hex(2)},"open', f"{md5_hex(3)},y"]
    (tmp_path / "l.csv").write_text("\n".join(lines))
    done = run("migrate", "l.csv?column=m", "sqlite:i.db")
    assert done.code == 1
    assert "invalid CSV in lines 3 to 4" in done.err


def test_headings_and_empty_lines(run: Run, tmp_path: Path) -> None:
    """The lines of a file are moved, rejected, headings that are named, or empty."""
    lines = ["m,name", "", f"{md5_hex(1)},x", "?,y", ""]
    (tmp_path / "l.csv").write_text("\n".join(lines) + "\n")
    done = run("migrate", "l.csv?column=m", "sqlite:i.db", "--json")
    found = json.loads(done.out)
    assert (found["rows"], found["listed"], found["rejected"]) == (2, 1, 1)
    assert (found["headings"], found["empty"], found["names"]) == (["m,name"], 2, 0)
    done = run("migrate", "l.csv?column=m", "sqlite:i.db")
    assert "1 rejected, heading: m,name, 2 empty lines" in done.out
