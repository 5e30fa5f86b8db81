"""Findings: the lines that `onecopy doctor` prints."""

from enum import StrEnum
from typing import NamedTuple

from onecopy.errors import Failure, OnecopyError
from onecopy.network import REACH


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


def failed(about: str, error: Failure, fix: str | None = None) -> Finding:
    """Return the finding for an error, with the fix that the error knows, or else `fix`."""
    return wrong(about, without_fix(error), error.fix or fix)


def without_fix(error: OnecopyError) -> str:
    """Return the message of an error, without what it says about fixing it."""
    known = error.fix if isinstance(error, Failure) else None
    return str(error).removesuffix(f"; {known}").removesuffix(f"; {REACH}")
