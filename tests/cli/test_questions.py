"""A question creates nothing, and says what is missing."""

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import Run, Serve, backends, used
from tests.standins import Standin
from tests.upload.conftest import noise, write

QUESTIONS = (
    ("check", "photo"),
    ("check", "--json", "photo"),
    ("upload", "--dry-run", "photo"),
    ("report",),
    ("report", "--json"),
    ("scan",),
    ("forget", "photo"),
    ("token", "list"),
    ("token", "list", "--json"),
    ("token", "revoke", "k3t9x2m4"),
    ("index", "check"),
    ("index", "backup", "copy.sqlite"),
    ("doctor", "--abort-stale"),
)
"""Commands that ask, or change only what exists; each with its arguments."""
WITHOUT_STORE = frozenset({"token", "index"})


def tree(folder: Path) -> set[str]:
    """Return the paths of all files and folders in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("command", QUESTIONS, ids=" ".join)
def test_nothing_is_created_in_an_empty_place(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """2 and one line that names what is missing, if the user named it; no file, no folder."""
    write(tmp_path / "photo", noise(10))
    done = run(*command, *backends(tmp_path))
    assert (done.code, done.out) == (2, "")
    missing = "files" if command == ("scan",) else "index.sqlite"
    assert done.err.startswith("onecopy: there is no")
    assert f"{tmp_path}/{missing}: check " in done.err
    assert tree(tmp_path) == {"photo"}


@pytest.mark.parametrize("command", QUESTIONS, ids=" ".join)
def test_nothing_is_created_by_default(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Nor at the default places; there a check and a dry run answer that everything is new."""
    write(tmp_path / "photo", noise(10))
    done = run(*command)
    friendly = command[0] in ("check", "upload")
    assert done.code == (0 if friendly else 2)
    if friendly:
        assert "onecopy: nothing is stored yet: " in done.err
        assert "new" in done.out or "would be uploaded" in done.out
    assert tree(tmp_path) == {"photo"}


def test_a_default_index_that_is_gone_is_missed(run: Run, tmp_path: Path) -> None:
    """With a store but without its index, nothing is claimed to be new."""
    write(tmp_path / "photo", noise(10))
    assert run("upload", "photo").code == 0
    (tmp_path / "onecopy-data/index.sqlite").unlink()
    done = run("check", "photo")
    assert (done.code, done.out) == (2, "")
    assert "there is no index onecopy-data/index.sqlite" in done.err
    assert not (tmp_path / "onecopy-data/index.sqlite").exists()


def test_a_store_that_is_gone_is_missed(run: Run, tmp_path: Path) -> None:
    """An index whose store is not there answers nothing, and makes no new store."""
    write(tmp_path / "photo", noise(10))
    into = used(run, tmp_path)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    for command in (("check", "photo"), ("report",), ("scan",), ("upload", "--dry-run", "photo")):
        done = run(*command, *into)
        assert (done.code, done.out) == (2, "")
        assert f"{tmp_path}/files" in done.err
    assert not (tmp_path / "files").exists()


def test_an_index_without_a_store_answers(run: Run, tmp_path: Path) -> None:
    """An index that only has tokens or lists can be checked against; that binds it to no store."""
    write(tmp_path / "photo", noise(10))
    assert run("token", "create").code == 0
    before = tree(tmp_path)
    done = run("check", "photo")
    assert (done.code, done.out) == (0, "photo: new\n")
    assert run("token", "list").code == 0
    assert run("report").code == 2
    assert tree(tmp_path) == before


def test_a_first_scan_makes_a_store_of_a_folder_with_files(run: Run, tmp_path: Path) -> None:
    """An empty folder may be an unmounted disk; one with files becomes a store."""
    (tmp_path / "files").mkdir()
    refused = run("scan", *backends(tmp_path))
    assert (refused.code, refused.out) == (2, "")
    assert "is mounted" in refused.err
    assert tree(tmp_path) == {"files"}
    write(tmp_path / "files" / "a", noise(10))
    assert run("scan", *backends(tmp_path)).code == 0
    (tmp_path / "files" / "a").unlink()
    assert run("scan", *backends(tmp_path)).out.startswith("0 objects")


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
@pytest.mark.parametrize("command", ["check", "upload", "scan", "report"])
def test_after_its_store_is_removed_an_index_is_of_no_use(
    run: Run, tmp_path: Path, command: str, left: str
) -> None:
    """Every command says so: an upload would not create the store again."""
    write(tmp_path / "photo", noise(10))
    paths = ["photo"] if command in {"check", "upload"} else []
    assert run("upload", *backends(tmp_path), "photo").code == 0
    shutil.rmtree(tmp_path / "files")
    if left != "nothing":
        (tmp_path / "files").mkdir()
    done = run(command, *backends(tmp_path), *paths)
    assert done.code == 2
    assert "a new index" in done.err
    new = f"sqlite:{tmp_path / 'new.sqlite'}"
    assert run("upload", "--index", new, "--store", tmp_path / "files", "photo").code == 0


