"""Uploading through a service, over a connection that breaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from onecopy.client import Client
from onecopy.files import walk
from onecopy.retry import RetryPolicy
from onecopy.upload import Options, Outcome, Unfinished, check, upload
from tests.conftest import Serve, Served
from tests.middleman import Fault, Middleman, standing_between
from tests.upload.conftest import noise, write

CALLS = ("config", "probe", "check", "uploads", "uploads/parts", "uploads/complete", "avoided")


@pytest.fixture
def service(server: Serve) -> Served:
    """Start a service."""
    return server()


@pytest.fixture
def middleman(service: Served) -> Iterator[Middleman]:
    """Put a proxy before the service."""
    with standing_between(service.url) as proxy:
        yield proxy


@pytest.fixture
def client(middleman: Middleman) -> Iterator[Client]:
    """Make a client that reaches the service through the proxy only."""
    made = Client(middleman.url, policy=RetryPolicy(attempts=4, first_delay=0.01, max_delay=0.05))
    yield made
    made.close()


def fill(folder: Path) -> dict[str, bytes]:
    """Write small, large, empty and equal files; return their bytes by key."""
    contents = {f"photos/{number}": noise(500 + number) for number in range(60)}
    contents |= {"photos/large": noise(20_000_000), "photos/empty": b""}
    for key, data in {**contents, "photos/z-twin": noise(500)}.items():
        write(folder / key, data)
    return contents


@pytest.mark.parametrize("fault", ["busy", "lose-answer", "cut-request"])
def test_a_connection_that_breaks_at_every_call_loses_nothing(
    client: Client, middleman: Middleman, service: Served, tmp_path: Path, fault: Fault
) -> None:
    """Every call fails twice; each file is stored exactly once in the end, and counted once."""
    contents = fill(tmp_path)
    for call in CALLS:
        middleman.break_next(f"/v1/{call}", fault, times=2)
    results = list(upload(walk([tmp_path / "photos"]), client))
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    assert failed == []
    assert sum(result.outcome is Outcome.UPLOADED for result in results) == 62
    # Two threads hash, so either of the equal files may be the first.
    twins = ("photos/0", "photos/z-twin")
    [first] = [key for key in twins if (service.folder / "files" / key).exists()]
    contents[first] = contents.pop("photos/0")
    for key, data in contents.items():
        assert (service.folder / "files" / key).read_bytes() == data
    files = [path for path in (service.folder / "files/photos").iterdir() if path.is_file()]
    assert len(files) == 62
    assert not list((service.folder / "files/.onecopy/uploads").iterdir())
    # The empty one is not counted.
    counted = urllib3.request("GET", f"{service.url}/v1/activity").json()["total"]
    assert (counted["uploaded_files"], counted["avoided_files"]) == (
        61,
        1,
    )  # the empty one is never counted
    verdicts = {str(result.verdict) for result in check(walk([tmp_path / "photos"]), client)}
    assert verdicts == {"duplicate", "new"}  # the empty one is never compared


def test_resuming_through_a_service(
    client: Client, middleman: Middleman, service: Served, tmp_path: Path
) -> None:
    """A large upload that a lost connection ended is resumed with a ticket from the cache."""
    path = write(tmp_path / "film", noise(50_000_000))
    options = Options(unfinished=Unfinished(tmp_path / "cache", middleman.url))
    middleman.break_next("/v1/uploads/parts/5", "cut-request", times=4)
    (first,) = upload(walk([path]), client, options)
    assert (first.outcome, first.reason) == (Outcome.FAILED, "unavailable")
    middleman.seen.clear()
    (second,) = upload(walk([path]), client, options)
    assert second.outcome is Outcome.UPLOADED
    assert 0 < second.sent < 50_000_000
    assert "/v1/uploads/status" in middleman.paths()
    assert (service.folder / "files/film").read_bytes() == noise(50_000_000)


def test_requests_are_few(client: Client, middleman: Middleman, tmp_path: Path) -> None:
    """Two thousand files that are already stored take few requests."""
    for number in range(2_000):
        write(tmp_path / "photos" / f"{number}", b"%d" % number)
    list(upload(walk([tmp_path / "photos"]), client))
    middleman.seen.clear()
    results = list(upload(walk([tmp_path / "photos"]), client))
    assert {result.outcome for result in results} == {Outcome.SKIPPED}
    assert len(middleman.seen) < 40


def test_trash_of_the_service(server: Serve, tmp_path: Path) -> None:
    """The patterns of the service decide, also about the files of the selection."""
    config = tmp_path / "served.toml"
    config.write_text('trash = ["/photos/a/"]\n')
    client = Client(server(None, "--config", str(config)).url)
    for name in ("a/1", "b/2", "c/3"):
        write(tmp_path / "photos" / name, noise(500))
    first, second, third = check(walk([tmp_path / "photos"]), client)
    assert (first.verdict, second.verdict) == ("new", "new")
    assert third.same_as == second.path
    for result in upload(walk([tmp_path / "photos" / "a" / "1"], to="photos/a"), client):
        assert result.outcome is Outcome.UPLOADED
    _, second, _ = check(walk([tmp_path / "photos"]), client)
    assert (second.reason, second.copy and second.copy.key) == ("in-trash", "photos/a/1")
    client.close()
