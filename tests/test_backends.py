"""Backends that the settings name."""

from pathlib import Path

import pytest

from onecopy.backends import opened_gate, price_of_new
from onecopy.settings import Settings
from onecopy.store import open_store


@pytest.mark.parametrize(
    ("option", "expected"),
    [("", 0.03), ("&storage_class=GLACIER", 0.0036), ("&storage_class=MINE", 0.5)],
)
def test_price_of_new_objects_in_a_bucket(
    option: str, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is that of the storage class in the bucket's address."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    store = open_store(f"s3://bucket?endpoint=http://127.0.0.1:9&region=us-east-1{option}")
    assert price_of_new(Settings(price=0.03, prices={"MINE": 0.5}), store) == expected


def test_price_of_new_files(tmp_path: Path) -> None:
    """A folder has the price of STANDARD, which clients learn."""
    index, store = f"sqlite:{tmp_path / 'index.sqlite'}", str(tmp_path / "files")
    with opened_gate(Settings(index=index, store=store, price=0.04)) as gate:
        assert gate.config().price == 0.04
