"""The public names of the package."""

from importlib import import_module
from pathlib import Path

import pytest

import onecopy


def test_the_names_are_sorted_and_there() -> None:
    """Every name in `__all__` can be imported, and is the object of that name in its module."""
    assert onecopy.__all__ == sorted(onecopy.__all__)
    for name in onecopy.__all__:
        found = getattr(onecopy, name)
        assert getattr(import_module(found.__module__), name) is found
        assert name in dir(onecopy)


def test_every_name_has_a_docstring() -> None:
    """`help` has something to show for every name."""
    assert not [name for name in onecopy.__all__ if not getattr(onecopy, name).__doc__]


def test_no_name_hides_a_module() -> None:
    """A function called as a module would be replaced by it once that is imported."""
    folder = Path(onecopy.__file__).parent
    modules = {path.stem for path in folder.iterdir()}
    assert not modules & set(onecopy.__all__)


def test_unknown_names_are_refused() -> None:
    """A misspelt name is an AttributeError, as with any module."""
    with pytest.raises(AttributeError, match="Clientt"):
        onecopy.Clientt  # type: ignore[attr-defined]  # noqa: B018 - that is what is tested
