"""The dated table of Lambda's Python runtimes."""

from datetime import date
from json import loads
from pathlib import Path

import pytest

from onecopy.aws.deploy.runtimes import RUNTIMES, creatable, require_usable
from onecopy.errors import InvalidSettings
from tests.standins.child import program


def test_the_dates_are_those_that_others_know() -> None:
    """The linter of templates keeps the same table; a difference means that one is outdated."""
    installed = Path(program("cfn-lint")).parent.parent
    (table,) = installed.glob("lib/python*/site-packages/cfnlint/**/LmbdRuntimeLifecycle.json")
    known = loads(table.read_text())
    for version, runtime in RUNTIMES.items():
        dates = known[f"python{version}"]
        assert str(runtime.creatable_until) == dates["create-block"]
        assert str(runtime.updatable_until) == dates["update-block"]


def test_what_aws_no_longer_creates_is_not_offered() -> None:
    """From the day of the table on, for new deployments and later for updates."""
    assert "3.11" in creatable(date(2027, 7, 30))
    assert creatable(date(2027, 7, 31)) == ["3.12", "3.13", "3.14"]
    require_usable("3.11", date(2027, 8, 30), is_new=False)
    for is_new, verb in ((True, "creates"), (False, "updates")):
        with pytest.raises(InvalidSettings, match=f"no longer {verb} .* 3.12, 3.13, 3.14"):
            require_usable("3.11", date(2027, 8, 31), is_new=is_new)
    require_usable("3.99", date(2027, 8, 31), is_new=True)
    assert creatable(date(2040, 1, 1)) == []
