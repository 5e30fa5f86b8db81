"""The question that is asked before a deployment is removed."""

import click
import pytest

from onecopy.cli.deploy import _ask_to_remove
from onecopy.errors import InvalidSettings


class _Input:
    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(("index", "words"), [(False, "and the index stay"), (True, "and index")])
def test_it_asks_on_a_terminal(monkeypatch: pytest.MonkeyPatch, *, index: bool, words: str) -> None:
    """The question says what goes and what stays; "no" is an error, so that scripts stop."""
    questions: list[str] = []
    answers = iter([True, False])

    def confirm(text: str, *, err: bool) -> bool:
        assert err  # the result is on standard output
        questions.append(text)
        return next(answers)

    monkeypatch.setattr("sys.stdin", _Input(is_terminal=True))
    monkeypatch.setattr(click, "confirm", confirm)
    _ask_to_remove("photos", index=index)
    with pytest.raises(InvalidSettings, match="nothing was removed"):
        _ask_to_remove("photos", index=index)
    assert all("Remove photos" in question and words in question for question in questions)


def test_without_a_terminal_it_needs_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could answer."""
    monkeypatch.setattr("sys.stdin", _Input(is_terminal=False))
    with pytest.raises(InvalidSettings, match="needs --yes"):
        _ask_to_remove("photos", index=False)
