"""The other commands: serve, scan, report, forget, token, index, completion."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import pytest

from onecopy.cli import main, serve
from onecopy.cli import token as tokens
from onecopy.content import Digests
from onecopy.digest import MD5, Digest
from onecopy.errors import Forbidden
from onecopy.index import open_index
from onecopy.index.listings import Listings
from onecopy.listing import ListedCopy, Span
from onecopy.store import Upload, open_store
from onecopy.store.memory import MemoryStore
from onecopy.testing.index.complete import open_complete
from onecopy.tokens.token import new_token
from tests.conftest import Run, Serve, backends, environment, running
from tests.upload.conftest import noise, write


def test_scan_report_and_forget(run: Run, tmp_path: Path) -> None:
    """The files of a folder are scanned, reported and forgotten, and never changed."""
    for name in ("a", "b", "c/d"):
        write(tmp_path / "files" / name, noise(5000))
    write(tmp_path / "files" / "e", noise(400))
    scanned = run("scan", *backends(tmp_path))
    assert scanned.code == 0, scanned.err
    assert scanned.out == (
        "4 objects, 15.4 kB: 4 new, 0 changed, 0 gone, 0 unchanged (27.3 kB read)\n"
    )  # the first 4 KiB of three, and then all of them
    everything = json.loads(run("scan", "--json", "--read", *backends(tmp_path)).out)
    assert everything["read_bytes"] == 15_400
    report = run("report", *backends(tmp_path))
    assert report.out.splitlines()[:3] == [
        "4 objects, 15.4 kB, less than $0.01 a month",
        "2 distinct contents, 1 of them stored more than once",
        "2 duplicates, 10.0 kB, less than $0.01 a month",
    ]
    assert report.out.splitlines()[3] == "  10.0 kB wasted: 3 objects of 5.0 kB: a, b, c/d"
    forgotten = run("forget", *backends(tmp_path), "e", "none")
    assert forgotten.code == 1
    assert forgotten.out == "e: removed from the index\nnone: not recorded\n"
    assert "no object was deleted" in forgotten.err
    assert (tmp_path / "files/e").exists()
    again = json.loads(run("scan", "--json", *backends(tmp_path)).out)
    assert (again["known"], again["added"], again["read_bytes"]) == (3, 1, 0)
    assert (again["new"], again["unchanged"]) == (1, 3)


def test_options_of_a_folder_scan(run: Run, tmp_path: Path) -> None:
    """A folder is listed, so a scan can be restarted; no figure is one of a bucket."""
    for name in ("a", "b"):
        write(tmp_path / "files" / name, noise(5000))
    for option in (["--connections", "2"], ["--versions"], ["--read", "--restart"]):
        refused = run("scan", *option, *backends(tmp_path))
        assert (refused.code, "--restart for a bucket or folder" in refused.err) == (2, True)
    done = run("scan", "--restart", "--json", "--progress", *backends(tmp_path))
    assert "18.2 kB of 18.2 kB read, 0:00:00 left" in done.err
    figures = json.loads(done.out)
    assert (figures["new"], figures["read_bytes"], figures["marked"]) == (2, 18_192, True)
    assert figures.keys().isdisjoint({"requests", "looks", "cost_usd", "versions"})


def test_report_for_programs(run: Run, tmp_path: Path) -> None:
    """One JSON object, with the price of the settings."""
    for name in ("a", "b"):
        write(tmp_path / "files" / name, noise(5000))
    run("scan", *backends(tmp_path))
    write(tmp_path / "onecopy.toml", b"price = 1000\n")
    told = json.loads(run("report", "--json", "--top", "1", *backends(tmp_path)).out)
    assert (told["objects"], told["contents"], told["wasted_bytes"]) == (2, 1, 5000)
    assert told["wasted_per_month"] == 0.005
    assert told["top"][0]["keys"] == ["a", "b"]


def test_the_report_says_how_to_identify_the_unknown(run: Run, tmp_path: Path) -> None:
    """A scan does not read objects that are recorded by a weak digest; the named command does."""
    write(tmp_path / "files" / "a", noise(5000))
    assert run("scan", "--read", *backends(tmp_path)).code == 0
    with closing(open_index(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        [(tenant, copy)] = index.copies()
        index.forget(tenant, [copy])
        digests = Digests.proved(Digest(MD5, hashlib.md5(noise(5000)).digest()))
        index.add([(tenant, copy._replace(digests=digests))])
    remark = "to be certain, run `onecopy scan --read missing`, which reads 5.0 kB"
    assert remark in run("report", *backends(tmp_path)).out.splitlines()
    run("scan", *backends(tmp_path))
    assert remark in run("report", *backends(tmp_path)).out.splitlines()
    run("scan", "--read", "missing", *backends(tmp_path))
    assert "certain" not in run("report", *backends(tmp_path)).out


def test_the_report_has_likely_groups_apart(run: Run, tmp_path: Path) -> None:
    """Objects that are only listed count, and their figures are not called proved."""
    write(tmp_path / "files" / "a", noise(5000))
    assert run("scan", "--read", *backends(tmp_path)).code == 0
    tag = hashlib.md5(noise(7000)).digest()
    listed = [ListedCopy(key, 7000, tag, 0, False, 1) for key in ("b", "c", "d")]
    listed.append(ListedCopy("e", 9, tag, 0, True, 1))
    with closing(open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        assert isinstance(index, Listings)
        index.merge("default", Span("a"), listed)
    text = run("report", *backends(tmp_path)).out.splitlines()
    text = text[: text.index("by folder:")]
    known = "3 objects known only by an ETag or a similar checksum, which proves no content"
    assert text == [
        "5 objects, 26.0 kB, less than $0.01 a month",
        "1 proved content, 0 of them stored more than once",
        "0 proved duplicates, 0 bytes, $0.00 a month",
        f"{known}: 2 likely duplicates, 14.0 kB, less than $0.01 a month",
        "  14.0 kB likely wasted: 3 objects of 7.0 kB: b, c, d",
        "1 file not read, 9 bytes: no other is known to have the same content",
        "to be certain, run `onecopy scan --read missing`, which reads 21.0 kB",
    ]
    values = json.loads(run("report", "--json", *backends(tmp_path)).out)
    assert (values["stored"], values["objects"], values["weak"], values["unread"]) == (5, 1, 3, 1)
    assert (values["duplicates"], values["likely_duplicates"]) == (0, 2)
    assert (values["likely_groups"], values["likely_wasted_bytes"]) == (1, 14_000)
    assert (values["bytes_to_read"], values["requests_cost_usd"]) == (21_000, None)
    [group] = values["likely_top"]
    assert (group["evidence"], group["keys"]) == (f"etag:{tag.hex()}", ["b", "c", "d"])
    [] = json.loads(run("report", "--json", "--top", "0", *backends(tmp_path)).out)["likely_top"]


def test_scan_follows_the_tenants_of_the_settings(run: Run, tmp_path: Path) -> None:
    """With tenants in the settings, the first folder of a key is the tenant."""
    write(tmp_path / "files/ada/a", noise(10))
    write(tmp_path / "files/stray", noise(10))
    write(tmp_path / "onecopy.toml", b"[tenants.ada]\n")
    done = run("scan", *backends(tmp_path))
    assert done.code == 1
    assert "onecopy: stray: no-tenant" in done.err
    found = run("check", "--tenant", "ada", *backends(tmp_path), tmp_path / "files/ada/a")
    assert found.out.endswith("already stored: a, since " + found.out[-11:])


def test_an_index_of_another_store_is_refused(run: Run, tmp_path: Path) -> None:
    """An index is used only with the store that it belongs to."""
    run("scan", *backends(tmp_path))
    (tmp_path / "other").mkdir()
    done = run("scan", "--index", f"sqlite:{tmp_path}/index.sqlite", "--store", tmp_path / "other")
    assert done.code == 2
    assert done.err.startswith("onecopy: ")
    assert "Traceback" not in done.err


def test_tokens_are_created_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    """The secret is printed once, and nowhere else."""
    run("scan", *backends(tmp_path))
    made = run(
        *("token", "create", "--json", "--label", "import", "--scope", "check"),
        *("--expires-in", "90d", *backends(tmp_path)),
    )
    assert made.code == 0, made.err
    token = json.loads(made.out)
    assert (token["scopes"], token["label"], token["tenant"]) == (["check"], "import", "default")
    listed = run("token", "list", *backends(tmp_path))
    assert token["id"] in listed.out
    assert token["token"] not in listed.out
    assert run("token", "revoke", token["id"], *backends(tmp_path)).code == 0
    assert run("token", "revoke", token["id"], *backends(tmp_path)).code == 1
    listed = run("token", "list", "--json", *backends(tmp_path))
    assert (listed.out, "there are no tokens" in listed.err) == ("", True)


def test_labels_are_shown_safely() -> None:
    """Clients of the API choose them, so they can't act on the operator's terminal."""
    created, _ = new_token(label="\x1b[31mred\nk3t9x2m4", prefix="a", max_bytes=7, creator="\x07")
    text = tokens._text(msgspec.structs.replace(created, used_ms=86_400_000))
    assert text.isprintable()
    for shown in ("last used 1970-01-02", "below a/", "0 of 7 bytes", "created by"):
        assert shown in text


@pytest.mark.parametrize("text", ["90", "0d", "d", "9w", "-1d"])
def test_a_duration_must_have_a_unit(run: Run, tmp_path: Path, text: str) -> None:
    """An invalid duration is refused, and shown in the error."""
    done = run("token", "create", f"--expires-in={text}", *backends(tmp_path))
    assert done.code == 2
    assert text in done.err


def test_the_index_is_backed_up_and_checked(run: Run, tmp_path: Path) -> None:
    """A backup is an index, and never overwrites; a damaged one is found."""
    write(tmp_path / "files/a", noise(10))
    run("scan", *backends(tmp_path))
    assert run("index", "backup", tmp_path / "copy.sqlite", *backends(tmp_path)).code == 0
    refused = run("index", "backup", tmp_path / "copy.sqlite", *backends(tmp_path))
    assert (refused.code, "exists already" in refused.err) == (2, True)
    sound = run("index", "check", "--index", f"sqlite:{tmp_path}/copy.sqlite")
    assert (sound.code, sound.err) == (0, "onecopy: the index, with 1 listed copy, has no faults\n")
    with (tmp_path / "copy.sqlite").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096)
    assert run("index", "check", "--index", f"sqlite:{tmp_path}/copy.sqlite").code == 2


@pytest.mark.parametrize(
    "command",
    [
        ["check", "photo", "--no-progress"],
        ["upload", "photo", "--json"],
        ["report"],
        ["scan"],
        ["scan", "--json"],
        ["forget", "a"],
        ["index", "backup", "copy.sqlite"],
        ["migrate", "sqlite:index.sqlite", "sqlite:other.sqlite"],
    ],
    ids=" ".join,
)
def test_a_damaged_index_is_an_error_of_every_command(
    run: Run, tmp_path: Path, command: list[str]
) -> None:
    """Exit code 2 and advice, never the exit code 1 of an answer, and never a traceback."""
    write(tmp_path / "files/a", noise(10))
    write(tmp_path / "photo", noise(10))
    run("scan", "--read", *backends(tmp_path))
    with closing(apsw.Connection(str(tmp_path / "index.sqlite"))) as connection:
        connection.execute("UPDATE copy SET digests = x'01'")
    settings = [] if command[0] == "migrate" else backends(tmp_path)
    done = run(*command, *settings)
    assert done.code == 2
    assert (done.out + done.err).count("the index is damaged: stop all processes") == 1
    assert "Traceback" not in done.err
    assert not (tmp_path / "copy.sqlite").exists()


def test_an_unforeseen_error_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is printed with its traceback, and exits with 2, since 1 is an answer of some commands."""

    def fail() -> int:
        raise AssertionError("unforeseen")

    monkeypatch.setattr(main, "run", fail)
    with pytest.raises(SystemExit, match="2"):
        main.main()
    assert "unforeseen" in capsys.readouterr().err


