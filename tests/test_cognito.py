"""Examination of a Cognito pool, whose users must not write the name of their tenant."""

from pathlib import Path
from typing import Any

import pytest

from onecopy.doctor import cognito
from onecopy.doctor.cognito import examine_sign_in
from onecopy.doctor.finding import Finding, State
from onecopy.doctor.service import examine_service
from onecopy.http.app import Options, SignIn
from tests.http.conftest import starting

_ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC"


class _Pool:
    """A pool with app clients, by id: the attributes that each may write, or None."""

    def __init__(self, clients: dict[str, list[str] | None]) -> None:
        self._clients = clients

    def create_client(self, service: str, region_name: str) -> "_Pool":
        assert (service, region_name) == ("cognito-idp", "eu-west-1")
        return self

    def get_paginator(self, operation: str) -> "_Pool":
        assert operation == "list_user_pool_clients"
        return self

    def paginate(self, *, UserPoolId: str) -> Any:  # noqa: ANN401, N803 - boto3's
        assert UserPoolId == "eu-west-1_AbC"
        return [{"UserPoolClients": [{"ClientId": each}]} for each in self._clients]

    def describe_user_pool_client(self, *, UserPoolId: str, ClientId: str) -> Any:  # noqa: ANN401, N803
        assert UserPoolId == "eu-west-1_AbC"
        names = self._clients[ClientId]
        return {"UserPoolClient": {"WriteAttributes": names} if names is not None else {}}


def _examine(
    monkeypatch: pytest.MonkeyPatch, clients: dict[str, list[str] | None], *claims: str
) -> Finding:
    monkeypatch.setattr("onecopy.aws.client.session_of", lambda: _Pool(clients))
    (finding,) = examine_sign_in(_ISSUER, claims)
    return finding


@pytest.mark.parametrize(
    ("clients", "claim", "state"),
    [
        ({"a": ["email"]}, "custom:tenant", State.FINE),
        ({"a": ["email"], "b": ["custom:tenant"]}, "custom:tenant", State.WRONG),
        ({"a": None}, "custom:tenant", State.FINE),
        ({"a": None}, "profile", State.WRONG),
        ({"a": ["custom:other"]}, "custom:tenant", State.FINE),
        ({}, "custom:tenant", State.FINE),
    ],
)
def test_the_attribute_of_the_tenant(
    monkeypatch: pytest.MonkeyPatch, clients: dict[str, list[str] | None], claim: str, state: State
) -> None:
    """It is wrong if any client of the pool may write it; without a list, the standard ones."""
    finding = _examine(monkeypatch, clients, claim, "custom:scopes")
    assert finding.state is state
    assert claim in finding.message


def test_the_attribute_of_the_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who can write their scopes may do everything, so that is as wrong."""
    finding = _examine(monkeypatch, {"a": ["custom:may"]}, "custom:tenant", "custom:may")
    assert (finding.state, "custom:may" in finding.message) == (State.WRONG, True)


def test_an_unknown_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service does not say which claim it is: the custom attributes are named."""
    finding = _examine(monkeypatch, {"a": ["email", "custom:b", "custom:a"]})
    assert finding.state is State.ADVICE
    assert "can write custom:a, custom:b" in finding.message
    assert _examine(monkeypatch, {"a": ["email"], "b": None}).state is State.FINE


def test_a_pool_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message states the rule, and why it was not checked."""

    def refuse(_region: str, _pool: str) -> set[str]:
        raise PermissionError("no credentials")

    monkeypatch.setattr(cognito, "_writable", refuse)
    (finding,) = examine_sign_in(_ISSUER, ["custom:tenant"])
    assert finding.state is State.ADVICE
    assert "must not be able to write" in finding.message
    assert "no credentials" in finding.message


def test_other_issuers() -> None:
    """Nothing is known about them."""
    assert list(examine_sign_in("https://issuer.example", ["tenant"])) == []


def test_doctor_examines_the_pool_of_a_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The issuer is public, so that no token is needed for it."""
    pool = _Pool({"a": ["custom:tenant"]})
    monkeypatch.setattr("onecopy.aws.client.session_of", lambda: pool)
    with starting(tmp_path) as start:
        options = Options(sign_in=SignIn(_ISSUER, "page"))
        for tokens_required in (False, True):
            service = start(options, tokens_required=tokens_required)
            found = {each.about: each for each in examine_service(service.url, None)}
            assert "custom:tenant" in found["sign-in"].message
        assert "sign-in" not in {each.about for each in examine_service(start().url, None)}
