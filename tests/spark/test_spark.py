"""The job on Spark: on one machine, and on a cluster of two workers of which one is killed.

Each reads a bucket with one object far larger than the others, and the result must be what a scan
on one machine records.
"""

import json
import random
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onecopy.content import Copy
from onecopy.digest import MiB
from onecopy.index import open_index
from tests.conftest import running
from tests.index.tables import new_table, url_of
from tests.spark.cluster import Cluster, kill, spark_environment, standalone, until
from tests.standins import Standin

pytestmark = pytest.mark.server
SMALL = 60
TASK = "8388608"


class Bucket:
    """A bucket with one large object, and the index of a scan on one machine."""

    def __init__(self, server: Standin, home: Path, size: int) -> None:
        self.server = server
        self.name = server.bucket()
        self.store = server.store_url(self.name)
        self._home = home
        client = server.client()
        for number in range(SMALL):
            client.put_object(Bucket=self.name, Key=f"small/{number}", Body=b"%d" % number)
        path, noise = home / "large", random.Random(size)
        with path.open("wb") as file:
            for at in range(0, size, MiB):
                file.write(noise.randbytes(min(MiB, size - at)))
        client.upload_file(str(path), self.name, "large/object")
        path.unlink()

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.server.client().delete_object(Bucket=self.name, Key=key)

    def by_one_machine(self) -> dict[str, Copy]:
        """Return what a scan that reads everything records."""
        index = f"sqlite:{self._home}/one.sqlite"
        options = ["--read", "--store", self.store, "--index", index]
        ran = running(self._home)("scan", *options, **self.server.environment())
        assert ran.code == 0, ran.err
        return recorded(index)


def recorded(index: str) -> dict[str, Copy]:
    """Return the copies of an index, but for when they were recorded."""
    with closing(open_index(index)) as opened:
        return {copy.key: copy._replace(recorded_ms=0) for _, copy in opened.copies()}


def arguments(bucket: Bucket, home: Path, index: str) -> list[str]:
    """Return the arguments of a job."""
    place = ["--store", bucket.store, "--index", index, "--results", str(home / "results")]
    return [*place, "--list", "--task-size", TASK, "--json"]


@pytest.fixture
def local(seaweedfs: Standin, tmp_path: Path) -> Cluster:
    """Give two threads of one process."""
    return Cluster("local[2]", tmp_path, spark_environment(tmp_path, seaweedfs))


@pytest.fixture
def cluster(seaweedfs: Standin, tmp_path: Path) -> Iterator[Cluster]:
    """Run a standalone cluster of two workers."""
    with standalone(tmp_path, seaweedfs) as cluster:
        yield cluster


def test_as_on_one_machine(seaweedfs: Standin, local: Cluster, tmp_path: Path) -> None:
    """The large object is read by several tasks, and all is recorded as by one machine."""
    bucket = Bucket(seaweedfs, tmp_path, 20 * MiB + 7)
    index = f"sqlite:{tmp_path}/index.sqlite"
    code, out, err = local.run(*arguments(bucket, tmp_path, index))
    assert code == 0, err
    figures = json.loads(out.splitlines()[-1])
    assert figures["reads"]["objects"] == figures["reads"]["read"] == SMALL + 1
    assert figures["tasks"] >= 3
    assert recorded(index) == bucket.by_one_machine()


def results(home: Path) -> set[str]:
    """Return the names of the results so far."""
    folder = home / "results/results"
    return {p.name for p in folder.glob("*.json")} if folder.exists() else set()


def times(home: Path, names: set[str]) -> dict[str, int]:
    """Return when results were written."""
    return {name: (home / "results/results" / name).stat().st_mtime_ns for name in names}


