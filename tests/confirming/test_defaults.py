"""The limits that apply to each kind of store, and how settings change them."""

from math import inf
from pathlib import Path

import pytest

from onecopy import settings
from onecopy.backends import opened_readers
from onecopy.confirming import Limits, is_ranged, limits_for
from onecopy.errors import InvalidSettings
from onecopy.index.memory import MemoryIndex
from onecopy.settings import Settings
from onecopy.store import open_store
from onecopy.store.memory import MemoryStore
from onecopy.text import parse_bytes

_REMOTE = Limits(20_000_000, 20_000_000, 10_000_000_000, 5_000_000_000)


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        ("s3://bucket?region=eu-west-1", "eu-west-1", Limits()),
        ("s3://bucket?region=eu-west-1", "eu-west-2", _REMOTE),
        ("s3://bucket?region=eu-west-1", None, _REMOTE),
        ("s3://bucket?region=eu-west-1&endpoint=http://localhost:1", "eu-west-1", _REMOTE),
        ("s3://bucket?region=eu-west-1&endpoint=http://localhost:1", None, _REMOTE),
        (
            "s3://bucket?region=eu-west-1&endpoint=https://s3.eu-west-1.amazonaws.com",
            "eu-west-1",
            Limits(),
        ),
    ],
)
def test_a_bucket(
    url: str, region: str | None, expected: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket is read slowly, unless this process runs in its region of AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    store = open_store(url)
    assert is_ranged(store)
    assert limits_for(Settings(region=region), store) == expected
    store.close()


def test_a_folder(tmp_path: Path) -> None:
    """A folder is read as fast as it goes; settings limit that as well."""
    for store in (open_store(str(tmp_path)), MemoryStore()):
        assert is_ranged(store)
        assert limits_for(Settings(), store) == Limits()
        given = Settings(
            confirm_rate=5e6, confirm_tenant_daily=inf, confirm_daily=0, confirm_retrieval=True
        )
        assert limits_for(given, store) == Limits(rate=5_000_000, daily=0, retrieval=True)


def test_only_a_service_describes(tmp_path: Path) -> None:
    """Commands end too soon to look at copies in advance; a service does, up to a daily limit."""
    index, store = MemoryIndex(), open_store(str(tmp_path))
    for is_service, daily, expected in ((True, 10_000, 10_000), (True, 0, 0), (False, 10_000, 0)):
        given = Settings(describe_daily=daily)
        with opened_readers(given, index, store, is_service=is_service) as readers:
            assert readers is not None
            assert readers._describing._daily == expected


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file states bytes as a number or with a unit, and AWS_REGION the region."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "onecopy.toml"
    file.write_text('confirm_rate = "1.5 MB"\nconfirm_daily = "unlimited"\nconfirm_tenant_rate = 7')
    found = settings.read(file, {"confirm_tenant_daily": 3.0}, {"AWS_REGION": "eu-west-1"})
    assert (found.confirm_rate, found.confirm_daily) == (1_500_000, inf)
    assert (found.confirm_tenant_rate, found.confirm_tenant_daily) == (7, 3)
    assert found.region == "eu-west-1"


def test_variables() -> None:
    """The environment states bytes with a unit, and whether retrieval is allowed."""
    variables = {"ONECOPY_CONFIRM_RATE": "1.5 MB", "ONECOPY_CONFIRM_TENANT_RATE": "7"}
    variables |= {"ONECOPY_CONFIRM_DAILY": "unlimited", "ONECOPY_CONFIRM_TENANT_DAILY": ""}
    found = settings.read(None, {}, {**variables, "ONECOPY_CONFIRM_RETRIEVAL": "true"})
    assert (found.confirm_rate, found.confirm_tenant_rate) == (1_500_000, 7)
    assert (found.confirm_daily, found.confirm_tenant_daily) == (inf, None)
    assert found.confirm_retrieval is True
    no = settings.read(None, {}, {"ONECOPY_CONFIRM_RETRIEVAL": "false"})
    assert no.confirm_retrieval is False
    for name, text in (("RATE", "much"), ("RETRIEVAL", "yes")):
        with pytest.raises(InvalidSettings, match=f"ONECOPY_CONFIRM_{name} must be"):
            settings.read(None, {}, {f"ONECOPY_CONFIRM_{name}": text})


@pytest.mark.parametrize("value", ['"much"', "-1", "1.5", '"-1 MB"', '"1 MiB"', "true"])
def test_settings_that_are_no_bytes(tmp_path: Path, value: str) -> None:
    """What is no number of bytes is an error that names the setting."""
    file = tmp_path / "onecopy.toml"
    file.write_text(f"confirm_daily = {value}\n")
    with pytest.raises(InvalidSettings, match="confirm_daily must be bytes, as"):
        settings.read(file, {}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("10B", 10), ("1 kB", 1e3), ("2MB", 2e6), ("1.5 GB", 1.5e9), ("1TB", 1e12)],
)
def test_bytes(text: str, expected: float) -> None:
    """Units are decimal."""
    assert parse_bytes(text) == expected
