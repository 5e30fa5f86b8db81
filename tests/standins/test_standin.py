"""What tests may do with a stand-in."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError

from tests.standins import SERVERS, child, ministack, moto, seaweedfs
from tests.standins.facts.asking import Place, said
from tests.standins.facts.uploads import upload
from tests.standins.ports import reserved
from tests.standins.postgres import postgres

pytestmark = pytest.mark.server


def test_several_run_at_a_time() -> None:
    """Servers of one kind that are started together don't hinder each other."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        standins = list(pool.map(lambda _: stack.enter_context(seaweedfs()), range(3)))
        made = [standin.bucket() for standin in standins]
        for own, standin in zip(made, standins, strict=True):
            found = {bucket["Name"] for bucket in standin.client().list_buckets()["Buckets"]}
            assert found.intersection(made) == {own}


@pytest.mark.parametrize(
    ("name", "end"),
    [("seaweedfs", "kill"), ("seaweedfs", "stop"), ("rclone", "kill"), ("ministack", "stop")],
)
def test_it_comes_back_with_its_data(name: str, end: str) -> None:
    """A server that was ended answers nothing; restarted, it is where it was, with what it had."""
    with SERVERS[name]() as standin:
        bucket = standin.bucket()
        client = standin.client()
        client.put_object(Bucket=bucket, Key="a", Body=b"kept")
        getattr(standin, end)()
        with pytest.raises(EndpointConnectionError):
            client.head_object(Bucket=bucket, Key="a")
        standin.restart()
        assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"kept"


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_postgres_comes_back_with_its_data(end: str) -> None:
    """What was committed is there when it runs again; and nothing of it when it is done with."""
    with postgres() as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
            getattr(server, end)()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        server.restart()
        with server.connect() as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    assert not server.child.folder.exists()


def test_a_database_is_empty_and_goes() -> None:
    """Each test has a database of its own, that goes although others still use it."""
    with postgres() as server, ExitStack() as stack:
        with server.database() as url:
            connection = stack.enter_context(closing(psycopg.connect(url)))
            connection.execute("CREATE TABLE a (b integer)")
        with server.connect() as admin:
            left = admin.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")
            assert left.fetchall() == [("postgres",)]


def test_seaweedfs_goes_on_with_an_upload() -> None:
    """Killed in mid-upload it has the parts that it had, and completes them."""
    with seaweedfs() as standin:
        begun = upload(Place(standin, standin.bucket()))
        standin.kill()
        standin.restart()
        assert len(begun.listed()["Parts"]) == 2
        assert said(begun.complete) == "done"


def test_ministack_forgets_an_upload() -> None:
    """Even when it is stopped it saves none that isn't complete."""
    with ministack() as standin:
        begun = upload(Place(standin, standin.bucket()))
        standin.restart()
        assert said(begun.listed) == "404 NoSuchUpload"


def test_its_folder_goes_with_it(tmp_path: Path) -> None:
    """Nothing is left behind by a server."""
    with seaweedfs(tmp_path) as standin:
        standin.bucket()
        assert list(tmp_path.iterdir()) == [standin.child.folder]
    assert list(tmp_path.iterdir()) == []


def test_a_store_url_says_where_it_is() -> None:
    """A store's URL has bucket, prefix, endpoint and region, and no secret."""
    with moto() as standin:
        port = standin.endpoint.rpartition(":")[2]
        where = f"?endpoint=http%3A%2F%2F127.0.0.1%3A{port}&region=us-east-1"
        assert standin.store_url("bucket") == f"s3://bucket{where}"
        assert standin.store_url("bucket", "a/b") == f"s3://bucket/a/b{where}"


def test_a_reserved_port_is_given_once() -> None:
    """What is reserved stays so, though nobody listens."""
    with reserved(20) as some, reserved(20) as others:
        assert len({*some, *others}) == 40


def test_a_missing_server_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the package a run fails, and says how to get it."""
    monkeypatch.setattr(child, "PROGRAMS", tmp_path)
    for server in (seaweedfs, postgres):
        with pytest.raises(FileNotFoundError, match=r"make \.make/standins/installed"), server():
            pass


def test_a_server_that_ends_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a server doesn't come up its own words are shown."""
    (tmp_path / "moto_server").write_text("#!/bin/sh\necho no room\nexit 1\n")
    (tmp_path / "moto_server").chmod(0o755)
    monkeypatch.setattr(child, "PROGRAMS", tmp_path)
    with pytest.raises(RuntimeError, match="no room"), moto():
        pass
