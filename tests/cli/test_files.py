"""`onecopy check` and `onecopy upload` on the command line."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from onecopy import digest_cache
from onecopy.avoided import Counts, avoided
from onecopy.cli.files import Summary
from onecopy.cli.main import run as command_line
from onecopy.content import Listed, Verdict
from onecopy.digest import MD5, Digest
from onecopy.testing.index.complete import open_complete
from onecopy.upload import Outcome, Result
from tests.conftest import Ran, Run, Serve, backends, environment, running, used
from tests.standins import Standin
from tests.upload.conftest import noise, write


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Make a folder with three small files, two of them equal, and a large one."""
    folder = tmp_path / "photos"
    write(folder / "rome.jpg", noise(3000))
    write(folder / "copy.jpg", noise(3000))
    write(folder / "2019" / "oslo.jpg", noise(2000))
    write(folder / "film", noise(9_000_000))
    return folder


def lines(out: str) -> dict[str, Any]:
    """Return what `--json` printed, by the files' names."""
    return {Path(each["path"]).name: each for each in map(json.loads, out.splitlines())}


def test_upload_and_upload_again(run: Run, photos: Path, tmp_path: Path) -> None:
    """The first run uploads, the second finds all files; each prints a summary and exits with 0."""
    first = run("upload", *backends(tmp_path), photos)
    assert first.code == 0, first.err
    assert f"{photos}/film: uploaded as photos/film" in first.out.splitlines()
    assert first.err == (
        "onecopy: 3 uploaded, 1 already stored; 9.0 MB sent, 3.0 kB not sent; "
        "less than $0.01 a month saved\n"
    )
    second = run("upload", *backends(tmp_path), photos)
    assert second.code == 0
    assert "0 uploaded, 4 already stored; 0 bytes sent" in second.err
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert f"{photos}/film: already stored: photos/film, since {today}" in second.out.splitlines()
    assert (tmp_path / "files/photos/2019/oslo.jpg").read_bytes() == noise(2000)


def test_placing(run: Run, photos: Path, tmp_path: Path) -> None:
    """With --place, every file is stored under its own name; what is known is not sent."""
    run("upload", *backends(tmp_path), photos)
    more = ("upload", "--place", "--to", "more", *backends(tmp_path), photos)
    planned = run(*more, "--dry-run")
    assert planned.code == 1
    assert "0 to upload, 4 to place, 0 already stored; 0 bytes to send, 9.0 MB" in planned.err
    would = "would be placed as more/photos/film: already stored: photos/film"
    assert f"{photos}/film: {would}" in planned.out
    assert not (tmp_path / "files/more").exists()
    done = run(*more)
    assert done.code == 0, done.err
    text = f"{photos}/film: placed as more/photos/film, without being sent"
    assert text in done.out.splitlines()
    assert done.err == (
        "onecopy: 0 uploaded, 4 placed, 0 already stored; 0 bytes sent, 9.0 MB placed, "
        "0 bytes not sent; $0.00 a month saved\n"
    )
    for name in ("film", "rome.jpg", "copy.jpg", "2019/oslo.jpg"):
        placed = (tmp_path / "files/more/photos" / name).read_bytes()
        assert placed == (photos / name).read_bytes()
    again = run(*more, "--json")
    assert again.code == 0
    film = lines(again.out)["film"]
    assert (film["outcome"], film["reason"], film["sent"]) == ("skipped", "already-there", 0)
    third = run("upload", "--place", "--to", "third", "--json", *backends(tmp_path), photos)
    film = lines(third.out)["film"]
    assert (film["outcome"], film["verdict"], film["reason"]) == ("placed", "duplicate", "placed")
    assert (film["key"], film["copy"]["key"]) == ("third/photos/film", "third/photos/film")


def test_placed_copies_in_reports(run: Run, photos: Path, tmp_path: Path) -> None:
    """They are counted, also on the page, and never listed as what could be removed."""
    run("upload", *backends(tmp_path), photos)
    assert "placed" not in run("report", *backends(tmp_path)).out
    run("upload", "--place", "--to", "more", *backends(tmp_path), photos)
    page = tmp_path / "page.html"
    report = run("report", "--html", str(page), *backends(tmp_path))
    assert '"placed":{"objects":4,"bytes":9008000}' in page.read_text("utf-8")
    assert "4 copies placed on request, 9.0 MB: counted above" in report.out, report.out
    values = json.loads(run("report", "--json", *backends(tmp_path)).out)
    assert (values["placed"], values["placed_bytes"]) == (4, 9_008_000)
    removable = run("report", "--removable", *backends(tmp_path))
    assert removable.out == ""
    assert "4 objects not listed: placed there on request" in removable.err