def test_serve_prints_its_address_and_ends_gracefully(server: Serve) -> None:
    """The address is printed when it accepts connections, and SIGTERM ends it with 0."""
    served = server()
    with urllib.request.urlopen(served.url + "/healthz", timeout=10) as answer:
        assert answer.status == 200
    assert served.stop() == 0


def test_serve_aborts_stale_uploads(server: Serve, tmp_path: Path) -> None:
    """Uploads that received nothing for longer than tickets are valid are aborted."""
    served = server()
    store = open_store(str(served.folder / "files"))
    for number in "01":
        store.begin([Upload(number * 32, number, 5)])
    staging = served.folder / "files" / ".onecopy" / "uploads"
    for path in staging.glob("0*"):
        os.utime(path, (0, 0))
    served.stop()
    server().stop()
    assert {path.name[0] for path in staging.iterdir()} == {"1"}


def test_serve_writes_an_access_log(server: Serve) -> None:
    """With --access-log every request is logged as a line of JSON, with its route."""
    served = server(None, "--access-log")
    with urllib.request.urlopen(served.url + "/healthz", timeout=10) as answer:
        assert answer.status == 200
    served.process.send_signal(signal.SIGTERM)
    assert served.process.stderr is not None
    line = json.loads(served.process.stderr.read())
    assert (line["method"], line["route"], line["status"]) == ("GET", "/healthz", 200)


