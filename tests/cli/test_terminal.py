"""Text from elsewhere on a terminal: names, settings, and messages of servers."""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote_to_bytes

import pytest

from onecopy.cli.logs import SafeFormatter, show_defect
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line
from onecopy.text import printable
from tests.conftest import Run, backends
from tests.upload.conftest import noise, write

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\u202egpj\u2066\u200f\u061c\x7f\x00"
"""Clears the screen, sets a title, in 7 and 8 bits, returns, and turns text around."""
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class _Hostile(BaseHTTPRequestHandler):
    """Answers every request with an error whose message takes over a terminal."""

    def _answer(self) -> None:
        evil = f"{EVIL}\nonecopy: forged"
        problem = {"title": evil, "status": 400, "reason": f"bad{evil}", "detail": evil}
        xml = f"<Error><Code>Bad&#x202e;&#x9b;</Code><Message>{_xml(evil)}</Message></Error>"
        is_ours = self.path.startswith("/v1/")
        body = (json.dumps(problem) if is_ours else xml).encode()
        self.send_response(400)
        kind = "application/problem+json" if is_ours else "application/xml"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _xml(text: str) -> str:
    return "".join(f"&#{ord(each)};" for each in text if ord(each) >= 0x20 or each == "\n")


@pytest.fixture
def hostile() -> Iterator[str]:
    """Serve hostile errors on loopback; give the URL."""
    with HTTPServer(("127.0.0.1", 0), _Hostile) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _fail() -> None:
    raise ValueError(EVIL)


def _is_safe(text: str) -> bool:
    return _UNSAFE.search(text) is None and "\nonecopy: forged" not in text


@pytest.mark.parametrize("level", ["warning", "debug"])
def test_messages_of_a_service_are_safe(run: Run, tmp_path: Path, hostile: str, level: str) -> None:
    """A hostile service can neither control the terminal nor forge a line, nor in the log."""
    write(tmp_path / "a", noise(10))
    for command in ("check", "upload"):
        done = run(command, "--server", hostile, "--log-level", level, tmp_path / "a")
        assert done.code == 2
        assert "owned" in done.err
        assert _is_safe(done.err)


@pytest.mark.parametrize("level", ["warning", "debug"])
def test_messages_of_a_bucket_are_safe(run: Run, tmp_path: Path, hostile: str, level: str) -> None:
    """A hostile S3 service cannot either."""
    (tmp_path / "a").write_bytes(b"a")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    store = f"s3://bucket?endpoint={hostile}"
    for command in (["upload", "a"], ["doctor"], ["scan"]):
        done = run(*command, "--store", store, "--log-level", level, **keys)
        assert done.code in (1, 2)
        assert _is_safe(done.out + done.err)
        assert "bucket" in done.out + done.err


def test_names_settings_and_arguments_are_safe(run: Run, tmp_path: Path) -> None:
    """So are names of files and keys, values of settings, and what a shell's `*` expands to."""
    name = EVIL.replace("\x00", "") + "\nonecopy: forged"
    write(tmp_path / "d" / name, noise(10))
    write(tmp_path / "d" / "\u202egpj.exe", noise(10))
    text = json.dumps(f"nothing:{EVIL}")
    write(tmp_path / "evil.toml", f"index = {text}\n".encode())
    for arguments in (
        ("upload", *backends(tmp_path), "d"),
        ("check", *backends(tmp_path), "d"),
        ("check", "--config", "evil.toml", "d"),
        ("check", "--config", name, "d"),
        ("check", f"--{name}"),
        ("report", "--top", name),
        (name,),
        ("forget", *backends(tmp_path), name),
        ("token", "revoke", *backends(tmp_path), name),
    ):
        done = run(*arguments)
        shown = done.out + done.err
        assert _is_safe(shown)
        assert "owned" in shown


def test_a_line_of_json_is_printable_ascii() -> None:
    """JSON escapes what acts on a terminal, and stays the same text."""
    line = json_line({"path": EVIL + "\udcff"})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["path"] == printable(EVIL + "\udcff")
    assert unquote_to_bytes(json.loads(line)["path_bytes"]) == os.fsencode(EVIL + "\udcff")
    assert json.loads(json_line({"path": EVIL})) == {"path": EVIL}


def test_a_message_of_several_lines_is_indented(capsys: pytest.CaptureFixture[str]) -> None:
    """So no line of it looks like a message of ours; a result is always one line."""
    Display().note("it failed\nonecopy: all is well")
    Display().line("a\nb: new")
    shown = capsys.readouterr()
    assert shown.err == "onecopy: it failed\n  onecopy: all is well\n"
    assert shown.out == "a\\nb: new\n"


def test_a_traceback_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a defect nor the log shows what is in an exception as it is."""
    try:
        _fail()
    except ValueError:
        info = sys.exc_info()
    kind, error, traceback = info
    assert kind is not None
    assert error is not None
    show_defect(kind, error, traceback)
    record = logging.LogRecord("onecopy", logging.INFO, "", 0, EVIL, (), info)
    for text in (capsys.readouterr().err, SafeFormatter().format(record)):
        assert "Traceback" in text
        assert _is_safe(text)
