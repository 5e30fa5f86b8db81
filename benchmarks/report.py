"""Speed of `onecopy report --html` of many copies, and of the page that it writes.

    python benchmarks/report.py [--copies N] [--groups N] [--work FOLDER] [--chromium PATH]

An index in SQLite is filled with copies of which some share their content: each group has from 2 to
6 copies. Then the command runs in a process of its own; its peak of memory is that of the process.
Targets for 10 million copies and 1 million groups: 30 s, 1 GB, 5 MB, and in Chromium 1 s until the
table of groups is there and a key press is answered.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from onecopy.content import Copy, Digests
from onecopy.index.sqlite import open_url

_ENDINGS = ("jpg", "jpg", "jpg", "png", "mp4", "pdf", "docx", "txt", "zip", "heic")
_FOLDERS = 20_000
_START = 1_500_000_000


def copies(number: int, groups: int) -> Iterator[tuple[str, Copy]]:
    """Yield copies in no order of their keys."""
    content, left = 0, 0
    for each in range(number):
        if left == 0:
            content += 1
            left = 2 + content % 5 if content <= groups else 1
        left -= 1
        size = 1 + content * 7919 % 8_000_000
        folder = (each * 2_654_435_761) % _FOLDERS
        ending = _ENDINGS[content % len(_ENDINGS)]
        key = f"archive/{folder % 40}/{folder % 1000}/{folder}/IMG_{each:09d}.{ending}"
        stored = (_START + (each * 7) % 250_000_000) * 1000
        packed = b"\1" + sha256(content.to_bytes(8)).digest()
        yield "default", Copy(key, size, Digests(packed), f"{each:x}.{size:x}.0.0", stored, stored)


def fill(file: Path, number: int, groups: int) -> None:
    """Fill an index, unless it is there from an earlier run."""
    if file.exists():
        return
    began = time.perf_counter()
    index = open_url(f"sqlite:{file}")
    index.add(copies(number, groups))
    index.close()
    print(f"filled the index in {time.perf_counter() - began:.0f} s")


def report(folder: Path) -> None:
    """Write the page, and print the time and memory of the command."""
    command = [sys.executable, "-m", "onecopy", "report", "--index", "sqlite:index.sqlite"]
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / "one").write_bytes(b"1")
    began = time.perf_counter()
    options = ("--store", "files", "--html", "report.html", "--no-progress")
    subprocess.run([*command, *options], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    size = (folder / "report.html").stat().st_size
    print(
        f"report --html: {seconds:.1f} s (CPU {used.ru_utime + used.ru_stime:.1f} s), "
        f"{used.ru_maxrss / 1e6:.2f} GB, page {size / 1e6:.2f} MB"
    )


def open_page(file: Path, chromium: str | None) -> None:
    """Print how long Chromium takes until the page answers a key, the best and worst of 5."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        times = []
        for _ in range(5):
            tab = browser.new_page()
            began = time.perf_counter()
            tab.goto(file.as_uri())
            tab.get_by_role("searchbox").fill("jpg")
            tab.get_by_role("status").filter(has_text=" of ").wait_for()
            times.append(time.perf_counter() - began)
            tab.close()
        browser.close()
    print(f"until the page answers in Chromium: {min(times):.2f} to {max(times):.2f} s")


def main() -> None:
    """Fill, report, open."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--copies", type=int, default=10_000_000)
    arguments.add_argument("--groups", type=int, default=1_000_000)
    arguments.add_argument("--work", type=Path)
    arguments.add_argument("--chromium", default=os.environ.get("ONECOPY_CHROMIUM"))
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.work or Path(name)
        fill(folder / "index.sqlite", options.copies, options.groups)
        report(folder)
        open_page(folder / "report.html", options.chromium or shutil.which("chromium"))


if __name__ == "__main__":
    main()
