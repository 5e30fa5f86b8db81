"""Names in text and in JSON."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import unquote_to_bytes

import pytest

from onecopy.cli.files import Summary
from onecopy.cli.progress import Display
from onecopy.cli.show import bytes_text, json_line, name_text, result_text, result_values
from onecopy.content import Verdict
from onecopy.text import printable
from onecopy.upload import Outcome, Result

_VECTORS = Path(__file__).parents[1] / "vectors" / "names.json"
NAMES = [(each["name"], each["shown"]) for each in json.loads(_VECTORS.read_text())["names"]]
LATIN_1 = os.fsdecode(b"caf\xe9 %.txt")


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_names_as_people_read_them(name: str, shown: str) -> None:
    """The vectors of the page hold here, too."""
    assert name_text(name) == shown
    assert shown.startswith(printable(name))


@pytest.mark.parametrize("name", [name for name, _ in NAMES if "half" not in name])
def test_json_has_the_exact_name(name: str) -> None:
    """Either as it is, or beside the readable form as its bytes; the line is printable ASCII."""
    line = json_line({"path": name, "size": 1})
    assert line.isascii()
    assert line.isprintable()
    values = json.loads(line)
    json.dumps(values, ensure_ascii=False).encode()  # no surrogate is left
    encoded = values.get("path_bytes")
    exact = os.fsencode(values["path"]) if encoded is None else unquote_to_bytes(encoded)
    assert exact == os.fsencode(name)


def test_json_has_bytes_only_where_names_are_not_utf_8() -> None:
    """Also in what is nested, and in lists."""
    values = {
        "path": LATIN_1,
        "same_as": "a\nb",
        "copy": {"key": LATIN_1, "url": None},
        "left_out": ["b", LATIN_1],
        "top": [{"keys": [LATIN_1], "size": 2}, {"keys": ["c"], "size": 1}],
    }
    encoded, shown = "caf%E9%20%25.txt", r"caf\xe9 %.txt"
    assert json.loads(json_line(values)) == {
        "path": shown,
        "path_bytes": encoded,
        "same_as": "a\nb",
        "copy": {"key": shown, "key_bytes": encoded, "url": None},
        "left_out": ["b", shown],
        "left_out_bytes": [None, encoded],
        "top": [
            {"keys": [shown], "keys_bytes": [encoded], "size": 2},
            {"keys": ["c"], "size": 1},
        ],
    }


def test_a_copy_too_large_to_confirm_is_read_by_the_named_scan() -> None:
    """`scan` alone reads no object that is recorded, so it would change nothing."""
    result = Result("a", 3, Verdict.UNCONFIRMED, reason="read-limit")
    assert "run `onecopy scan --read missing`" in result_text(result)


def test_a_file_that_waited_in_vain() -> None:
    """Text and JSON say that somebody else was uploading the same content."""
    result = Result(
        "a", 3, Verdict.UNCONFIRMED, reason="uploading", key="a", outcome=Outcome.SKIPPED
    )
    text = "the same content is being uploaded by somebody else; try again later"
    assert result_text(result) == f"a: unconfirmed: {text}"
    assert result_values(result)["reason"] == "uploading"


def test_files_that_wait_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress names their number; without a bar, standard error does, once."""
    shown: list[str] = []
    bar = SimpleNamespace(set_postfix_str=lambda text, **_: shown.append(text))
    with_bar, without = Display(cast("Any", bar)), Display()
    for files in (2, 1):
        with_bar.waiting(files)
        without.waiting(files)
    assert shown == [
        "waiting for other uploads of 2 files",
        "waiting for other uploads of 1 file",
    ]
    said = "onecopy: waiting up to a minute for other uploads of the same content: 2 files\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("outcome", [None, Outcome.WOULD_UPLOAD])
def test_a_new_file_that_is_not_certain(outcome: Outcome | None) -> None:
    """Text, JSON and summary say how many stored files were not examined, for a dry run, too."""
    result = Result("a", 3, Verdict.NEW, key="a", outcome=outcome, unexamined=1936)
    said = "would be uploaded" if outcome else "new"
    assert result_text(result) == f"a: {said} (1,936 stored files of this size not examined)"
    assert result_values(result)["unexamined"] == 1936
    sent = result._replace(outcome=Outcome.UPLOADED)
    assert result_text(sent) == "a: uploaded as a (1,936 stored files of this size not examined)"
    summary = Summary()
    summary.add(result)
    summary.add(Result("b", 3, Verdict.NEW, key="b", outcome=outcome))
    advice, counts = summary.lines(0.023, "new", "s3")
    assert counts.startswith("2 new (1 of them not certain), 0 already stored")
    assert advice.startswith("1 new file is not certain: ")
    assert "`onecopy scan --describe`" in advice
    [advice, _] = summary.lines(0.023, "new", "folder")
    assert "run `onecopy scan --read missing`" in advice
    assert "--describe" not in advice


def test_a_new_file_that_is_certain() -> None:
    """Files that were not examined are not mentioned if there are none."""
    result = Result("a", 3, Verdict.NEW)
    assert result_text(result) == "a: new"
    assert "unexamined" not in result_values(result)
    summary = Summary()
    summary.add(result)
    [counts] = summary.lines(0.023, "new", "s3")
    assert "certain" not in counts


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (8_100_000, "8.1 MB"),
        (2 * 10**15, "2.0 PB"),
        (10**18, "1000.0 PB"),
    ],
)
def test_a_number_of_bytes(size: int, text: str) -> None:
    """One byte is no plural, and 1000 of a unit is one of the next."""
    assert bytes_text(size) == text