def test_serve_ends_on_ctrl_c(server: Serve) -> None:
    """SIGINT ends it with 0, too."""
    served = server()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(20) == 0


def test_serve_needs_tokens_beyond_this_machine(run: Run, tmp_path: Path) -> None:
    """Without tokens it listens on loopback addresses only."""
    done = run("serve", "--host", "0.0.0.0", "--port", "0", *backends(tmp_path))
    assert done.code == 2
    assert "onecopy token create" in done.err


def test_a_lost_index_does_not_open_the_service(run: Run, server: Serve, tmp_path: Path) -> None:
    """A store that was served with tokens is not served without them from a new index."""
    run("token", "create", *backends(tmp_path))
    served = server()
    mark = tmp_path / "files/.onecopy/tokens.json"
    assert mark.exists()
    served.stop()
    for each in tmp_path.glob("index.sqlite*"):
        each.unlink()
    refused = run("serve", "--port", "0", *backends(tmp_path))
    assert refused.code == 2
    assert "was served with tokens" in refused.err
    assert ".onecopy/tokens.json" in refused.err
    assert "onecopy token create" in refused.err
    mark.unlink()
    assert server().stop() == 0


def test_revoking_all_tokens_still_opens_to_this_machine(
    run: Run, server: Serve, tmp_path: Path
) -> None:
    """An index that knows that its tokens were revoked is not a lost one."""
    run("token", "create", *backends(tmp_path))
    assert server().stop() == 0
    listed = json.loads(run("token", "list", "--json", *backends(tmp_path)).out)
    run("token", "revoke", listed["id"], *backends(tmp_path))
    assert server().stop() == 0