def test_doctor_creates_nothing_in_a_folder(run: Run, tmp_path: Path) -> None:
    """It says what is missing: 0 at the default places, 1 if the user named them."""
    assert run("doctor").code == 0
    named = run("doctor", "--json", *backends(tmp_path))
    assert named.code == 1
    assert [json.loads(line)["state"] for line in named.out.splitlines()] == ["wrong", "wrong"]
    assert tree(tmp_path) == set()
    write(tmp_path / "files" / "a", noise(10))
    assert "is not a store yet" in run("doctor", *backends(tmp_path)).out
    assert tree(tmp_path) == {"files", "files/a"}


def test_cleaning_a_benchmark_creates_no_index(run: Run, tmp_path: Path) -> None:
    """`bench --clean` of an index that does not exist says so."""
    done = run("bench", "--clean", "sqlite:none.sqlite")
    assert (done.code, "there is no index none.sqlite" in done.err) == (2, True)
    assert tree(tmp_path) == set()


def test_migrate_plan_creates_nothing(run: Run, tmp_path: Path) -> None:
    """A plan creates neither the destination nor a missing source."""
    write(tmp_path / "list.csv", b"md5\n" + b"0" * 32 + b"\n")
    assert run("migrate", "--plan", "list.csv", "sqlite:new.sqlite").code == 0
    assert run("migrate", "--plan", "sqlite:none.sqlite", "sqlite:new.sqlite").code == 2
    assert tree(tmp_path) == {"list.csv"}


def test_reading_over_http_creates_nothing(server: Serve, tmp_path: Path, run: Run) -> None:
    """GET requests and checks leave index and store as they were when the service started."""
    service = server()
    write(tmp_path / "photo", noise(10))
    before = tree(tmp_path / "files")

    for path in ("v1/config", "v1/openapi.json", "metrics", "", "v1/copies/a/link", "none"):
        try:
            with urllib.request.urlopen(f"{service.url}/{path}") as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()
    for command in ("check", "doctor"):
        paths = ["photo"] if command == "check" else []
        assert run(command, "--server", service.url, *paths).code == 0
    assert tree(tmp_path / "files") == before
    assert "onecopy-data" not in tree(tmp_path)


@pytest.mark.server
@pytest.mark.parametrize("name", ["seaweedfs", "ministack"])
def test_nothing_is_created_in_a_bucket(
    request: pytest.FixtureRequest, run: Run, tmp_path: Path, name: str
) -> None:
    """A prefix without an object stays without one; a scan of it says so."""
    s3: Standin = request.getfixturevalue(name)
    bucket, env = s3.bucket(), s3.environment()
    into = ("--store", s3.store_url(bucket, "photo/2026"))
    write(tmp_path / "photo", noise(10))
    s3.client().put_object(Bucket=bucket, Key="photo/other", Body=b"other")
    for command in (("check", "photo"), ("upload", "--dry-run", "photo"), ("report",), ("scan",)):
        done = run(*command, *into, **env)
        assert (done.code, done.out) == (2, "")
    assert f"there is nothing at s3://{bucket}/photo/2026" in done.err
    assert tree(tmp_path) == {"photo"}
    listed = s3.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert [each["Key"] for each in listed] == ["photo/other"]
    s3.client().put_object(Bucket=bucket, Key="photo/2026/a", Body=b"a")
    assert run("scan", *into, **env).code == 0
    assert run("report", *into, **env).code == 0


@pytest.mark.parametrize("name", ["line\nbreak", "esc\x1b[2J", "del\x7f", "bad\udcff"])
def test_a_check_answers_whatever_the_name(run: Run, tmp_path: Path, name: str) -> None:
    """A file whose name could not be a key is checked by its content, and the name is reported."""
    into = used(run, tmp_path)
    write(tmp_path / name, (tmp_path / "files/stored").read_bytes())
    write(tmp_path / "d" / name / "new", noise(10))
    done = run("check", "--json", *into, tmp_path / name, tmp_path / "d")
    assert done.code == 1
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [each["verdict"] for each in found] == ["duplicate", "new"]
    assert found[0]["copy"]["key"] == "stored"
    assert done.err.count("can't be uploaded under its name: invalid key") == 2
    sent = run("upload", "--json", *into, tmp_path / name)
    assert (sent.code, json.loads(sent.out)["reason"]) == (2, "key-invalid")


def test_a_file_without_content_is_no_index(run: Run, tmp_path: Path) -> None:
    """A question does not fill a file of 0 bytes, which may be what is left of an index."""
    (tmp_path / "photo").write_bytes(b"photo")
    (tmp_path / "i.db").touch()
    done = run("check", "photo", "--index", "sqlite:i.db", "--store", "st")
    assert done.code == 2
    assert "the file has 0 bytes" in done.err
    assert (tmp_path / "i.db").stat().st_size == 0
    assert run("upload", "photo", "--index", "sqlite:i.db", "--store", "st").code == 0
