"""The Spark job on one machine, compared with bare parallel GETs, and with the prototype's job.

    python benchmarks/spark.py [--work FOLDER] [--rounds N] [--size MIB ...] [--small N]

Spark runs with two threads (`local[2]`) in a process of its own, from .make/spark; SeaweedFS is on
the loopback interface. The job reads one object of each size with tasks of 256 MiB, into a new
SQLite index. Start-up and the first stage, in which the Python workers start, are stated apart:
the workers are warm in all later rounds. The floor is that of benchmarks/reading.py: GETs of ranges
of 8 MiB with `http.client` in 8 threads, and SHA-256. All take turns, and the best round counts.
Target: 0.6 of the floor at 8 GiB, by the stage and by the whole job (plan, stage, load).

The peer for small objects does as the prototype's job did: one Spark task for some hundred keys, a
new boto3 client for each object, and an MD5. Target: 3 times its objects per second.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

_THREADS = 8
_PARTITIONS = 8
LARGE_TARGET, SMALL_TARGET = 0.6, 3.0
Answer = dict[str, float]


def serve() -> None:
    """Answer requests on standard input with figures on standard output, in one Spark session."""
    from onecopy.spark.cluster import SparkTasks

    began = time.perf_counter()
    tasks = SparkTasks()
    print(json.dumps({"ready": time.perf_counter() - began}), flush=True)
    with closing(tasks):
        for line in sys.stdin:
            request = json.loads(line)
            run = _prototype if request["what"] == "prototype" else _job
            print(json.dumps(run(tasks, request)), flush=True)


class _Timed:
    """Measures the stage."""

    def __init__(self, tasks: Any) -> None:  # noqa: ANN401 - Spark is in another environment
        self._tasks = tasks
        self.seconds = 0.0

    def run(
        self, work: Callable[[int], None], numbers: list[int], done: Callable[[int], object]
    ) -> None:
        began = time.perf_counter()
        self._tasks.run(work, numbers, done)
        self.seconds += time.perf_counter() - began


def _job(tasks: Any, request: dict[str, str]) -> Answer:  # noqa: ANN401
    from onecopy.index import open_index
    from onecopy.patterns import Filter
    from onecopy.scan.unread import Unread
    from onecopy.spark.driver import Driver, job_for
    from onecopy.spark.folder import open_folder
    from onecopy.store import open_store

    with tempfile.TemporaryDirectory(dir=request["work"]) as folder:
        index, store = open_index(f"sqlite:{folder}/index"), open_store(request["store"])
        job = job_for(index, store, request["store"], f"{folder}/results", 4)
        driver = Driver(
            index,
            store,
            open_folder(job.results),
            job=job,
            read="missing",
            limit=256 * 1024 * 1024,
            unread=Unread(index, "missing", (), Filter()),
            by_list=True,
        )
        timed, began = _Timed(tasks), time.perf_counter()
        summary = driver.run(timed)
        seconds = time.perf_counter() - began
        assert summary.reads.read == summary.reads.objects
        index.close()
        store.close()
    return {"stage": timed.seconds, "all": seconds, "objects": summary.reads.read}


def _prototype(tasks: Any, request: dict[str, str]) -> Answer:  # noqa: ANN401
    bucket, endpoint, keys = request["bucket"], request["endpoint"], request["keys"]

    def digest(key: str) -> str:
        import hashlib

        import boto3

        client = boto3.client("s3", endpoint_url=endpoint)
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return hashlib.md5(body).hexdigest()

    began = time.perf_counter()
    found = tasks.session.sparkContext.parallelize(keys, _PARTITIONS).map(digest).collect()
    seconds = time.perf_counter() - began
    return {"all": seconds, "objects": len(found)}


@contextmanager
def session(env: dict[str, str]) -> Iterator[Callable[..., Answer]]:
    """Run Spark; yield a function that makes a request."""
    root = Path(__file__).parents[1]
    python = root / ".make/spark/bin/python"
    env = {**env, "PYTHONPATH": f"{root / 'src'}:{root}", "SPARK_LOCAL_IP": "127.0.0.1"}
    env |= {"PYSPARK_PYTHON": str(python), "PYSPARK_SUBMIT_ARGS": "--master local[2] pyspark-shell"}
    began = time.perf_counter()
    with subprocess.Popen(
        [python, __file__, "--serve"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        print(f"Spark is ready after {time.perf_counter() - began:.0f} s")

        def ask(what: str, **request: object) -> Answer:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps({"what": what, **request}) + "\n")
            process.stdin.flush()
            answer: Answer = json.loads(process.stdout.readline())
            return answer

        yield ask
        process.stdin.close()


def large(ask: Callable[..., Answer], url: str, work: Path, rounds: int) -> None:
    """Compare reading one object with the floor."""
    from benchmarks.reading import Bare, items

    from onecopy.store import open_store
    from onecopy.store.s3.store import S3Store

    store = open_store(url)
    assert isinstance(store, S3Store)
    store.identify(create=True)
    wanted = items(store)
    size = sum(item.size for item in wanted)
    floor = stage = whole = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        Bare(_THREADS).read(wanted)
        floor = min(floor, time.perf_counter() - began)
        answer = ask("job", store=url, work=str(work))
        stage, whole = min(stage, answer["stage"]), min(whole, answer["all"])
    store.close()
    print(f"{size / 2**30:.1f} GiB: bare GETs {size / floor / 1e6:,.0f} MB/s")
    for name, seconds in (("stage", stage), ("whole job", whole)):
        ratio = floor / seconds
        met = f"(>= {LARGE_TARGET}: {ratio >= LARGE_TARGET})"
        print(f"  {name:10} {size / seconds / 1e6:6,.0f} MB/s, ratio {ratio:.2f} {met}")


def small(ask: Callable[..., Answer], request: dict[str, object], rounds: int) -> None:
    """Compare reading small objects with the prototype's job."""
    keys = request["keys"]
    assert isinstance(keys, list)
    theirs = ours = 0.0
    for _ in range(rounds):
        answer = ask("prototype", **request | {"keys": keys[:200]})
        theirs = max(theirs, answer["objects"] / answer["all"])
        answer = ask("job", **request)
        ours = max(ours, answer["objects"] / answer["all"])
    ratio = ours / theirs
    print(f"{len(keys):,} objects of 100 kB: as the prototype {theirs:,.0f} objects/s")
    print(f"  whole job {ours:,.0f} objects/s, {ratio:.0f} x (>= 3: {ratio >= SMALL_TARGET})")


