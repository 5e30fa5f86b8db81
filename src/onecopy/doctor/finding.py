"""Findings: the lines that `onecopy doctor` prints."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """The state of what was checked."""

    FINE = "fine"
    ADVICE = "advice"
    """It works, but could be better."""
    WRONG = "wrong"


class Finding(NamedTuple):
    """The result of one check."""

    about: str
    """What was checked: a stable code such as `cors`."""
    state: State
    message: str
    fix: str | None = None
    """How to fix it: a command, a policy or a setting to copy."""


def fine(about: str, message: str) -> Finding:
    """Return the finding that something is as it should be."""
    return Finding(about, State.FINE, message)


def advice(about: str, message: str, fix: str | None = None) -> Finding:
    """Return the finding that something works, but could be better."""
    return Finding(about, State.ADVICE, message, fix)


def wrong(about: str, message: str, fix: str | None = None) -> Finding:
    """Return the finding that something has to be fixed."""
    return Finding(about, State.WRONG, message, fix)