def test_placing_and_sending_exclude_each_other(run: Run, photos: Path, tmp_path: Path) -> None:
    """--anyway sends what --place copies."""
    done = run("upload", "--place", "--anyway", *backends(tmp_path), photos)
    assert done.code == 2
    assert "choose --place or --anyway" in done.err


def test_placing_is_refused_with_the_reason(
    run: Run, server: Serve, photos: Path, tmp_path: Path, ministack: Standin
) -> None:
    """It names the store or the token, whichever is the reason."""
    keys, store = ministack.environment(), ministack.store_url(ministack.bucket())
    where = ("--index", f"sqlite:{tmp_path}/index.sqlite", "--store", store)
    done = run("upload", "--place", *where, photos, **keys)
    assert done.code == 2
    risk = "objects without the risk of overwriting others"
    details = "`onecopy doctor` shows the details"
    assert done.err == f"onecopy: this store can't copy {risk}: leave out --place; {details}\n"
    tokens = {
        scopes: run("token", "create", *scopes.split(), *where, **keys).out.strip()
        for scopes in ("--scope check", "--scope check --scope upload", "")
    }
    served = server(tmp_path, "--store", store, env=keys)
    reasons = [
        run("upload", "--place", "--server", served.url, photos, ONECOPY_TOKEN=token).err
        for token in tokens.values()
    ]
    assert [reason.removeprefix("onecopy: ").partition(", which")[0] for reason in reasons] == [
        "your token lacks the scope `upload` and the scope `read`",
        "your token lacks the scope `read`",
        f"the store of {served.url} can't copy {risk}: leave out --place\n",
    ]


