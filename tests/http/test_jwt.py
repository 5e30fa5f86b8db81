"""Sign-ins at an issuer, whose tokens the service verifies itself."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from onecopy.claims import ClaimRule
from onecopy.http import jwks
from onecopy.http.app import Issuer, Options, SignIn
from onecopy.http.jwks import usable
from onecopy.http.jwt import LEEWAY_SECONDS
from tests.http.conftest import Answer, Service, Start
from tests.http.issuer import AUDIENCE, LocalIssuer, issuing


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """Run an issuer."""
    with issuing() as ours:
        yield ours


@pytest.fixture
def service(start: Start, issuer: LocalIssuer) -> Service:
    """Start a service that accepts its tokens."""
    options = Options(
        claims=ClaimRule("claim:tenant", "scope"),
        issuer=Issuer(issuer.url, AUDIENCE),
        sign_in=SignIn(issuer.url, AUDIENCE, more_origins=("https://tokens.example",)),
    )
    return start(options, tokens_required=True)


def config(service: Service, token: str) -> Answer:
    """Ask who the bearer of a token is."""
    return service.ask("GET", "/v1/config", token=token)


def refused(service: Service, token: str) -> str:
    """Return why a token is refused."""
    answer = config(service, token)
    assert (answer.status, answer.reason) == (401, "token-invalid")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    return str(answer.json["detail"])


def test_a_token_of_the_issuer(service: Service, issuer: LocalIssuer) -> None:
    """Its claims name tenant and scopes; the keys are found by discovery, and read once."""
    token = issuer.token(scope="check upload")
    answer = config(service, token)
    assert answer.json["tenant"] == "photos"
    assert answer.json["features"] == ["upload", "batch"]
    assert service.upload("a", b"hello", token=token)["verdict"] == "new"
    assert service.check(b"hello", token=issuer.token(scope=["check"]))[0]["copy"]["key"] == "a"
    denied = service.ask("GET", "/v1/copies/a/link", token=token)
    assert (denied.status, denied.reason) == (403, "not-allowed")
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


def test_own_tokens_beside_it(service: Service, issuer: LocalIssuer) -> None:
    """The beginning of a token shows whose it is; those of onecopy do not need the issuer."""
    issuer.is_up = False
    own = service.token("photos", "check")
    assert config(service, own).json["tenant"] == "photos"
    assert "unknown, expired or revoked" in refused(service, "onecopy_made_up")
    assert issuer.asked == []
    missing = service.ask("GET", "/v1/config")
    assert (missing.status, missing.reason) == (401, "token-missing")


def test_the_page_learns_where_to_sign_in(service: Service, issuer: LocalIssuer) -> None:
    """It may connect to the origins of the issuer, and to no others."""
    assert service.ask("GET", "/v1/sign-in").json == {
        "issuer": issuer.url,
        "client_id": AUDIENCE,
        "scopes": "openid",
    }
    policy = service.ask("GET", "/").headers["content-security-policy"]
    assert f"connect-src 'self' {issuer.url} https://tokens.example;" in policy


def test_an_elliptic_curve(service: Service, issuer: LocalIssuer) -> None:
    """ES256 is accepted like RS256; a token without the id of its key is not ambiguous here."""
    issuer.keys = {}
    issuer.add("two", ec.SECP256R1())
    token = issuer.token("two", "ES256")
    assert config(service, token).status == 200
    claims = jwt.decode(token, options={"verify_signature": False})
    assert config(service, jwt.encode(claims, issuer.keys["two"], "ES256")).status == 200


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": 1}, "expired"),
        ({"nbf": 2**33}, "not valid yet"),
        ({"iat": 2**33}, "not valid yet"),
        ({"aud": "others"}, "another audience"),
        ({"aud": ["a", "b"]}, "another audience"),
        ({"aud": None, "client_id": AUDIENCE}, "another audience"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"without": "exp"}, "not valid"),
        ({"without": "iss"}, "not valid"),
        ({"without": "aud"}, "another audience"),
        ({"exp": "soon"}, "not valid"),
    ],
)
def test_wrong_claims(
    service: Service, issuer: LocalIssuer, claims: dict[str, Any], message: str
) -> None:
    """Time, issuer and audience are checked, and the answer says which of them is wrong."""
    assert message in refused(service, issuer.token(**claims))


def test_claims_that_suffice(service: Service, issuer: LocalIssuer) -> None:
    """Clocks may differ a little; a list of audiences, or only the client, will do."""
    now = int(time.time())
    accepted: tuple[dict[str, Any], ...] = (
        {"exp": now - 20},
        {"nbf": now + 20},
        {"aud": ["others", AUDIENCE]},
        {"without": "aud", "client_id": AUDIENCE},
    )
    for claims in accepted:
        assert config(service, issuer.token(**claims)).status == 200
    refused_claims: tuple[dict[str, Any], ...] = ({"exp": now - 60}, {"nbf": now + 60})
    for claims in refused_claims:
        assert config(service, issuer.token(**claims)).status == 401


@pytest.mark.parametrize("tenant", ["default", "Bad Name", "", None, ["photos"]])
def test_no_valid_tenant(service: Service, issuer: LocalIssuer, tenant: object) -> None:
    """A signed-in user without a valid tenant may do nothing."""
    assert config(service, issuer.token(tenant=tenant)).status == 403


def _part(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_forged_tokens(service: Service, issuer: LocalIssuer) -> None:
    """Not signed, signed with a published key as a secret, by another key, or changed: refused."""
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    unsigned = f"{_part({'alg': 'none', 'kid': 'one'})}.{_part(claims)}."
    shared = jwt.encode(claims, "x" * 64, "HS256", headers={"kid": "one"})
    stranger = rsa.generate_private_key(65537, 2048)
    foreign = jwt.encode(claims, stranger, "RS256", headers={"kid": "one"})
    curve = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "one"})
    head, _, signature = issuer.token().split(".")
    changed = f"{head}.{_part({**claims, 'tenant': 'others'})}.{signature}"
    deep = f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30."
    for token in (unsigned, shared, foreign, curve, changed, deep, "a.b.c", "x", "é", "x" * 20_000):
        refused(service, token)


def test_which_keys_count(issuer: LocalIssuer) -> None:
    """Public keys for signatures of ours; secrets, private keys and others are left out."""
    issuer.add("curve", ec.SECP256R1())
    issuer.add("large", ec.SECP384R1())
    status, _, body = issuer.answer("/jwks")
    assert status == 200
    one, curve, large = json.loads(body)["keys"]
    key = issuer.keys["one"]
    assert isinstance(key, rsa.RSAPrivateKey)
    private = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"}
    for_reading = {**one, "kid": "enc", "use": "enc"}
    other = {**one, "kid": "ps", "alg": "PS256"}
    keys = [
        one,
        curve,
        large,
        {**private, "kid": "private"},
        secret,
        for_reading,
        other,
        {},
        {"kty": 1},
    ]
    assert set(usable(keys)) == {"one", "curve"}


def test_a_new_key(service: Service, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown key causes a read, but however many tokens name one, at most one in seconds."""
    monkeypatch.setattr(jwks, "RETRY_SECONDS", 3600.0)
    assert config(service, issuer.token()).status == 200
    issuer.add("two")
    for _ in range(5):
        assert "unknown to its issuer" in refused(service, issuer.token("two"))
    assert issuer.asked.count("/jwks") == 1
    monkeypatch.setattr(jwks, "RETRY_SECONDS", 0.0)
    assert config(service, issuer.token("two")).status == 200
    assert issuer.asked.count("/jwks") == 2