def main() -> None:
    """Compare, and print."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--work", type=Path, help="folder for indexes and results")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--size", type=int, nargs="*", default=[2048, 8192], help="MiB")
    arguments.add_argument("--small", type=int, default=2000)
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.serve:
        serve()
        return
    from benchmarks.reading import fill
    from tests.standins import seaweedfs

    print(f"load {os.getloadavg()[0]:.1f}, best of {chosen.rounds} rounds")
    with tempfile.TemporaryDirectory(dir=chosen.work) as folder, seaweedfs() as server:
        os.environ.update(server.environment())
        bucket, work = server.bucket(), Path(folder)
        fill(server, bucket, "small", 0, chosen.small)
        store = server.store_url(bucket, "small")
        with session(dict(os.environ)) as ask:
            first = ask("job", store=store, work=str(work))
            print(f"first job: {first['all']:.1f} s, its stage {first['stage']:.1f} s")
            keys = [f"small/{number}" for number in range(chosen.small)]
            request: dict[str, object] = {"bucket": bucket, "endpoint": server.endpoint}
            small(ask, request | {"keys": keys, "store": store, "work": str(work)}, chosen.rounds)
            for mebibytes in chosen.size:
                name = f"large{mebibytes}"
                fill(server, bucket, name, mebibytes * 2**20, 0)
                large(ask, server.store_url(bucket, name), work, chosen.rounds)


if __name__ == "__main__":
    main()
