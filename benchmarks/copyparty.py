"""Repeated uploads of a folder, compared with copyparty, which also recognizes known contents.

    python benchmarks/copyparty.py [--work FOLDER] [--python PYTHON] [--rounds N]
        [--first | --first-byte]

Both programs run as users run them, over HTTP on the loopback interface: `onecopy serve` with
`onecopy upload --server`; and copyparty (from PyPI, installed for PYTHON) with `-e2dsa --dedup` and
its client u2c. They take turns, and the best round of each counts. The folder has 5,000 files of
this machine's /usr, chosen by a fixed rule. onecopy makes every file durable before it reports it
as stored; copyparty leaves that to the operating system. Targets are in TARGETS, as a part of
copyparty's time. With --first, only the first two uploads of the folder are measured, with
--first-byte only the time to the first byte of a new file.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

FILES = 5_000
LARGER = 300
"""Number of these files that have 1 MiB or more."""
MiB = 1024 * 1024
GiB = 1024 * MiB
TARGETS = {"first": 1.0, "again": 0.5, "renamed": 0.5, "2 GiB, renamed": 0.6}
FIRST_BYTES = 64 * 1024
"""Bytes of a request's body after which the proxy takes the upload as started."""
TIMEOUT_SECONDS = 60


def collect(folder: Path) -> int:
    """Copy files of /usr into a folder; return their total size.

    The files below 1 MiB, and those of 1 to 16 MiB, that come first in the order of the SHA-256 of
    their paths. They are spread over all of /usr, and are the same on machines with the same files.
    """
    found = sorted(
        (sha256(os.fsencode(path)).digest(), path, size) for path, size in _files(Path("/usr"))
    )
    small = [path for _, path, size in found if size < MiB][: FILES - LARGER]
    large = [path for _, path, size in found if MiB <= size < 16 * MiB][:LARGER]
    for path in (*small, *large):
        target = folder / path.relative_to("/usr")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _files(root: Path) -> Iterator[tuple[Path, int]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                yield path, path.stat().st_size


def rename(folder: Path, renamed: Path) -> None:
    """Link all files of a folder into another one, with other names and subfolders."""
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if path.is_file():
            target = renamed / f"{number % 89:02}" / f"moved-{number}{path.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)


@dataclass(frozen=True)
class Peer:
    """A server and its client, as commands."""

    name: str
    serve: Callable[[Path, int], list[str]]
    upload: Callable[[int, Path], list[str]]


def onecopy() -> Peer:
    """Return onecopy from this checkout."""
    command = [sys.executable, "-m", "onecopy"]
    return Peer(
        "onecopy",
        lambda folder, port: [
            *[*command, "serve", "--port", str(port), "--store", str(folder / "files")],
            *["--index", f"sqlite:{folder / 'index.sqlite'}"],
        ],
        lambda port, path: [
            *[*command, "upload", "--server", f"http://127.0.0.1:{port}", "--on-taken", "rename"],
            str(path),
        ],
    )


def copyparty(python: str) -> Peer:
    """Return copyparty as installed for `python`."""
    found = subprocess.run(
        [python, "-c", "import copyparty; print(copyparty.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    u2c = Path(found.stdout.strip(), "web", "a", "u2c.py")
    return Peer(
        "copyparty",
        lambda folder, port: [
            *[python, "-m", "copyparty", "-q", "-e2dsa", "--dedup", "-i", "127.0.0.1"],
            *["-p", str(port), "--hist", str(folder / "hist"), "-v", f"{folder / 'files'}::A"],
        ],
        lambda port, path: [python, str(u2c), f"http://127.0.0.1:{port}/", str(path)],
    )


@contextlib.contextmanager
def served(peer: Peer, folder: Path) -> Iterator[int]:
    """Run a peer's server on a folder; yield its port."""
    (folder / "files").mkdir(parents=True)
    port = _free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            peer.serve(folder, port), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder
        )
        try:
            _wait_for(port, process, folder / "log")
            yield port
        finally:
            process.terminate()
            try:
                process.wait(TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as server:
            server.settimeout(5)
            server.sendall(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            if server.recv(5) == b"HTTP/":
                return
        time.sleep(0.05)
    raise RuntimeError(log.read_text(errors="replace"))


def timed(peer: Peer, port: int, path: Path) -> float:
    """Upload a path; return the seconds from the client's start to its end."""
    began = time.perf_counter()
    done = subprocess.run(
        peer.upload(port, path), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{peer.name}: {done.stderr.decode(errors='replace')[-2000:]}")
    return seconds


def first_byte(peer: Peer, port: int, path: Path) -> float:
    """Return the seconds from a client's start to the first bytes of a new large file."""
    with _Proxy(port) as proxy:
        began = time.perf_counter()
        client = subprocess.Popen(
            peer.upload(proxy.port, path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            if not proxy.seen.wait(TIMEOUT_SECONDS):
                raise RuntimeError(f"{peer.name} sent nothing")
            return proxy.at - began
        finally:
            client.send_signal(signal.SIGKILL)
            client.wait()


class _Proxy:
    """Forwards bytes, and notes the time when the body of a large request arrives."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.seen = threading.Event()
        self.at = 0.0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for source, target, watch in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._forward, args=(source, target, watch), daemon=True
                    ).start()

    def _forward(self, source: socket.socket, target: socket.socket, watch: bool) -> None:  # noqa: FBT001
        body = 0
        with contextlib.suppress(OSError):
            while data := source.recv(64 * 1024):
                if watch and not self.seen.is_set():
                    head = re.match(rb"(PUT|POST) ", data)
                    body = len(data) if head else body + len(data)
                    if body >= FIRST_BYTES:
                        self.at = time.perf_counter()
                        self.seen.set()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def run_round(peers: Sequence[Peer], work: Path, sources: Path) -> dict[str, dict[str, float]]:
    """Run every step with every peer; return the seconds by step and peer."""
    times: dict[str, dict[str, float]] = {}
    with contextlib.ExitStack() as stack:
        ports = {peer.name: stack.enter_context(served(peer, work / peer.name)) for peer in peers}
        for step, path in (
            ("first", sources / "tree"),
            ("again", sources / "tree"),
            ("renamed", sources / "renamed"),
            ("2 GiB, first", sources / "one" / "disk.img"),
            ("2 GiB, renamed", sources / "two" / "copy-of-disk.img"),
        ):
            if path.exists():
                times[step] = {peer.name: timed(peer, ports[peer.name], path) for peer in peers}
        if (sources / "new.img").exists():
            times["4 GiB, first byte"] = {
                peer.name: first_byte(peer, ports[peer.name], sources / "new.img") for peer in peers
            }
    return times


def prepare_new(sources: Path) -> None:
    """Create the file for the time to the first byte."""
    sources.mkdir(exist_ok=True)
    with (sources / "new.img").open("wb") as file:
        file.truncate(4 * GiB)  # sparse: as fast to read as cached bytes


def prepare(sources: Path) -> None:
    """Create the renamed and the large files."""
    rename(sources / "tree", sources / "renamed")
    (sources / "one").mkdir()
    (sources / "two").mkdir()
    with (sources / "one" / "disk.img").open("wb") as file:
        for _ in range(2 * GiB // MiB):
            file.write(os.urandom(MiB))
    (sources / "two" / "copy-of-disk.img").hardlink_to(sources / "one" / "disk.img")


def main() -> None:
    """Print a table of times, and whether the targets are met."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--work", type=Path, help="folder for 12 GB of scratch files")
    arguments.add_argument(
        "--python", default=sys.executable, help="interpreter that has copyparty"
    )
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--first", action="store_true", help="only measure the first two steps")
    arguments.add_argument("--first-byte", action="store_true", help="only measure the last step")
    chosen = arguments.parse_args()
    peers = [onecopy(), copyparty(chosen.python)]
    rounds: list[dict[str, dict[str, float]]] = []
    if chosen.work:
        chosen.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=chosen.work) as folder:
        sources = Path(folder, "sources")
        if not chosen.first:
            prepare_new(sources)
        if not chosen.first_byte:
            total = collect(sources / "tree")
            print(f"{FILES} files, {total / 1e9:.3f} GB")
        if not chosen.first and not chosen.first_byte:
            prepare(sources)
        for number in range(chosen.rounds):
            work = Path(folder, f"round-{number}")
            rounds.append(run_round(peers, work, sources))
            shutil.rmtree(work)
    print(f"{'':20}{'onecopy':>10}{'copyparty':>12}{'ratio':>8}")
    for step in rounds[0]:
        ours, theirs = (min(done[step][peer.name] for done in rounds) for peer in peers)
        target = TARGETS.get(step)
        verdict = "" if target is None else f"  (at most {target}: {ours / theirs <= target})"
        print(f"{step:20}{ours:>9.2f}s{theirs:>11.2f}s{ours / theirs:>8.2f}{verdict}")


if __name__ == "__main__":
    main()
