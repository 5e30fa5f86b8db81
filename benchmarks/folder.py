"""Speed of `onecopy scan` of a folder, compared with jdupes and find.

    python benchmarks/folder.py TREE [--rounds N] [--work FOLDER]

In each round find names the files of the tree, jdupes looks for duplicates, and a scan records
them in a new SQLite index, durably; then the same scan runs again, with nothing changed. Start-up
is left out of the scans, and the tree gets the marker of a store (`.onecopy`). The first round only
fills the cache of the file system. The best round of each counts. Targets: at most 2 times jdupes,
and 2.5 times find. The groups of both must be as many.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from onecopy.cli.garbage import collecting_rarely
from onecopy.gate import bind
from onecopy.index.sqlite import open_url
from onecopy.report import report
from onecopy.scan import scan_by_listing
from onecopy.store.folder.store import FolderStore

FIND = ("find", "-type", "f", "-printf", "%p %s %T@ %i\\n")
JDUPES = ("jdupes", "-r", "-q", "-m", ".")


def timed(call: Callable[[], str]) -> tuple[float, str]:
    """Return the wall time of a call in seconds, and its CPU time and what it returns."""
    began, before = time.perf_counter(), sum(os.times()[:4])
    what = call()
    seconds = time.perf_counter() - began
    return seconds, f"CPU {sum(os.times()[:4]) - before:.2f} s; {what}"


def run(command: tuple[str, ...], tree: Path) -> str:
    """Run a command in the tree; return the last line that it prints."""
    done = subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True)
    return done.stdout.strip().rpartition("\n")[2]


def scans(tree: Path, work: Path) -> dict[str, tuple[float, str]]:
    """Scan into a new index, and again."""
    found = {}
    with tempfile.TemporaryDirectory(dir=work) as folder, collecting_rarely():
        index, store = open_url(f"sqlite:{folder}/index.sqlite"), FolderStore(tree)
        bind(index, store)

        def scan() -> str:
            figures = scan_by_listing(index, store, connections=1)
            return (
                f"{figures.new:,} new, {figures.unchanged:,} unchanged, "
                f"{figures.read_bytes / 1e6:,.0f} MB read"
            )

        for name in ("first scan", "second scan"):
            found[name] = timed(scan)
        groups = report(index.copies(), price=0, top=0, hard_links=True)
        seconds, what = found["first scan"]
        what += f"; {groups.duplicates:,} duplicates in {groups.groups:,} groups"
        found["first scan"] = seconds, what
        index.close()
    return found


def main() -> None:
    """Compare, and print."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("tree", type=Path)
    arguments.add_argument("--work", type=Path, help="folder for the indexes")
    arguments.add_argument("--rounds", type=int, default=5)
    chosen = arguments.parse_args()
    best: dict[str, tuple[float, str]] = {}
    for number in range(chosen.rounds + 1):
        found = {
            "find": timed(lambda: run(FIND, chosen.tree)),
            "jdupes": timed(lambda: run(JDUPES, chosen.tree)),
            **scans(chosen.tree, chosen.work),
        }
        if number:
            best = {name: min(each, best.get(name, each)) for name, each in found.items()}
    print(f"load {os.getloadavg()[0]:.1f}, best of {chosen.rounds} rounds")
    for name, floor, target in (("first scan", "jdupes", 2), ("second scan", "find", 2.5)):
        ratio = best[name][0] / best[floor][0]
        print(f"{floor:12} {best[floor][0]:6.2f} s; {best[floor][1]}")
        print(f"{name:12} {best[name][0]:6.2f} s; {best[name][1]}")
        print(f"             {ratio:.2f} x {floor} (<= {target}: {ratio <= target})")


if __name__ == "__main__":
    main()
