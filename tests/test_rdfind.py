"""Our figures on a real tree are those of rdfind."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.conftest import environment

FILES = 20_000
SOURCES = ("/usr/share", "/usr/lib", "/usr/include", sys.prefix, sys.base_prefix)
LARGEST = 1_000_000
"""Bytes; keeps the tree small enough to be copied within seconds."""


def real_files() -> Iterator[Path]:
    """Yield regular files of this machine."""
    for source in SOURCES:
        for top, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                path = Path(top, name)
                if path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST:
                    yield path


def grow(tree: Path) -> None:
    """Copy real files, and link some of them hard."""
    copied = list(islice(real_files(), FILES))
    assert len(copied) == FILES, f"this machine has too few files below {', '.join(SOURCES)}"
    for path in copied:
        target = tree / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for number, path in enumerate(copied[:10]):
        (tree / f"link {number}").hardlink_to(tree / str(path).lstrip("/"))


def by_rdfind(tree: Path) -> dict[str, int]:
    """Return rdfind's figures of the tree: hard links count once."""
    rdfind = shutil.which("rdfind")
    assert rdfind, "this test needs rdfind (on Debian: apt-get install rdfind)"
    results = tree.parent / "results.txt"
    subprocess.run(
        [rdfind, "-checksum", "sha256", "-outputname", results, tree],
        check=True,
        capture_output=True,
    )
    rows = [line.split(" ", 7) for line in results.read_text().splitlines() if line[0] != "#"]
    copies = [int(row[3]) for row in rows if row[0] != "DUPTYPE_FIRST_OCCURRENCE"]
    return {
        "duplicates": len(copies),
        "wasted_bytes": sum(copies),
    }


def by_onecopy(tree: Path) -> dict[str, int]:
    """Return our figures after a scan."""
    index = f"sqlite:{tree.parent}/index.sqlite"
    for command in ("scan", "report"):
        answer = subprocess.run(
            [sys.executable, "-m", "onecopy", command, "--json", "--index", index, "--store", tree],
            check=True,
            capture_output=True,
            env=environment(tree.parent),
        ).stdout
    figures: dict[str, int] = json.loads(answer)
    return {name: figures[name] for name in ("duplicates", "wasted_bytes")}


@pytest.mark.server
@pytest.mark.timeout(900)
def test_agrees_with_rdfind(tmp_path: Path) -> None:
    """Duplicates and their bytes in a tree of 20,000 files are rdfind's."""
    tree = tmp_path / "tree"
    tree.mkdir()
    grow(tree)
    expected = by_rdfind(tree)
    assert expected["duplicates"] > 100
    assert by_onecopy(tree) == expected
