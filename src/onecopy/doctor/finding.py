"""What was found when something was examined: the lines of `onecopy doctor`."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How it is."""

    FINE = "fine"
    ADVICE = "advice"
    """It works, and could be better."""
    WRONG = "wrong"


class Finding(NamedTuple):
    """How one thing is, in plain words."""

    about: str
    """What was looked at: a code such as `cors`, which stays the same."""
    state: State
    message: str
    fix: str | None = None
    """What to do about it: a command, a policy or a setting to copy."""


def fine(about: str, message: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(about, State.FINE, message)


def advice(about: str, message: str, fix: str | None = None) -> Finding:
    """Return that something works, and could be better."""
    return Finding(about, State.ADVICE, message, fix)


def wrong(about: str, message: str, fix: str | None = None) -> Finding:
    """Return that something has to be mended."""
    return Finding(about, State.WRONG, message, fix)
