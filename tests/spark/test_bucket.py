"""The folder of results in a bucket."""

from collections.abc import Iterator

import pytest

from onecopy.errors import Unavailable
from onecopy.spark.folder import DiskFolder, ResultFolder, open_folder
from tests.standins import Standin


@pytest.fixture(params=["disk", "bucket"])
def folder(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ResultFolder]:
    """Yield an empty folder of each kind."""
    if request.param == "disk":
        yield DiskFolder(request.getfixturevalue("tmp_path") / "new" / "results")
        return
    server: Standin = request.getfixturevalue("seaweedfs")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    yield open_folder(server.store_url(server.bucket(), "some/results"))


@pytest.mark.server
def test_files(folder: ResultFolder) -> None:
    """Files are listed by subfolder, read as they were written, and replaced."""
    assert list(folder.names("results")) == []
    assert folder.get("results/1") is None
    for number in range(3):
        folder.put(f"results/{number}", b"%d" % number)
    folder.put("results/1", b"again")
    folder.put("plan", b"")
    assert sorted(folder.names("results")) == ["0", "1", "2"]
    assert folder.get("results/1") == b"again"
    assert folder.get("plan") == b""


@pytest.mark.server
def test_no_bucket(seaweedfs: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that does not exist is named before anything is read."""
    for name, value in seaweedfs.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        open_folder(seaweedfs.store_url("no-such-bucket")).get("plan.json")