@pytest.mark.soak
def test_a_worker_is_killed(seaweedfs: Standin, cluster: Cluster, tmp_path: Path) -> None:
    """In mid-run, with its executor: the other one does the rest, and nothing is lost."""
    bucket = Bucket(seaweedfs, tmp_path, 240 * MiB + 7)
    index = f"sqlite:{tmp_path}/index.sqlite"
    process = cluster.start(*arguments(bucket, tmp_path, index))
    until(lambda: len(results(tmp_path)) >= 5, process)
    done = times(tmp_path, results(tmp_path))
    cluster.workers[0].end(signal.SIGKILL)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    figures = json.loads(out.splitlines()[-1])
    assert len(done) < figures["tasks"]
    assert figures["reads"]["read"] == SMALL + 1
    assert times(tmp_path, set(done)) == done
    assert recorded(index) == bucket.by_one_machine()


@pytest.mark.soak
@pytest.mark.parametrize("key", ["large/object", "small/7"])
def test_deleted_in_mid_run(seaweedfs: Standin, cluster: Cluster, tmp_path: Path, key: str) -> None:
    """The object is reported as gone, alone; to read = read + gone + changed + failed."""
    bucket = Bucket(seaweedfs, tmp_path, 160 * MiB + 7)
    index = f"sqlite:{tmp_path}/index.sqlite"
    process = cluster.start(*arguments(bucket, tmp_path, index))
    planned = tmp_path / "results/plan.json"
    until(planned.exists if key.startswith("small") else lambda: results(tmp_path), process)
    bucket.delete(key)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    reads = json.loads(out.splitlines()[-1])["reads"]
    assert (reads["gone"], reads["read"], reads["objects"]) == (1, SMALL, SMALL + 1)
    assert recorded(index) == bucket.by_one_machine()


@pytest.mark.soak
def test_the_driver_is_killed(seaweedfs: Standin, cluster: Cluster, tmp_path: Path) -> None:
    """Several times: each start does only what has no result yet, and the last one loads."""
    bucket = Bucket(seaweedfs, tmp_path, 240 * MiB + 7)
    index = f"sqlite:{tmp_path}/index.sqlite"
    done: dict[str, int] = {}
    for _ in range(3):
        process = cluster.start(*arguments(bucket, tmp_path, index))
        more = len(done) + 4
        until(lambda more=more: len(results(tmp_path)) >= more, process)  # type: ignore[misc]
        kill(process)
        assert times(tmp_path, set(done)) == done
        done = times(tmp_path, results(tmp_path))
    code, out, err = cluster.run(*arguments(bucket, tmp_path, index))
    assert code == 0, err
    figures = json.loads(out.splitlines()[-1])
    assert figures["done_before"] >= len(done)
    assert times(tmp_path, set(done)) == done
    assert recorded(index) == bucket.by_one_machine()
    assert cluster.run(*arguments(bucket, tmp_path, index))[:2] == (0, out)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["postgres", "dynamodb"])
def test_other_indexes(  # noqa: PLR0917 - the fixtures
    seaweedfs: Standin,
    local: Cluster,
    tmp_path: Path,
    engine: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same is loaded into PostgreSQL and DynamoDB, here with the results in a bucket."""
    bucket = Bucket(seaweedfs, tmp_path, 20 * MiB + 7)
    for name, value in seaweedfs.environment().items():
        monkeypatch.setenv(name, value)
    index = _index(engine, request)
    given = arguments(bucket, tmp_path, index)
    given[given.index("--results") + 1] = seaweedfs.store_url(seaweedfs.bucket(), "results")
    if engine == "postgres":  # with what `onecopy scan` has listed
        given.remove("--list")
        scanned = running(tmp_path)(
            "scan", "--store", bucket.store, "--index", index, **seaweedfs.environment()
        )
        assert scanned.code == 0, scanned.err
    code, out, err = local.run(*given)
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["reads"]["read"] == SMALL + 1
    assert recorded(index) == bucket.by_one_machine()


def _index(engine: str, request: pytest.FixtureRequest) -> str:
    if engine == "postgres":
        url: str = request.getfixturevalue("database")
        return url
    return url_of(request.getfixturevalue("ministack"), new_table())