def test_a_token_closes_a_running_service(run: Run, server: Serve, tmp_path: Path) -> None:
    """As the help of `onecopy token create` says: within a second, and again after a restart."""
    served = server()
    with urllib.request.urlopen(served.url + "/v1/config", timeout=10) as answer:
        assert answer.status == 200
    secret = run("token", "create", *backends(tmp_path)).out.strip()
    time.sleep(1)
    for again in (False, True):
        url = (server() if again else served).url + "/v1/config"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url, timeout=10)
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        served.stop()


def test_a_store_that_cannot_be_marked_is_served_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The warning says why, and what would happen without the index."""

    def refuse(_name: str) -> None:
        raise Forbidden("the bucket is read-only")

    store = MemoryStore()
    monkeypatch.setattr(store, "mark", refuse)
    serve._remember_tokens(store)
    assert "is read-only); if the index is lost" in capsys.readouterr().err


def test_a_port_in_use_is_reported(run: Run, tmp_path: Path) -> None:
    """One clear line, and 2."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = run("serve", "--port", str(port), *backends(tmp_path))
    assert done.code == 2
    said = f"onecopy: can't listen on 127.0.0.1 port {port}: Address already in use; choose another"
    assert done.err == f"{said} with --host or --port\n"


def test_serve_offers_the_checksum_api(run: Run, server: Serve, tmp_path: Path) -> None:
    """--checksum-api enables POST / for one origin."""
    write(tmp_path / "files/a", b"hello")
    served = server(None, "--checksum-api", "https://upload.example.org")
    run("scan", *backends(tmp_path))
    request = urllib.request.Request(
        served.url + "/",
        json.dumps({"content": "5d41402abc4b2a76b9719d911017c592"}).encode(),
        {"Content-Type": "application/json", "Origin": "https://upload.example.org"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer) == {"exists": 1}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(run: Run, shell: str) -> None:
    """The script names the command; if the shell is installed, it can parse the script."""
    done = run("completion", shell)
    assert done.code == 0
    assert "_ONECOPY_COMPLETE" in done.out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.out, text=True, check=True)


