"""Lists as md5sum, sha256sum, shasum and BSD's tools write them, and lists without a heading."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from onecopy.content import Listed
from onecopy.digest import MD5, SHA256, Digest
from onecopy.migrate import open_source
from tests.conftest import Run
from tests.migrate.lists import entries_of, in_order, listed, md5_hex

NAMES = [b"a.txt", b'b, "q" (1) = x', b"caf\xe9", b"n\nl\\x", b" *y"]
SIZE = len(NAMES)


@pytest.fixture
def contents(tmp_path: Path) -> Path:
    """Write files whose names need care; their contents are the numbers from 0."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Path(folder, name.decode(errors="surrogateescape")).write_text(str(number))
    return folder


def digests(algorithm: str) -> list[tuple[str, Listed]]:
    """Return the entries of these files."""
    scheme = MD5 if algorithm == "md5" else SHA256
    values = (hashlib.new(algorithm, str(n).encode()).digest() for n in range(SIZE))
    return [("default", Listed(Digest(scheme, value))) for value in values]


@pytest.mark.skipif(sys.platform != "linux", reason="needs GNU coreutils, and names in any bytes")
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "command",
    [
        "md5sum",
        "md5sum -b",
        "md5sum --tag",
        "sha256sum",
        "sha256sum -b",
        "sha256sum --tag",
        "shasum -a 256",
        "shasum -a 256 -b",
    ],
)
def test_tools(run: Run, tmp_path: Path, contents: Path, command: str, end: bytes) -> None:
    """Each line that these programs write is moved, the first too, and names are counted."""
    written = subprocess.run(
        [*command.split(), "--", *sorted(NAMES)], cwd=contents, capture_output=True, check=True
    ).stdout
    (tmp_path / "sums.txt").write_bytes(written.replace(b"\n", end))
    done = run("migrate", "sums.txt", "sqlite:i.db", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["listed"], found["names"], found["headings"]) == (SIZE, SIZE, [])
    assert f"{SIZE} file names not kept" in done.err
    algorithm = "md5" if command.startswith("md5") else "sha256"
    assert entries_of(f"sqlite:{tmp_path}/i.db") == in_order(digests(algorithm))


@pytest.mark.skipif(sys.platform != "linux", reason="needs GNU coreutils, and names in any bytes")
@pytest.mark.parametrize(
    "command", ["sha1sum", "sha512sum", "sha1sum --tag", "shasum -a 512256 --tag"]
)
def test_other_algorithms(run: Run, tmp_path: Path, contents: Path, command: str) -> None:
    """Lines with checksums of other algorithms are rejected, not taken for a heading."""
    written = subprocess.run(
        [*command.split(), "--", *sorted(NAMES)], cwd=contents, capture_output=True, check=True
    ).stdout
    (tmp_path / "SHA256SUMS").write_bytes(written)
    done = run("migrate", "SHA256SUMS", "sqlite:i.db", "--json")
    found = json.loads(done.out)
    assert (done.code, found["rejected"], found["headings"]) == (1, SIZE, [])


@pytest.mark.parametrize(
    "line",
    [
        "{} name",
        "{}  ^name",
        "MD5 (name) = {}",
        "MD5(name)= {}",
        "\\MD5 (na\\nme) = {}",
        "\\{} *na\\nme",
        '"{}"',
        " {} ",
    ],
)
def test_lines(tmp_path: Path, line: str) -> None:
    """Lines of BSD's and OpenSSL's tools, and quoted checksums, are read."""
    (tmp_path / "l.md5").write_text(line.format(md5_hex(1)))
    [batch] = open_source(f"{tmp_path}/l.md5", "t").batches()
    assert (batch.entries, batch.rejects, batch.headings) == ([("t", listed(1))], [], ())


@pytest.mark.parametrize(
    "line",
    [
        f"{md5_hex(1)[9:]}  a.txt",
        md5_hex(1)[9:],
        f"{md5_hex(1)} ^a.txt",
        f"{md5_hex(1)}  a\0{md5_hex(2)}  b\0",
        f"SM3 (a) = {64 * 'a'}",
        f"MD5 (a) = {64 * 'a'}",
    ],
)
def test_rejected_lines(tmp_path: Path, line: str) -> None:
    """A cut first line, and lines that are no MD5 or SHA-256 of a file's bytes, are rejected."""
    (tmp_path / "l.txt").write_text(f"{line}\n{md5_hex(3)}  c\n")
    [batch] = open_source(f"{tmp_path}/l.txt", "t").batches()
    assert batch.entries == [("t", listed(3))]
    assert [reject.row for reject in batch.rejects] == ["line 1"]
    assert batch.headings == ()


def test_heading(run: Run, tmp_path: Path) -> None:
    """A first line that is no checksum is named as a heading; the counts add up."""
    lines = ["of/the/name.txt", f"{md5_hex(1)}  a", "", "?", f"{md5_hex(2)},x"]
    (tmp_path / "l.txt").write_text("\n".join(lines) + "\n")
    done = run("migrate", "l.txt", "sqlite:i.db", "--json")
    found = json.loads(done.out)
    assert (done.code, found["listed"], found["rejected"]) == (1, 1, 2)
    assert (found["headings"], found["empty"], found["names"]) == (["of/the/name.txt"], 1, 1)
    assert found["rows"] + len(found["headings"]) + found["empty"] == len(lines)
    assert "heading: of/the/name.txt" in run("migrate", "l.txt", "sqlite:i.db").out


def test_binary_first_line(tmp_path: Path) -> None:
    """A first line of any length and any bytes is named, cut to what can be shown."""
    (tmp_path / "l.txt").write_bytes(b"\xff\x00" * 200_000 + b"\n" + md5_hex(1).encode())
    [batch] = open_source(f"{tmp_path}/l.txt", "t").batches()
    assert batch.entries == [("t", listed(1))]
    assert [len(heading) for heading in batch.headings] == [200]
