"""The API on Lambda: the same application, with tokens or verified sign-ins."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from onecopy.avoided import Counts, avoided
from onecopy.aws.functions.service import LIMITS, MAX_BODY_BYTES
from onecopy.errors import InvalidSettings
from onecopy.patterns import TRASH
from tests.aws.conftest import OpenFunction
from tests.aws.requests import Remaining, json_request, request
from tests.gate.world import World

CONTENT = {"size": 5, "digests": [f"sha256:{hashlib.sha256(b'hello').hexdigest()}"]}
CHECK = {"files": [CONTENT]}


def test_it_asks_for_tokens_even_if_there_are_none(function: OpenFunction) -> None:
    """Everybody can reach API Gateway."""
    api = function()
    assert api.post("/v1/check", CHECK)[0] == 401


def test_a_token_lets_in(function: OpenFunction) -> None:
    """As it does on `onecopy serve`."""
    api = function()
    status, document = api.post("/v1/check", CHECK, token=api.token())
    assert (status, document) == (200, {"results": [{"verdict": "new"}]})


def test_it_places(function: OpenFunction, tmp_path: Path) -> None:
    """A stored content gets a copy under another key; both scopes are needed."""
    api, world = function(), World.at(tmp_path)
    world.upload("a", b"hello")
    wanted = {"files": [{"key": "b", "size": 5, "digest": CONTENT["digests"][0]}]}  # type: ignore[index]
    assert api.post("/v1/place", wanted, token=api.token("default", "upload"))[0] == 403
    status, document = api.post("/v1/place", wanted, token=api.token())
    [result] = document["results"]
    assert (status, result["reason"], result["copy"]["key"]) == (200, "placed", "b")
    assert world.read("b") == b"hello"


def test_it_states_what_fits_through_lambda(function: OpenFunction) -> None:
    """Clients cut their requests accordingly."""
    api = function()
    _, document = api.get("/v1/config", token=api.token())
    assert document["limits"]["files"] == LIMITS.files
    assert document["limits"]["parts"] == LIMITS.parts
    assert document["limits"]["body_bytes"] == MAX_BODY_BYTES


def test_it_obeys_the_patterns_of_the_trash(function: OpenFunction) -> None:
    """Those of its environment, after the usual ones."""
    api = function()
    _, document = api.get("/v1/config", token=api.token())
    assert document["trash"] == [*TRASH, "/old/"]
    with closing(World.at(Path(api.settings.store).parent)) as world:
        world.record("old/a", b"hello")
    _, document = api.post("/v1/check", CHECK, token=api.token())
    assert document["results"][0]["reason"] == "in-trash"


def test_pages_that_its_environment_names(function: OpenFunction) -> None:
    """They may use it, and no others; where API Gateway has CORS rules, it answers before."""
    api = function()
    for origin, status, named in (
        ("https://app.example", 204, "https://app.example"),
        ("https://other.example", 403, None),
    ):
        headers = {"origin": origin, "sec-fetch-site": "cross-site"}
        answer = api.handler(request("OPTIONS", "/v1/check", headers=headers), Remaining())
        assert answer["statusCode"] == status
        assert answer["headers"].get("access-control-allow-origin") == named


class TestSignedIn:
    """Those whom the JWT authorizer of API Gateway has let in."""

    def test_all_are_one_tenant(self, function: OpenFunction) -> None:
        """For a store of one's own."""
        api = function(jwt_tenant="photos")
        _, document = api.get("/v1/config", claims={"sub": "ada"})
        assert document["tenant"] == "photos"
        assert document["features"] == ["upload", "batch", "link", "place"]

    def test_a_claim_names_the_tenant(self, function: OpenFunction) -> None:
        """For a store that many share."""
        api = function(jwt_tenant="claim:custom:team")
        _, document = api.get("/v1/config", claims={"custom:team": "photos"})
        assert document["tenant"] == "photos"

    @pytest.mark.parametrize("claims", [{"sub": "x"}, {"team": "A/b"}, {"team": "default"}])
    def test_who_names_no_tenant_is_refused(
        self, function: OpenFunction, claims: dict[str, str]
    ) -> None:
        """`default` would own the keys of all others."""
        status, problem = function(jwt_tenant="claim:team").get("/v1/config", claims=claims)
        assert (status, problem["reason"]) == (403, "not-allowed")

    @pytest.mark.parametrize(
        ("listed", "may_check", "may_upload"),
        [
            ("check", True, False),
            ("openid onecopy/check onecopy/upload", True, True),
            ("[check upload]", True, True),
            ('["upload"]', False, True),
            ("checks", False, False),
            ("", False, False),
        ],
    )
    def test_a_claim_lists_what_they_may_do(
        self, function: OpenFunction, listed: str, may_check: bool, may_upload: bool
    ) -> None:
        """API Gateway hands lists over as text."""
        api = function(jwt_tenant="photos", jwt_scopes="scope")
        claims = {"scope": listed}
        assert api.post("/v1/check", CHECK, claims=claims)[0] == (200 if may_check else 403)
        uploads: dict[str, list[str]] = {"files": []}
        assert api.post("/v1/uploads", uploads, claims=claims)[0] == (200 if may_upload else 403)

    def test_without_the_claim_they_may_do_nothing(self, function: OpenFunction) -> None:
        """What is not said is not allowed."""
        api = function(jwt_tenant="photos", jwt_scopes="scope")
        assert api.post("/v1/check", CHECK, claims={"sub": "ada"})[0] == 403

    def test_tokens_go_on_working(self, function: OpenFunction) -> None:
        """For commands, on a route without the authorizer."""
        api = function(jwt_tenant="claim:team")
        assert api.post("/v1/check", CHECK)[0] == 401
        _, document = api.get("/v1/config", token=api.token("photos"))
        assert document["tenant"] == "photos"

    def test_claims_mean_nothing_unless_it_is_said_what(self, function: OpenFunction) -> None:
        """An authorizer alone lets nobody in."""
        assert function().post("/v1/check", CHECK, claims={"sub": "ada"})[0] == 401

    @pytest.mark.parametrize("name", ["Team", "a/b", "claims:team"])
    def test_what_is_no_tenant_is_none(self, function: OpenFunction, name: str) -> None:
        """It would become a folder."""
        with pytest.raises(InvalidSettings, match="claim:NAME"):
            function(jwt_tenant=name)

    def test_tenants_with_names_do_not_stand_beside_the_default_one(
        self, function: OpenFunction
    ) -> None:
        """Whose keys would be theirs, too."""
        api = function()
        api.token()
        with pytest.raises(InvalidSettings, match="default"):
            function(jwt_tenant="claim:team")
        with pytest.raises(InvalidSettings, match="default"):
            function(jwt_tenant="photos")
        assert function(jwt_tenant="default").get("/v1/config", claims={"sub": "x"})[0] == 200