def test_completion_completes(run: Run) -> None:
    """The script's request is answered with matching commands."""
    env = {"_ONECOPY_COMPLETE": "bash_complete", "COMP_WORDS": "onecopy che", "COMP_CWORD": "1"}
    assert run(**env).out.strip() == "plain,check"


def test_an_unknown_key_in_the_file_is_one_line(run: Run, tmp_path: Path) -> None:
    """A mistake in the settings is reported without a traceback."""
    write(tmp_path / "onecopy.toml", b"stroe = 'x'\n")
    done = run("check", "x")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "unknown stroe" in done.err


def test_debug_shows_the_traceback(run: Run, tmp_path: Path) -> None:
    """--log-level debug logs the traceback of an error."""
    done = run("report", "--log-level", "debug", "--index", "nonsense:", "--store", tmp_path)
    assert done.code == 2
    assert "Traceback" in done.err
    assert "onecopy: unknown index 'nonsense:'" in done.err


def test_the_version_is_printed(run: Run) -> None:
    """`onecopy --version` prints the version of the package."""
    from onecopy.version import __version__

    assert run("--version").out.strip() == f"onecopy, version {__version__}"


def test_starting_imports_no_more_than_is_needed(tmp_path: Path) -> None:
    """A local check imports neither the server's packages nor the client's."""
    write(tmp_path / "a", b"x")
    code = (
        "import sys; from onecopy.cli.main import run; run(sys.argv[1:]); "
        "print(sorted({'starlette','uvicorn','urllib3','tqdm','prometheus_client','asyncio','anycrc'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check", *backends(tmp_path), str(tmp_path / "a")],
        capture_output=True,
        text=True,
        check=True,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("store", [".", "{absolute}", "../link"])
@pytest.mark.parametrize("index", [None, "sqlite:other"])
def test_scan_leaves_out_its_own_files(tmp_path: Path, store: str, index: str | None) -> None:
    """The index and the cache in a store are not among its objects; they are named and counted."""
    archive = tmp_path / "archive"
    write(archive / "mine", noise(10))
    write(archive / ".cache" / "onecopy" / "x.json", noise(20))
    (tmp_path / "link").symlink_to("archive")
    run = running(archive)
    options = ["--store", store.format(absolute=archive), *(["--index", index] if index else [])]
    file = "other" if index else "onecopy-data/index.sqlite"
    left = sorted([".cache/onecopy/", file, f"{file}-shm", f"{file}-wal"])
    done = run("scan", *options)
    assert done.code == 0
    assert done.out.startswith("1 object")
    assert done.out.endswith(", 4 left out\n")
    assert all(f"onecopy: left out {key}: " in done.err for key in left)
    figures = json.loads(run("scan", "--json", *options).out)
    assert (figures["objects"], figures["known"], sorted(figures["left_out"])) == (1, 1, left)


def test_scan_and_patterns(tmp_path: Path) -> None:
    """Objects that patterns leave out are named and counted, in text and JSON."""
    for name in ("a.jpg", "b.tmp", "old/c.jpg"):
        write(tmp_path / "files" / name, noise(10))
    run = running(tmp_path)
    options = ["--store", "files", "--exclude", "*.tmp", "--exclude", "/old/"]
    done = run("scan", *options)
    assert done.code == 0
    assert done.out.startswith("1 object")
    assert done.out.endswith(", 2 left out\n")
    assert "left out b.tmp: the patterns of `exclude` or `include` leave it out" in done.err
    figures = json.loads(run("scan", "--json", *options).out)
    assert (figures["objects"], figures["left_out"]) == (1, [])
    assert figures["skipped"] == {"excluded": {"count": 2, "examples": ["b.tmp", "old/c.jpg"]}}


