"""The secrets that sign tickets, kept by AWS and changed while the service runs."""

from typing import Any
from uuid import uuid4

import boto3
import pytest

from onecopy.aws.functions import secrets
from onecopy.aws.functions.secrets import RotatingSecrets, open_secrets
from onecopy.errors import InvalidSettings, InvalidTicket, Unavailable
from onecopy.tickets import seal, unseal
from tests.standins import Standin

Client = Any


@pytest.fixture
def aws(ministack: Standin, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """Let all clients of this process find the stand-in, as they find AWS on Lambda."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.endpoint)
    return ministack


class Clock:
    """Lets time pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set the clock by which secrets become old."""
    clock = Clock()
    monkeypatch.setattr(secrets, "time", clock)
    return clock


def test_a_secret_that_is_rotated(aws: Standin) -> None:
    """The current version signs, and the previous one is accepted."""
    client, name = boto3.client("secretsmanager"), f"onecopy-{uuid4().hex}"
    client.create_secret(Name=name, SecretString="first\n")
    assert list(open_secrets(f"secretsmanager:{name}")) == [b"first"]
    client.put_secret_value(SecretId=name, SecretString="second")
    opened = open_secrets(f"secretsmanager:{name}")
    assert (list(opened), opened[0], len(opened)) == ([b"second", b"first"], b"second", 2)


def test_a_secret_by_its_arn(aws: Standin) -> None:
    """As a template names it."""
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name=f"onecopy-{uuid4().hex}", SecretString="first")["ARN"]
    assert open_secrets(f"secretsmanager:{arn}")[0] == b"first"


def test_a_parameter(aws: Standin) -> None:
    """Its words are secrets, the first signs."""
    client, name = boto3.client("ssm"), f"/onecopy/{uuid4().hex}"
    client.put_parameter(Name=name, Value="second first", Type="SecureString")
    assert list(open_secrets(f"ssm:{name}")) == [b"second", b"first"]


@pytest.mark.parametrize("place", ["", "ssm", "ssm:", "file:/etc/secret", "secretsmanager:"])
def test_other_places_are_refused(place: str) -> None:
    """With what may be said."""
    with pytest.raises(InvalidSettings, match="secretsmanager:NAME or ssm:NAME"):
        open_secrets(place)


@pytest.mark.parametrize("place", ["ssm:/onecopy/none", "secretsmanager:none"])
def test_a_secret_that_is_not_there(aws: Standin, place: str) -> None:
    """Nothing is signed with nothing."""
    with pytest.raises(Unavailable, match="NotFound"):
        open_secrets(place)


def test_an_empty_secret_is_refused(aws: Standin) -> None:
    """Everybody knows it."""
    name = f"onecopy-{uuid4().hex}"
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=" ")
    with pytest.raises(InvalidSettings, match="is empty"):
        open_secrets(f"secretsmanager:{name}")


class Kept:
    """A place that keeps secrets."""

    def __init__(self, *secrets: bytes) -> None:
        self.secrets = list(secrets)
        self.reads = 0
        self.is_down = False

    def read(self) -> list[bytes]:
        self.reads += 1
        if self.is_down:
            raise Unavailable("down")
        return list(self.secrets)


class TestTime:
    """When they are read again."""

    def test_they_are_kept_for_minutes(self, clock: Clock) -> None:
        """Not every ticket costs a request."""
        kept = Kept(b"first")
        rotating = RotatingSecrets(kept.read)
        kept.secrets = [b"second", b"first"]
        clock.now += secrets.REFRESH_SECONDS
        assert (rotating[0], kept.reads) == (b"first", 1)
        clock.now += 1
        assert (rotating[0], kept.reads) == (b"second", 2)

    def test_what_none_has_signed_has_them_read_again(self, clock: Clock) -> None:
        """Another process may have the new secret already."""
        kept = Kept(b"first")
        rotating = RotatingSecrets(kept.read)
        kept.secrets = [b"second", b"first"]
        ticket = seal(b"x", b"second", purpose="ticket")
        clock.now += secrets.MIN_REFRESH_SECONDS + 1
        assert unseal(ticket, rotating, purpose="ticket") == b"x"
        assert unseal(seal(b"x", b"first", purpose="ticket"), rotating, purpose="ticket") == b"x"
        assert kept.reads == 2

    def test_forged_tickets_do_not_have_them_read_all_the_time(self, clock: Clock) -> None:
        """Once in a few seconds at most."""
        kept = Kept(b"first")
        rotating = RotatingSecrets(kept.read)
        clock.now += secrets.MIN_REFRESH_SECONDS + 1
        for _ in range(10):
            with pytest.raises(InvalidTicket):
                unseal(seal(b"x", b"forged", purpose="ticket"), rotating, purpose="ticket")
        assert kept.reads == 2

    def test_those_that_are_known_outlive_a_failure(self, clock: Clock) -> None:
        """A place that can't be reached for a while stops nothing."""
        kept = Kept(b"first")
        rotating = RotatingSecrets(kept.read)
        kept.is_down = True
        clock.now += 10 * secrets.REFRESH_SECONDS
        assert rotating[0] == b"first"
        clock.now += secrets.REFRESH_SECONDS
        kept.is_down, kept.secrets = False, [b"second"]
        clock.now += 1
        assert rotating[0] == b"second"