def test_tokens_for_others(function: OpenFunction) -> None:
    """A token that may create others does; with an issuer, the answer is that there are none."""
    api = function()
    sender = api.token("default", "check", "tokens")
    status, made = api.post("/v1/tokens", {"expires_in": 60}, token=sender)
    assert status == 200
    assert api.post("/v1/check", CHECK, token=made["token"])[0] == 200
    signed_in = function(jwt_tenant="default")
    claims = {"sub": "ada", "scope": "check tokens"}
    status, problem = signed_in.post("/v1/tokens", {"expires_in": 60}, claims=claims)
    assert (status, problem["reason"]) == (403, "tokens-not-accepted")


class TestSigningIn:
    """What the page learns before anybody has a token."""

    def test_the_audience_is_the_client_unless_one_is_named(self, function: OpenFunction) -> None:
        """Then the ID token lets in, whose audience the client is."""
        api = function(oidc_issuer="https://issuer.example/pool", oidc_audience="page")
        status, document = api.get("/v1/sign-in")
        assert (status, document) == (
            200,
            {"issuer": "https://issuer.example/pool", "client_id": "page", "scopes": "openid"},
        )

    def test_an_api_of_its_own_is_asked_for(self, function: OpenFunction) -> None:
        """Then it is an access token that lets in."""
        chosen = {"oidc_client_id": "page", "oidc_scopes": "openid offline_access"}
        api = function(oidc_issuer="https://a.example", oidc_audience="https://api", **chosen)
        document = api.get("/v1/sign-in")[1]
        assert (document["client_id"], document["audience"]) == ("page", "https://api")
        assert document["scopes"] == "openid offline_access"

    def test_without_an_issuer_nobody_signs_in(self, function: OpenFunction) -> None:
        """Whatever else is set: the template sets it all."""
        assert function(oidc_audience="page").get("/v1/sign-in") == (200, {})

    def test_an_issuer_needs_a_client(self, function: OpenFunction) -> None:
        """It is refused at once, before anybody is sent there."""
        with pytest.raises(InvalidSettings, match="ONECOPY_OIDC_CLIENT_ID"):
            function(oidc_issuer="https://issuer.example")


def test_what_was_avoided_is_written_within_the_request(function: OpenFunction) -> None:
    """A function may be stopped after each request; a report that comes again counts once."""
    api = function()
    with closing(World.at(Path(api.settings.store).parent)) as world:
        world.upload("a", b"hello")
        headers = {"authorization": f"Bearer {api.token()}", "idempotency-key": "run-1"}
        report = {"files": 2, "bytes": 10, "largest": 5}
        for _ in range(2):
            event = json_request("/v1/avoided", report, headers=headers)
            assert api.handler(event, Remaining())["statusCode"] == 204
            assert avoided(world.index, "default").total == Counts(0, 0, 2, 10)
    _, document = api.get("/v1/activity", token=api.token())
    assert document["total"]["avoided_bytes"] == 10
