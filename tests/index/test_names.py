"""Names: an engine is one package, and the other modules do not know which engines there are."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import onecopy
from onecopy.index import _MODULES

_SOURCE = Path(onecopy.__file__).parent
_ENGINES = {name.rpartition(".")[2] for name in _MODULES.values()}
_ALLOWED = {
    "index/__init__.py",  # the table of URL schemes
    "index/lists_only.py",  # an index in memory in front of a table of checksums
    "migrate/dynamodb.py",  # tables of checksums, which are no index
    "migrate/postgres.py",  # any table
    "migrate/relations.py",  # the meaning of errors while tables are read
    "migrate/s3_import.py",  # an import creates a table of checksums
}
_SAME_SUBJECTS = {
    *("connections", "errors", "index", "lists", "pages", "reading", "schema", "state", "writing"),
}


def test_engines_are_not_named_elsewhere() -> None:
    """Only the table of URL schemes and parts of a migration name the package of an engine."""
    name = re.compile(rf"onecopy\.index\.({'|'.join(sorted(_ENGINES))})\b")
    naming = {
        path.relative_to(_SOURCE).as_posix()
        for path in _SOURCE.rglob("*.py")
        if name.search(path.read_text())
        and not any(path.is_relative_to(_SOURCE / "index" / engine) for engine in _ENGINES)
    }
    assert naming == _ALLOWED


@pytest.mark.parametrize("engine", sorted(_ENGINES - {"memory"}))
def test_same_names_for_the_same_subjects(engine: str) -> None:
    """A subject has one file name in all engines; a package's docstring lists its files."""
    package = _SOURCE / "index" / engine
    names = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert names >= _SAME_SUBJECTS
    listed = re.findall(
        r"^(\w+)\.py\s", import_module(f"onecopy.index.{engine}").__doc__ or "", re.MULTILINE
    )
    assert set(listed) == names
