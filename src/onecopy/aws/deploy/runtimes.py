"""Lambda's Python runtimes, and until when AWS creates and updates functions with them.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, as of November 2026.
A test compares the table with that of cfn-lint.
"""

from datetime import UTC, date, datetime
from typing import NamedTuple

from onecopy.errors import InvalidSettings


class Runtime(NamedTuple):
    """The last days of a runtime."""

    creatable_until: date
    updatable_until: date


RUNTIMES = {
    "3.11": Runtime(date(2027, 7, 31), date(2027, 8, 31)),
    "3.12": Runtime(date(2028, 11, 30), date(2029, 1, 10)),
    "3.13": Runtime(date(2029, 7, 31), date(2029, 8, 31)),
    "3.14": Runtime(date(2029, 7, 31), date(2029, 8, 31)),
}
"""By Python version. A newer version of onecopy may know later dates."""


def today() -> date:
    """Return the date in UTC."""
    return datetime.now(UTC).date()


def creatable(day: date) -> list[str]:
    """Return the versions with which AWS creates functions on a day."""
    return [name for name, runtime in RUNTIMES.items() if day < runtime.creatable_until]


def require_usable(python: str, day: date, *, is_new: bool) -> None:
    """Raise InvalidSettings if AWS would refuse to create, or to update, functions on a day."""
    runtime = RUNTIMES.get(python)
    if runtime is None:  # the deployment was made by a newer onecopy
        return
    until = runtime.creatable_until if is_new else runtime.updatable_until
    if day >= until:
        verb = "creates" if is_new else "updates"
        raise InvalidSettings(
            f"AWS no longer {verb} functions with Python {python} (since {until}): choose another "
            f"with --python: {', '.join(creatable(day)) or 'upgrade onecopy, which knows others'}"
        )