def test_report_and_trash(tmp_path: Path) -> None:
    """Copies in the trash are counted apart, in text and JSON."""
    for name in ("a.jpg", "#recycle/a.jpg"):
        write(tmp_path / "files" / name, noise(10))
    run = running(tmp_path)
    assert run("scan", "--store", "files").code == 0
    text = run("report", "--store", "files").out
    assert "1 object, 10 bytes" in text
    assert "1 more object in trash and snapshots, not counted above" in text
    figures = json.loads(run("report", "--json", "--store", "files").out)
    assert (figures["in_trash"], figures["duplicates"]) == (1, 0)


WITHOUT_PRIVILEGES = [
    "setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"
]  # fmt: skip
"""Runs a command to which permissions apply, also if the tests run as root."""


def test_one_closed_folder_does_not_end_a_scan(tmp_path: Path) -> None:
    """A user who may not read one folder has the rest recorded; it is named, also by doctor."""
    files = tmp_path / "files"
    write(files / "one", b"one")
    write(files / "closed" / "two", b"two")
    run = running(tmp_path, *(WITHOUT_PRIVILEGES if os.geteuid() == 0 else ()))
    assert run("scan", *backends(tmp_path)).code == 0
    write(files / "three", b"three")
    (files / "closed").chmod(0)
    try:
        done = run("scan", *backends(tmp_path))
        as_json = run("scan", "--json", *backends(tmp_path))
        examined = run("doctor", *backends(tmp_path))
        files.chmod(0)
        refused = run("scan", *backends(tmp_path))
    finally:
        files.chmod(0o755)
        (files / "closed").chmod(0o755)
    assert (refused.code, refused.out) == (2, "")
    assert f"the store's file system reports for {files}: Permission denied" in refused.err
    assert done.code == as_json.code == 1
    assert done.out == (
        "2 objects, 8 bytes: 1 new, 0 changed, 0 gone, 1 unchanged, 1 problem (1 store-forbidden)\n"
    )
    assert "onecopy: closed/: store-forbidden: access was denied" in done.err
    figures = json.loads(as_json.out)
    assert (figures["known"], figures["problems"]) == (2, 1)
    assert figures["reasons"] == {"store-forbidden": {"count": 1, "examples": ["closed/"]}}
    assert examined.code == 1
    assert (
        "wrong   contents: 1 folder or file cannot be scanned (store-forbidden): closed/\n"
        in examined.out
    )
    assert run("scan", *backends(tmp_path)).out == (
        "3 objects, 11 bytes: 0 new, 0 changed, 0 gone, 3 unchanged\n"
    )


def test_what_is_no_object_is_counted_and_named(run: Run, tmp_path: Path) -> None:
    """Links and pipes are no problem; a name that is not UTF-8 is one."""
    files = tmp_path / "files"
    write(files / "new\nline", b"one")
    (files / "link").symlink_to("new\nline")
    os.mkfifo(files / "pipe")
    done = run("scan", *backends(tmp_path))
    assert done.code == 0
    assert done.out.endswith(", 0 unchanged, 2 left out\n")
    assert "onecopy: left out link: symbolic links are not followed\n" in done.err
    assert "onecopy: left out pipe: devices, pipes and sockets are not objects\n" in done.err
    write(files / "bad\udcff", b"bad")
    done = run("scan", *backends(tmp_path))
    assert done.code == 1
    assert done.out.endswith(", 2 left out, 1 problem (1 key-invalid)\n")
    assert "onecopy: bad\\xff: key-invalid: its key is not UTF-8" in done.err
    figures = json.loads(run("scan", "--json", *backends(tmp_path)).out)
    assert figures["skipped"] == {
        "symlink": {"count": 1, "examples": ["link"]},
        "special": {"count": 1, "examples": ["pipe"]},
    }
    assert figures["reasons"] == {
        "key-invalid": {"count": 1, "examples": ["bad\\xff"], "examples_bytes": ["bad%FF"]}
    }
    write(tmp_path / "same", b"one")
    found = json.loads(run("check", "--json", "same", *backends(tmp_path)).out)
    assert (found["verdict"], found["copy"]["key"]) == ("duplicate", "new\nline")
    assert found["copy"]["url"].endswith("/new%0Aline")
    assert "already stored: new\\nline, since" in run("check", "same", *backends(tmp_path)).out