def test_an_issuer_that_is_down(
    service: Service, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither accepted nor refused: 503. Known keys work, until they are a day old."""
    monkeypatch.setattr(jwks, "RETRY_SECONDS", 0.0)
    issuer.is_up = False
    answer = config(service, issuer.token())
    assert (answer.status, answer.reason) == (503, "issuer-unavailable")
    assert answer.headers["retry-after"]
    assert issuer.url not in answer.json["detail"]
    issuer.is_up = True
    assert config(service, issuer.token()).status == 200
    issuer.is_up = False
    issuer.add("two")
    assert config(service, issuer.token("two")).status == 503
    assert config(service, issuer.token()).status == 200
    monkeypatch.setattr(jwks, "KEEP_SECONDS", 0.0)
    assert config(service, issuer.token("two")).status == 503
    assert config(service, issuer.token()).status == 503


def test_a_token_is_verified_once(
    service: Service, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it expires; of very many tokens, the first ones are verified again."""
    verified: list[str] = []
    decode = jwt.decode

    def counted(token: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        verified.append(token)
        return decode(token, *arguments, **options)

    monkeypatch.setattr(jwt, "decode", counted)
    token, other = issuer.token(), issuer.token(sub="other")
    for each in (token, other, token, other):
        assert config(service, each).status == 200
    assert verified == [token, other]
    assert refused(service, token[:-8])
    monkeypatch.setattr("onecopy.http.jwt.MAX_KEPT", 1)
    for each in (issuer.token(sub="third"), token):
        assert config(service, each).status == 200
    assert verified.count(token) == 2


def test_a_token_that_expires_while_it_is_kept(service: Service, issuer: LocalIssuer) -> None:
    """It is refused then, after the seconds by which clocks may differ."""
    token = issuer.token(exp=int(time.time()) - LEEWAY_SECONDS + 2)
    assert config(service, token).status == 200
    time.sleep(2.1)
    assert "expired" in refused(service, token)
    assert "expired" in refused(service, token)


def test_a_withdrawn_key(
    service: Service, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are read again from time to time, so that one that the issuer withdrew is refused."""
    token = issuer.token()
    assert config(service, token).status == 200
    issuer.keys = {}
    issuer.add("two")
    assert config(service, token).status == 200
    monkeypatch.setattr(jwks, "REFRESH_SECONDS", 0.0)
    config(service, token)  # the keys are read in the background
    until = time.monotonic() + 10
    while config(service, token).status == 200:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("jwks_url", "url", "message"),
    [
        ("http://keys.example/jwks", "", "plain HTTP"),
        (None, "/other", "answered 404"),
    ],
)
def test_keys_that_cannot_be_trusted(  # noqa: PLR0917 - fixtures and parameters
    start: Start,
    issuer: LocalIssuer,
    caplog: pytest.LogCaptureFixture,
    jwks_url: str | None,
    url: str,
    message: str,
) -> None:
    """They are not used, and the log says why."""
    options = Options(
        claims=ClaimRule("photos"), issuer=Issuer(issuer.url + url, AUDIENCE, jwks_url)
    )
    service = start(options, tokens_required=True)
    assert config(service, issuer.token()).status == 503
    assert message in caplog.text


def test_a_configuration_of_another_issuer(
    start: Start, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its name must be the one that the settings have, to the last slash."""
    options = Options(claims=ClaimRule("photos"), issuer=Issuer(f"{issuer.url}/", AUDIENCE))
    service = start(options, tokens_required=True)
    assert config(service, issuer.token(iss=f"{issuer.url}/")).status == 503
    assert "name it exactly so in --issuer" in caplog.text