def test_upload_counts_what_it_avoided(run: Run, photos: Path, tmp_path: Path) -> None:
    """Twins count, and files under other names; a check, a dry run and a repeated run do not."""
    for paths in ((photos,), (photos,)):
        assert run("upload", *backends(tmp_path), *paths).code == 0
    more = ("upload", "--to", "more/", *backends(tmp_path), photos)
    assert run(*more, "--dry-run").code == 1
    assert run("check", *backends(tmp_path), photos).code == 1
    with closing(open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        first = avoided(index, "default").total
        assert run(*more).code == 0
        assert first == Counts(3, 9_005_000, 1, 3000)
        assert avoided(index, "default").total == first + Counts(0, 0, 4, 9_008_000)


def test_a_service_keeps_what_it_counted(
    run: Run, photos: Path, server: Serve, tmp_path: Path
) -> None:
    """It is written at the latest when the service ends, and before that within seconds."""
    served = server(tmp_path)
    assert run("upload", "--server", served.url, photos).code == 0
    assert served.stop() == 0
    with closing(open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        assert avoided(index, "default").total == Counts(3, 9_005_000, 1, 3000)
        served = server(tmp_path)
        assert run("upload", "--server", served.url, "--to", "more/", photos).code == 0
        until = time.monotonic() + 20
        while avoided(index, "default").total.avoided_files < 5 and time.monotonic() < until:
            time.sleep(0.05)
        served.process.kill()
        assert avoided(index, "default").total == Counts(3, 9_005_000, 5, 9_011_000)


def test_a_file_beyond_the_quota_fails(run: Run, photos: Path, tmp_path: Path) -> None:
    """It is named with the numbers, the others are uploaded, and the exit code is 2."""
    settings = write(tmp_path / "quota.toml", b'stored_quota = "1 MB"\n')
    arguments = ("--config", settings, *backends(tmp_path), photos)
    done = run("upload", *arguments)
    assert done.code == 2
    [line] = [line for line in done.out.splitlines() if "film" in line]
    assert line.startswith(f"{photos}/film: failed: no room for 9,000,000 bytes: ")
    assert line.endswith("the quota is 1,000,000 bytes; ask the operator for more")
    assert "2 uploaded, 1 already stored" in done.err
    again = run("upload", "--json", *arguments)
    found = lines(again.out)["film"]
    assert (found["outcome"], found["reason"]) == ("failed", "quota-exceeded")
    assert (found["verdict"], again.code) == ("unconfirmed", 2)
    assert "film" in run("check", *arguments).out


def test_upload_prints_json(run: Run, photos: Path, tmp_path: Path) -> None:
    """One JSON object per file, with verdict, copy, outcome, key and bytes sent."""
    done = run("upload", "--json", "--to", "2026/", *backends(tmp_path), photos)
    assert done.code == 0, done.err
    printed = lines(done.out)
    film = printed["film"]
    assert film["copy"].pop("stored_at").endswith("Z")
    assert film["copy"].pop("recorded_at").endswith("Z")
    key = "2026/photos/film"
    assert film == {
        "path": str(photos / "film"),
        "size": 9_000_000,
        "verdict": "new",
        "copy": {"key": key, "url": (tmp_path / "files" / key).as_uri()},
        "reason": None,
        "outcome": "uploaded",
        "key": key,
        "sent": 9_000_000,
    }
    twins = {printed["copy.jpg"]["outcome"], printed["rome.jpg"]["outcome"]}
    assert twins == {"uploaded", "skipped"}


def test_listed(run: Run, photos: Path, tmp_path: Path) -> None:
    """A listed checksum is unconfirmed; if the list is trusted, it is a duplicate."""
    rome = photos / "rome.jpg"
    index = open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")
    md5 = Digest(MD5, hashlib.md5(rome.read_bytes(), usedforsecurity=False).digest())
    index.enlist([("default", Listed(md5))])
    index.close()
    for command in ("check", "upload"):
        done = run(command, *backends(tmp_path), rome)
        assert done.code == 1, done.err
        assert "unconfirmed: on your list of checksums" in done.out
    config = tmp_path / "trusting.toml"
    config.write_text('[tenants.default]\ntrust = ["md5", "claimed"]\n')
    for command in ("check", "upload"):
        done = run(command, "--config", config, *backends(tmp_path), rome)
        assert done.code == (1 if command == "check" else 0), done.err
        assert done.out == f"{rome}: already known: on your list of checksums\n"
        done = run(command, "--json", "--config", config, *backends(tmp_path), rome)
        [result] = map(json.loads, done.out.splitlines())
        assert (result["verdict"], result["copy"]) == ("duplicate", None)
        assert result["reason"] == "listed"
    stored = run("upload", "--anyway", "--config", config, *backends(tmp_path), rome)
    assert "uploaded as rome.jpg" in stored.out
    found = run("check", "--config", config, *backends(tmp_path), rome)
    assert "already stored: rome.jpg" in found.out


def test_check_shows_what_is_stored(run: Run, photos: Path, tmp_path: Path) -> None:
    """0: all new; 1: something is a duplicate; the JSON has the documented shape."""
    new = run("check", *used(run, tmp_path), photos / "film", photos / "rome.jpg")
    assert (new.code, new.out) == (0, f"{photos}/film: new\n{photos}/rome.jpg: new\n")
    run("upload", *backends(tmp_path), photos / "rome.jpg")
    found = run("check", "--json", *backends(tmp_path), photos)
    assert found.code == 1
    printed = lines(found.out)
    assert set(printed["rome.jpg"]) == {"path", "size", "verdict", "copy", "reason"}
    assert set(printed["rome.jpg"]["copy"]) == {"key", "url", "stored_at", "recorded_at"}
    assert {name: each["verdict"] for name, each in printed.items()} == {
        "copy.jpg": "duplicate",
        "film": "new",
        "oslo.jpg": "new",
        "rome.jpg": "duplicate",
    }


def test_a_dry_run_uploads_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    """--dry-run shows what an upload would do, including duplicates within the selection."""
    done = run("upload", "--dry-run", "--json", *used(run, tmp_path), photos)
    assert done.code == 1
    assert done.err == (
        "onecopy: 3 to upload, 1 already stored; 9.0 MB to send, 3.0 kB need no upload; "
        "less than $0.01 a month saved\n"
    )
    printed = lines(done.out)
    assert (printed["film"]["outcome"], printed["film"]["sent"]) == ("would-upload", 0)
    assert printed["rome.jpg"]["outcome"] == "skipped"
    assert (printed["rome.jpg"]["verdict"], printed["rome.jpg"]["reason"]) == (
        "duplicate",
        "selection",
    )
    assert printed["rome.jpg"]["same_as"] == str(photos / "copy.jpg")
    assert not (tmp_path / "files/photos").exists()


def test_a_dry_run_of_anyway_counts_duplicates(run: Run, photos: Path, tmp_path: Path) -> None:
    """With --anyway, stored files would be sent too; --dry-run shows the stored copy."""
    run("upload", *backends(tmp_path), photos / "rome.jpg")
    done = run("upload", "--dry-run", "--anyway", *backends(tmp_path), photos / "rome.jpg")
    assert "rome.jpg: would be uploaded, although already stored: rome.jpg, since " in done.out
    assert (done.code, "1 to upload, 0 already stored; 3.0 kB to send" in done.err) == (0, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("camera",), "'camera' is not NAME=VALUE, as camera=X100"),
        (("a=1", "a=2"), "the name 'a' is given twice"),
    ],
)
def test_metadata_has_a_name_and_a_value(
    run: Run, photos: Path, given: tuple[str, ...], said: str
) -> None:
    """Invalid metadata is refused before anything is sent, and the cause is named."""
    done = run("upload", *(f"--metadata={text}" for text in given), photos)
    assert done.code == 2
    assert said in done.err


