"""Credentials in the environment: found without botocore, and the same ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onecopy.aws.client import session_of
from onecopy.aws.environment import environment_credentials, environment_region

BOTH = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
VARIABLES = (
    *BOTH,
    "AWS_CONFIG_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an environment that says nothing of AWS."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"AWS_SESSION_TOKEN": "token"},
        {"AWS_SESSION_TOKEN": "token", "AWS_SECURITY_TOKEN": "older"},
        {"AWS_SESSION_TOKEN": "token", "AWS_SECURITY_TOKEN": ""},
    ],
)
def test_are_those_of_botocore(others: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys, and the token that counts if there are two."""
    set_all(monkeypatch, {**BOTH, **others})
    found, theirs = environment_credentials(), session_of().get_credentials()
    assert found is not None
    assert theirs is not None
    assert found.get_frozen_credentials() == theirs.get_frozen_credentials()[:3]
    assert found.method == theirs.method


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AWS_ACCESS_KEY_ID": "key"},
        {**BOTH, "AWS_SECRET_ACCESS_KEY": ""},
        {**BOTH, "AWS_ACCESS_KEY_ID": ""},
        {**BOTH, "AWS_PROFILE": "photos"},
        {**BOTH, "AWS_PROFILE": ""},
        {**BOTH, "AWS_DEFAULT_PROFILE": "photos"},
        {**BOTH, "AWS_CREDENTIAL_EXPIRATION": "2030-01-01T00:00:00Z"},
    ],
)
def test_are_left_to_botocore(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If the variables do not say everything, or credentials have to be renewed."""
    set_all(monkeypatch, variables)
    assert environment_credentials() is None


@pytest.mark.parametrize("name", ["config", "credentials"])
def test_files_matter_for_certificates_only(
    home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Botocore reads them if they name CA certificates, or cannot be read."""
    set_all(monkeypatch, BOTH)
    file = home / ".aws" / name
    file.parent.mkdir()
    file.write_text("[default]\nregion = eu-west-1\naws_access_key_id = other\n")
    assert environment_credentials()
    file.write_text("[default]\nca_bundle = /etc/ca.pem\n")
    assert environment_credentials() is None
    file.unlink()
    file.mkdir()
    assert environment_credentials() is None


def test_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_REGION counts first, as in botocore's session here."""
    assert environment_region() == ""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert environment_region() == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert environment_region() == session_of().get_config_variable("region") == "eu-west-3"


def test_a_store_opens_without_botocores_session() -> None:
    """Importing it takes longer than sending two hundred small files."""
    code = (
        "import sys; from onecopy.store import open_store\n"
        "store = open_store('s3://bucket?endpoint=http://127.0.0.1:9&region=eu-west-1')\n"
        "assert not {'botocore.session', 'botocore.client'} & set(sys.modules)\n"
        "assert store.client.meta.region_name == 'eu-west-1'  # only now, with these credentials\n"
        "assert store.client._get_credentials().secret_key == 'secret'\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **BOTH}, check=True)
