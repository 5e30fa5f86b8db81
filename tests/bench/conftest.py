"""Indexes to be measured."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.bench.subject import Subject, opened


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a persistent index."""
    return f"sqlite:{tmp_path}/index.sqlite"


@pytest.fixture
def subject(url: str) -> Iterator[Subject]:
    """Yield an empty persistent index."""
    with opened([url]) as [found]:
        yield found