def test_a_taken_name_is_skipped_or_replaced(run: Run, photos: Path, tmp_path: Path) -> None:
    """1 if a name is taken; 0 with --on-taken rename."""
    run("upload", *backends(tmp_path), photos)
    write(photos / "2019/oslo.jpg", noise(2001))
    done = run("upload", *backends(tmp_path), photos)
    assert done.code == 1
    taken = "not uploaded: another file or folder is stored as photos/2019/oslo.jpg"
    assert f"{photos}/2019/oslo.jpg: {taken}" in done.out
    renamed = run("upload", "--on-taken", "rename", *backends(tmp_path), photos)
    assert renamed.code == 0
    assert f"{photos}/2019/oslo.jpg: uploaded as photos/2019/oslo (2).jpg" in renamed.out


def test_anyway_uploads_duplicates(run: Run, photos: Path, tmp_path: Path) -> None:
    """--anyway stores a second copy."""
    run("upload", *backends(tmp_path), photos / "rome.jpg")
    done = run("upload", "--anyway", "--to", "again", *backends(tmp_path), photos / "rome.jpg")
    assert done.code == 0
    assert "uploaded as again/rome.jpg (extra-copy)" in done.out


@pytest.mark.parametrize("command", [("check",), ("upload",), ("upload", "--dry-run")])
def test_links_and_pipes_in_folders_are_left_out(
    run: Run, photos: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """They are named on standard error or in the JSON, counted, and are not an error."""
    (photos / "copy.jpg").unlink()
    (photos / "link").symlink_to("film")
    os.mkfifo(photos / "pipe")
    done = run(*command, "--json", *used(run, tmp_path), photos)
    assert done.code == 0
    found = lines(done.out)
    assert [found[name]["outcome"] for name in ("link", "pipe")] == ["left-out"] * 2
    assert [found[name]["reason"] for name in ("link", "pipe")] == ["symlink", "special"]
    assert ", 2 left out; " in done.err
    done = run(*command, *backends(tmp_path), photos)
    assert f"onecopy: {photos}/link: left out: symbolic links are not followed" in done.err
    assert f"onecopy: {photos}/pipe: left out: devices, pipes and sockets" in done.err
    assert "left out" not in done.out


@pytest.mark.parametrize("command", [("check",), ("upload",), ("upload", "--dry-run")])
def test_a_named_path_that_is_not_taken_fails(
    run: Run, photos: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Nobody may conclude from the exit code that a link, pipe or device is stored."""
    (photos / "link").symlink_to("film")
    (photos / ".onecopy").mkdir()
    os.mkfifo(photos / "pipe")
    (photos / "stdin").symlink_to("pipe")  # as /dev/stdin and /dev/fd/63 are
    reasons = {"link": "symlink", "pipe": "special", "stdin": "special", ".onecopy": "reserved"}
    paths = [photos / name for name in reasons]
    done = run(*command, "--json", *used(run, tmp_path), *paths, "/dev/null")
    assert done.code == 2
    found = lines(done.out)
    assert {name: found[name]["reason"] for name in found} == {**reasons, "null": "special"}
    assert {each["outcome"] for each in found.values()} == {"failed"}
    assert ", 5 failed; " in done.err
    for path in paths:
        done = run(*command, *backends(tmp_path), path)
        assert (done.code, f"{path}: failed: " in done.out) == (2, True)


def test_a_file_whose_size_the_system_does_not_know_fails(run: Run, tmp_path: Path) -> None:
    """An empty object would be stored for it, and success reported; an empty file is uploaded."""
    write(tmp_path / "empty", b"")
    done = run("upload", "--json", *backends(tmp_path), "/proc/self/status", tmp_path / "empty")
    assert done.code == 2
    found = lines(done.out)
    assert (found["status"]["outcome"], found["status"]["reason"]) == ("failed", "file-changed")
    assert "/proc/self/status has content, but" in found["status"]["message"]
    assert found["empty"]["outcome"] == "uploaded"
    assert not (tmp_path / "files" / "status").exists()


_OWN = ("files", "index.sqlite", "index.sqlite-shm", "index.sqlite-wal")


def own_names(out: str) -> set[str]:
    """Return the names that `--json` reports as onecopy's own."""
    return {name for name, each in lines(out).items() if each["reason"] == "own"}


@pytest.mark.parametrize("command", ["check", "upload"])
@pytest.mark.parametrize("path", [".", "../data", "../link/", "../link/.", "{absolute}"])
def test_own_files_are_left_out(tmp_path: Path, path: str, command: str) -> None:
    """The index, the store, the cache and files of migrations and scans do not travel into it."""
    data = tmp_path / "data"
    write(data / "onecopy-data" / "mine", noise(10))
    write(data / "onecopy-migrate-0123456789abcdef.csv", noise(20))
    write(data / "onecopy-migrate-0123456789abcdef.checkpoint", noise(30))
    write(data / "onecopy-scan-0123456789abcdef.csv", noise(35))
    write(data / "onecopy-migrate-mine.csv", noise(40))
    write(data / ".cache" / "onecopy" / "uploads" / "x.json", noise(50))
    (tmp_path / "link").symlink_to("data")
    run = running(data)
    write(data / "onecopy-data" / "files" / "object", noise(60))
    assert run("scan").code == 0  # creates the index, and the marker of the store
    (data / "linked").hardlink_to(data / "onecopy-data" / "index.sqlite")
    done = run(command, "--json", path.format(absolute=data))
    assert done.code == 0, done.err
    migration = "onecopy-migrate-0123456789abcdef"
    files = {f"{migration}.csv", f"{migration}.checkpoint", "onecopy-scan-0123456789abcdef.csv"}
    left = {*_OWN, "onecopy", "linked", *files}
    assert own_names(done.out) == left
    assert set(lines(done.out)) - left == {"mine", "onecopy-migrate-mine.csv"}
    assert (
        f"2 {'new' if command == 'check' else 'uploaded'}, 0 already stored, 9 left out" in done.err
    )


def test_named_own_files_fail(run: Run, photos: Path, tmp_path: Path) -> None:
    """An upload of the index, the store, a file in it, or a ticket fails; a check may read one."""
    ticket = tmp_path / ".cache" / "onecopy" / "uploads" / "x.json"
    write(ticket, noise(50))
    assert run("upload", *backends(tmp_path), photos / "rome.jpg").code == 0
    stored = tmp_path / "files" / "rome.jpg"
    index = tmp_path / "index.sqlite"
    for path in (index, tmp_path / "files", stored, ticket):
        done = run("upload", "--json", *backends(tmp_path), path)
        assert (done.code, own_names(done.out)) == (2, {path.name})
    done = run("check", "--json", *backends(tmp_path), stored)
    assert (done.code, lines(done.out)["rome.jpg"]["verdict"]) == (1, "duplicate")


def test_a_report_into_the_folder_is_left_out(run: Run, photos: Path, tmp_path: Path) -> None:
    """`onecopy check --json . > report.json` does not read its own output."""
    into = used(run, tmp_path)
    command = [sys.executable, "-m", "onecopy", "check", "--json", *into, str(photos)]
    with (photos / "report.json").open("wb") as report:
        done = subprocess.run(command, stdout=report, env=environment(tmp_path), check=False)
    assert done.returncode == 1
    assert own_names((photos / "report.json").read_text()) == {"report.json"}


def test_own_files_of_a_service_are_left_out(run: Run, server: Serve, tmp_path: Path) -> None:
    """With --server, the index that the settings name is left out, and the service's folder."""
    folder = tmp_path / "d"
    write(folder / "mine", noise(10))
    index = f"sqlite:{folder / 'index.sqlite'}"
    url = server(folder).url
    done = run("upload", "--json", "--server", url, folder, ONECOPY_INDEX=index)
    assert done.code == 0, done.err
    assert own_names(done.out) == set(_OWN)
    assert lines(done.out)["mine"]["outcome"] == "uploaded"


def test_the_token_is_left_out(server: Serve, tmp_path: Path) -> None:
    """Others who can read the store could use it."""
    run, folder = running(tmp_path), tmp_path / "d"
    write(folder / "mine", noise(10))
    write(folder / "token", b"secret\n")
    url = server(tmp_path).url
    done = run("upload", "--json", "--server", url, "--token-file", folder / "token", folder)
    assert (done.code, own_names(done.out)) == (0, {"token"}), done.err
    assert lines(done.out)["mine"]["outcome"] == "uploaded"


@pytest.mark.parametrize("command", ["check", "upload", "scan"])
def test_the_default_index_is_left_out_beside_another(tmp_path: Path, command: str) -> None:
    """The secrets of the first try do not travel into the store that is named next."""
    run = running(tmp_path)
    write(tmp_path / "mine", noise(10))
    assert run("upload", "mine").code == 0
    other = ("--json", "--index", "sqlite:other.db", "--store")
    if command == "scan":
        done = run("scan", *other, ".")
        assert "onecopy-data/index.sqlite" in json.loads(done.out)["left_out"], done.err
    else:
        assert run("upload", *other, "new", "mine").code == 0
        done = run(command, *other, "new", "onecopy-data")
        assert "index.sqlite" in own_names(done.out), done.err


def test_the_store_of_a_service_on_this_machine_is_left_out(server: Serve, tmp_path: Path) -> None:
    """`onecopy upload .` beside `onecopy serve` stores neither its store nor its index."""
    folder = tmp_path / "d"
    write(folder / "mine", noise(10))
    write(folder / "files" / "empty", b"")
    url, run = server(folder).url, running(folder)
    done = run("upload", "--json", "--server", url, ".")
    assert (done.code, lines(done.out)["mine"]["outcome"]) == (0, "uploaded"), done.err
    index = {f"index.sqlite{end}" for end in ("", "-wal", "-shm")}
    assert own_names(done.out) == {"files", *index}
    for name in ("files/empty", *index):
        assert run("upload", "--server", url, name).code == 2
    assert run("check", "--server", url, "files/d/mine").code == 1


def test_a_folder_at_the_path_of_a_store_elsewhere_is_uploaded(
    server: Serve, tmp_path: Path
) -> None:
    """A service in a container states a path that is another folder here."""
    write(tmp_path / "d" / "files" / "mine", noise(10))
    url, run = server(tmp_path / "d").url, running(tmp_path)
    (tmp_path / "d" / "files" / ".onecopy" / "store.json").unlink()
    done = run("check", "--server", url, "--json", "d/files")
    assert (done.code, own_names(done.out)) == (0, set())


def test_a_missing_path_fails(run: Run, photos: Path, tmp_path: Path) -> None:
    """2 if something failed; the other files are uploaded."""
    done = run("upload", *backends(tmp_path), photos / "none", photos / "film")
    assert done.code == 2
    assert f"{photos}/none: failed: no such file or folder" in done.out
    assert f"{photos}/film: uploaded as film" in done.out
    assert run("check", *backends(tmp_path), photos / "none").code == 2


def test_names_that_are_not_utf8_are_refused_by_name(run: Run, tmp_path: Path) -> None:
    """The name is shown escaped, and JSON keeps its bytes."""
    folder = tmp_path / "names"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    done = run("upload", *backends(tmp_path), folder)
    assert done.code == 2
    assert f"{folder}/caf\\xe9: failed:" in done.out
    (result,) = map(
        json.loads, run("upload", "--json", *backends(tmp_path), folder).out.splitlines()
    )
    assert result["reason"] == "key-invalid"
    assert result["path"] == f"{folder}/caf\\xe9"
    assert unquote_to_bytes(result["path_bytes"]) == os.fsencode(folder) + b"/caf\xe9"
    (folder / "cr\r").symlink_to("nowhere")
    lines = run("check", "--json", *used(run, tmp_path / "other"), folder).out.splitlines()
    assert {json.loads(line)["path"] for line in lines} == {result["path"], f"{folder}/cr\r"}


def test_misleading_names_are_reported(run: Run, tmp_path: Path) -> None:
    """A name in another normal form is kept byte for byte, and reported."""
    folder = tmp_path / "names"
    write(folder / "cafe\u0301", b"x")
    write(folder / "caf\u00e8", b"y")
    done = run("upload", *backends(tmp_path), folder)
    assert done.code == 0
    assert done.err.count("not in Unicode NFC") == 1
    assert (tmp_path / "files/names/cafe\u0301").read_bytes() == b"x"


def test_through_a_server(run: Run, photos: Path, server: Serve, tmp_path: Path) -> None:
    """--server and ONECOPY_SERVER use the service."""
    served = server(None, "--show-path")
    done = run("upload", "--server", served.url, photos)
    assert done.code == 0, done.err
    assert (tmp_path / "files/photos/film").read_bytes() == noise(9_000_000)
    found = run("check", "--json", photos, ONECOPY_SERVER=served.url)
    assert found.code == 1
    film = lines(found.out)["film"]
    assert film["copy"]["url"] == (tmp_path / "files/photos/film").as_uri()


def test_a_server_with_tokens(run: Run, photos: Path, server: Serve, tmp_path: Path) -> None:
    """The token comes from the environment or a file; without one there is an error."""
    made = run("token", "create", *backends(tmp_path))
    token_file = write(tmp_path / "token", made.out.encode())
    url = server().url
    assert run("check", "--server", url, photos, ONECOPY_TOKEN=made.out.strip()).code == 1
    assert run("check", "--server", url, "--token-file", token_file, photos).code == 1
    refused = run("check", "--server", url, photos)
    assert refused.code == 2
    assert refused.err == (
        "onecopy: the service needs a token: set ONECOPY_TOKEN, or give --token-file\n"
    )


def test_an_unreachable_server(run: Run, photos: Path) -> None:
    """One clear line that says what to do, and 2."""
    done = run("upload", "--server", "http://127.0.0.1:9", photos)
    assert done.code == 2
    assert done.err == (
        "onecopy: can't reach http://127.0.0.1:9: Connection refused; check its address, and that "
        "it is running\n"
    )


def test_progress_goes_to_standard_error(run: Run, photos: Path, tmp_path: Path) -> None:
    """--progress shows a bar; results are not affected."""
    quiet = run("upload", "--json", *backends(tmp_path / "a"), photos)
    loud = run("upload", "--json", "--progress", *backends(tmp_path / "b"), photos)
    assert "B/s" not in quiet.err
    assert "B/s" in loud.err
    assert len(lines(loud.out)) == 4


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_interrupted_without_a_traceback(
    photos: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    """130, one line, nothing unfinished in the store; the next run uploads the rest."""
    for number in range(3000):
        write(photos / f"n{number}", noise(100 + number))
    write(photos / "film2", noise(60_000_000))
    patient = (  # on a busy machine, what was begun is aborted, too
        "from onecopy.cli.main import main; from onecopy.upload import pipeline; "
        "pipeline._ABORT_TIMEOUT = pipeline._REPORT_TIMEOUT = 60; main()"
    )
    command = [sys.executable, "-c", patient, "upload", *backends(tmp_path), str(photos)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(sent)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.strip() == "onecopy: interrupted; run the same command again to resume"
    assert len(out.splitlines()) < 3000
    again = subprocess.run(
        command, capture_output=True, env=environment(tmp_path), cwd=tmp_path, check=False
    )
    assert again.returncode == 0, again.stderr
    stored = sum(path.is_file() for path in (tmp_path / "files/photos").rglob("*"))
    assert stored == 3002  # of 3005 files: three hold what another one holds
    assert not list((tmp_path / "files/.onecopy/uploads").iterdir())


def test_a_closed_pipe_is_not_an_error(run: Run, photos: Path, tmp_path: Path) -> None:
    """`onecopy check … | head -1` ends quietly."""
    into = used(run, tmp_path)
    for number in range(5000):
        write(photos / f"n{number}", b"x")
    process = subprocess.Popen(
        [sys.executable, "-m", "onecopy", "check", *into, str(photos)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize(
    ("result", "field"),
    [
        (Result("p", 10, Verdict.NEW, outcome=Outcome.UPLOADED, sent=10), "new"),
        (Result("p", 10, Verdict.DUPLICATE, outcome=Outcome.SKIPPED), "stored"),
        (Result("p", 10, Verdict.UNCONFIRMED, outcome=Outcome.SKIPPED), "unconfirmed"),
        (Result("p", 10, Verdict.NEW, outcome=Outcome.KEY_TAKEN), "taken"),
        (Result("p", 10, Verdict.UNCONFIRMED, outcome=Outcome.FAILED), "failed"),
    ],
)
def test_each_result_counts_once(result: Result, field: str) -> None:
    """The summary adds up."""
    summary = Summary()
    summary.add(result)
    counts = {
        name: getattr(summary, name) for name in ("new", "stored", "unconfirmed", "taken", "failed")
    }
    assert counts == {**dict.fromkeys(counts, 0), field: 1}
    assert (summary.sent, summary.not_sent) == (
        result.sent,
        10 if field == "stored" else 0,
    )


def test_savings_depend_on_the_price() -> None:
    """A terabyte not sent saves 23 dollars a month at the usual price."""
    summary = Summary(stored=1, not_sent=10**12)
    assert "1.0 TB not sent; $23.00 a month saved" in summary.text(0.023, "uploaded")


def test_only_copy_in_trash(run: Run, tmp_path: Path) -> None:
    """The check says that the content is only in the trash, and the upload stores the file."""
    write(tmp_path / "d" / "#recycle" / "old.jpg", noise(3000))
    new = write(tmp_path / "new.jpg", noise(3000))
    assert run("upload", *backends(tmp_path), tmp_path / "d").code == 0
    checked = run("check", *backends(tmp_path), new)
    assert checked.code == 0
    said = "stored only in a trash or snapshot folder: d/#recycle/old.jpg, since 20"
    assert f"{new}: new: {said}" in checked.out
    [found] = lines(run("check", "--json", *backends(tmp_path), new).out).values()
    assert (found["verdict"], found["reason"]) == ("new", "in-trash")
    assert found["copy"]["key"] == "d/#recycle/old.jpg"
    planned = run("upload", "--dry-run", *backends(tmp_path), new)
    assert f"{new}: would be uploaded: {said}" in planned.out
    [plan] = lines(run("upload", "--dry-run", "--json", *backends(tmp_path), new).out).values()
    assert (plan["outcome"], plan["key"]) == ("would-upload", "new.jpg")
    assert f"{new}: uploaded as new.jpg\n" in run("upload", *backends(tmp_path), new).out
    [found] = lines(run("check", "--json", *backends(tmp_path), new).out).values()
    assert (found["verdict"], found["copy"]["key"]) == ("duplicate", "new.jpg")


def test_trash_setting(run: Run, tmp_path: Path) -> None:
    """The setting applies to what is already recorded; with a service, the service's applies."""
    kept = write(tmp_path / "old" / "a.jpg", noise(3000))
    assert run("upload", *backends(tmp_path), kept.parent).code == 0
    assert run("check", *backends(tmp_path), kept).code == 1
    (tmp_path / "onecopy.toml").write_text('trash = ["/old/"]\n')
    assert "trash or snapshot" in run("check", *backends(tmp_path), kept).out
    (tmp_path / "onecopy.toml").write_text('trash = ["old"]\n')
    assert run("check", *backends(tmp_path), kept, ONECOPY_TRASH="!*").code == 1


def test_exclude_and_include(run: Run, photos: Path, tmp_path: Path) -> None:
    """What patterns leave out is counted, named, and has a line of JSON."""
    (tmp_path / "onecopy.toml").write_text('exclude = ["2019/"]\n')
    options = ["--exclude", "copy.*", "--include", "*.jpg", *used(run, tmp_path), photos]
    checked = run("check", *options)
    assert checked.code == 0
    assert "1 new, 0 already stored, 3 left out" in checked.err
    assert f"{photos}/2019: left out: it matches a pattern of `exclude`" in checked.err
    assert f"{photos}/film: left out: it matches no pattern of `include`" in checked.err
    done = run("upload", "--json", *options)
    assert done.code == 0
    found = lines(done.out)
    assert found["rome.jpg"]["outcome"] == "uploaded"
    for name in ("2019", "copy.jpg", "film"):
        assert (found[name]["outcome"], found[name]["reason"]) == ("left-out", "excluded")
    named = run("upload", "--exclude", "*.jpg", *backends(tmp_path), photos / "rome.jpg")
    assert named.code == 2
    assert "failed: it matches a pattern of `exclude`" in named.out


@pytest.mark.parametrize("command", ["check", "upload"])
def test_bad_pattern(run: Run, photos: Path, command: str) -> None:
    """A pattern that matches nothing is a mistake of the command line."""
    done = run(command, "--exclude", "#recycle", photos)
    assert done.code == 2
    assert "'--exclude': the pattern '#recycle' matches nothing: write \\#recycle" in done.err


def test_digests_are_remembered(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Unless the user wants no cache, or clears it; verdicts do not depend on it."""
    monkeypatch.setattr(digest_cache, "_RACY_NS", -(10**18))  # files that were just written, too
    monkeypatch.setattr(digest_cache, "is_in_memory", lambda _device: False)  # wherever /tmp is
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    where = backends(tmp_path)

    def run(*arguments: str | Path) -> Ran:
        code = command_line(list(map(str, arguments)))
        return Ran(code, *capsys.readouterr())

    assert run("upload", photos, "--no-cache", *where).code == 0
    first = run("check", photos, "--no-cache", "--json", *where)
    assert "removed 0 bytes of digests" in run("cache", "clear").err
    for _ in range(2):
        checked = run("check", photos, "--json", *where)
        assert (checked.code, lines(checked.out)) == (1, lines(first.out))
    again = run("upload", photos, "--to", "2", *where)
    assert (again.code, "0 uploaded, 4 already stored" in again.err) == (0, True)
    assert "kB of digests" in run("cache", "clear").err
    assert run("check", photos, *where).code == 1
