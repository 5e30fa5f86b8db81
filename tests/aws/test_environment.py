"""Credentials in the environment: found without botocore, and the same ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onecopy.aws.client import session_of
from onecopy.aws.environment import environment_credentials, environment_region
from onecopy.errors import InvalidSettings
from onecopy.store import open_store
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import Connection

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
    assert [*found.get_frozen_credentials()] == [*theirs.get_frozen_credentials()[:3]]
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
def test_files_are_left_to_botocore(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may name a region or CA certificates; what is no file counts for nothing, as there."""
    set_all(monkeypatch, BOTH)
    file = home / ".aws" / name
    file.mkdir(parents=True)
    assert environment_credentials()
    file.rmdir()
    file.write_text("")
    assert environment_credentials() is None
    variable = {"config": "AWS_CONFIG_FILE", "credentials": "AWS_SHARED_CREDENTIALS_FILE"}[name]
    monkeypatch.setenv(variable, "/dev/null")
    assert environment_credentials()
    monkeypatch.setenv(variable, f"$HOME/.aws/{name}")
    assert environment_credentials() is None


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user is in no list of users: there are no files."""
    set_all(monkeypatch, BOTH)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert environment_credentials()


def test_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_REGION counts first, as in botocore's session here, even if it is empty."""
    assert environment_region() == ""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert environment_region() == "eu-west-1"
    for region in ("eu-west-3", ""):
        monkeypatch.setenv("AWS_REGION", region)
        assert environment_region() == session_of().get_config_variable("region") == region


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "us-east-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, "us-east-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_a_store_opens_without_botocores_session(variables: dict[str, str], region: str) -> None:
    """Importing it takes longer than sending two hundred small files."""
    code = (
        "import sys; from onecopy.store import open_store\n"
        "store = open_store('s3://bucket?endpoint=http://127.0.0.1:9')\n"
        "assert not {'botocore.session', 'botocore.client'} & set(sys.modules)\n"
        "assert store.region is None and store._connection.region == sys.argv[1]\n"
        "assert store.client.meta.region_name == sys.argv[1]  # only now, with these credentials\n"
        "assert store.client._get_credentials().secret_key == 'secret'\n"
    )
    env = {**os.environ, **BOTH, **variables}
    subprocess.run([sys.executable, "-c", code, region], env=env, check=True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_store_without_its_ca_certificates(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails when it is opened, not with the first file that needs botocore."""
    set_all(monkeypatch, {**BOTH, "AWS_CA_BUNDLE": "/nowhere"})
    with pytest.raises(InvalidSettings, match=r"/nowhere \(AWS_CA_BUNDLE\)"):
        open_store(f"s3://bucket?endpoint={scheme}://127.0.0.1:9")


def test_a_bucket_on_aws_is_left_to_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which knows the variables that change the host: AWS_ENDPOINT_URL, FIPS, IPv6."""
    set_all(monkeypatch, {**BOTH, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:7"})
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    address = Address.parse("s3://bucket?region=us-west-2")
    assert Connection(address, None).root == "http://127.0.0.1:7/bucket"
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    dual = "https://bucket.s3.dualstack.us-west-2.amazonaws.com"
    assert Connection(address, None).root == dual
    monkeypatch.delenv("AWS_USE_DUALSTACK_ENDPOINT")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert Connection(address, None).root == "https://bucket.s3-fips.us-west-2.amazonaws.com"


def test_accelerate_is_not_for_an_endpoint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting of the profile stays for buckets on AWS; botocore refuses it with an endpoint."""
    set_all(monkeypatch, BOTH)
    (home / ".aws").mkdir()
    (home / ".aws/config").write_text("[default]\ns3 =\n  use_accelerate_endpoint = true\n")
    address = Address.parse("s3://bucket?region=us-west-2")
    assert Connection(address, None).root == "https://bucket.s3-accelerate.amazonaws.com"
    client = Connection(address, "http://127.0.0.1:9").client
    url = client.generate_presigned_url("head_object", {"Bucket": "bucket", "Key": "k"})
    assert url.startswith("http://127.0.0.1:9/bucket/k?")


def test_names_are_imported_in_a_thread_and_without_botocore() -> None:
    """The public names are imported on first use, which may be in any thread."""
    code = (
        "import gc, sys, threading\n"
        "limits, found = gc.get_threshold(), []\n"
        "def use():\n"
        "    import onecopy\n"
        "    found.extend(getattr(onecopy, name) for name in onecopy.__all__)\n"
        "threads = [threading.Thread(target=use) for _ in range(4)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "import onecopy\n"
        "assert len(found) == 4 * len(onecopy.__all__)\n"
        "assert not any(name.startswith('boto') for name in sys.modules)\n"
        "assert threading.active_count() == 1 and gc.get_threshold() == limits\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
