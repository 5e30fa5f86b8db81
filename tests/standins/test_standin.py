"""Operations of tests on the servers."""

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
    """Several servers of one kind can run at the same time."""
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
    """A stopped server does not answer; restarted, it has the same address and data."""
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
    """Committed data survives a restart, and is deleted at the end."""
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
    """Each test has its own database, which is dropped even if it is in use."""
    with postgres() as server, ExitStack() as stack:
        with server.database() as url:
            connection = stack.enter_context(closing(psycopg.connect(url)))
            connection.execute("CREATE TABLE a (b integer)")
        with server.connect() as admin:
            left = admin.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")
            assert left.fetchall() == [("postgres",)]


def test_seaweedfs_goes_on_with_an_upload() -> None:
    """A server killed during an upload keeps the parts, and can complete them."""
    with seaweedfs() as standin:
        begun = upload(Place(standin, standin.bucket()))
        standin.kill()
        standin.restart()
        assert len(begun.listed()["Parts"]) == 2
        assert said(begun.complete) == "done"


def test_ministack_forgets_an_upload() -> None:
    """An incomplete upload is lost even if the server is stopped gracefully."""
    with ministack() as standin:
        begun = upload(Place(standin, standin.bucket()))
        standin.restart()
        assert said(begun.listed) == "404 NoSuchUpload"


def test_its_folder_goes_with_it(tmp_path: Path) -> None:
    """A server leaves nothing behind."""
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
    """A reserved port stays reserved while no server listens."""
    with reserved(20) as some, reserved(20) as others:
        assert len({*some, *others}) == 40


def test_a_missing_server_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the package, starting a server fails with how to install it."""
    monkeypatch.setattr(child, "PROGRAMS", tmp_path)
    for server in (seaweedfs, postgres):
        with pytest.raises(FileNotFoundError, match=r"make \.make/standins/installed"), server():
            pass


def test_a_server_that_ends_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If a server does not start, its output is shown."""
    (tmp_path / "moto_server").write_text("#!/bin/sh\necho no room\nexit 1\n")
    (tmp_path / "moto_server").chmod(0o755)
    monkeypatch.setattr(child, "PROGRAMS", tmp_path)
    with pytest.raises(RuntimeError, match="no room"), moto():
        pass
