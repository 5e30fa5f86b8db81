"""Signing in, in a real browser: page, Cognito's stand-in, JWT authorizer, function, bucket.

The stand-in's user pool asks for a password, binds codes to PKCE challenges, and signs what it
gives; its API Gateway verifies signature, issuer, audience and time of each token, as Amazon's
does. The one thing that is not as there: Cognito's own name can't be reached here, so the browser
resolves it to a server on this machine that forwards requests to the stand-in. Nothing is routed
inside the browser: Playwright would then answer preflight requests itself, and CORS rules that
refuse the page would pass.
"""

import random
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from onecopy.digest import MiB
from tests.certificates import certify, serving_with
from tests.conftest import Served, running
from tests.deploy.conftest import HERE, Cloud
from tests.deploy.edge import Edge, edge, forward
from tests.middleman import Answer, Handler, serving
from tests.page.conftest import MakeFile, Window, launched, local  # noqa: F401 - a fixture
from tests.standins import Standin

pytestmark = pytest.mark.server

_SECONDS = 15
"""How long a token lasts; with Amazon at least five minutes."""
_PASSWORD = "correct-Horse-7"


@dataclass
class Pool:
    """A user pool, and the page's client in it."""

    cloud: Cloud
    id: str = ""
    client: str = ""

    @property
    def issuer(self) -> str:
        """Its name in tokens."""
        return f"https://cognito-idp.{self.cloud.standin.region}.amazonaws.com/{self.id}"

    def make(self, page: str) -> None:
        """Make it, for a page."""
        cognito = self.cloud.client("cognito-idp")
        schema = [{"Name": "tenant", "AttributeDataType": "String"}]
        made = cognito.create_user_pool(PoolName=self.cloud.name, Schema=schema)
        self.id = made["UserPool"]["Id"]
        client = cognito.create_user_pool_client(
            UserPoolId=self.id,
            ClientName="page",
            GenerateSecret=False,
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["code"],
            AllowedOAuthScopes=["openid"],
            SupportedIdentityProviders=["COGNITO"],
            CallbackURLs=[page],
            LogoutURLs=[page],
            IdTokenValidity=_SECONDS,
            TokenValidityUnits={"IdToken": "seconds"},
        )
        self.client = client["UserPoolClient"]["ClientId"]

    def add(self, name: str, tenant: str | None) -> None:
        """Add somebody."""
        attributes = [{"Name": "custom:tenant", "Value": tenant}] if tenant else []
        cognito = self.cloud.client("cognito-idp")
        cognito.admin_create_user(
            UserPoolId=self.id,
            Username=name,
            MessageAction="SUPPRESS",
            UserAttributes=attributes,
        )
        cognito.admin_set_user_password(
            UserPoolId=self.id, Username=name, Password=_PASSWORD, Permanent=True
        )


@dataclass
class Forwarder:
    """Cognito's name on this machine."""

    port: int
    reachable: bool = True


@contextmanager
def forwarder(endpoint: str, tls: ssl.SSLContext) -> Iterator[Forwarder]:
    """Forward requests to the stand-in, or close their connections while it is unreachable."""
    ours = Forwarder(0)

    class Forwarding(Handler):
        def answer(self, length: int) -> Answer | None:
            body = self.rfile.read(length)
            if not ours.reachable:
                return None
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            return forward(endpoint, self.command, self.path, headers, body)

    with serving(Forwarding, tls) as url:
        ours.port = urlsplit(url).port or 443
        yield ours


@dataclass
class Deployed:
    """What is deployed, for those who sign in."""

    cloud: Cloud
    edge: Edge
    pool: Pool
    cognito: Forwarder


@pytest.fixture(scope="module")
def deployed(ministack: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy with an issuer."""
    cloud = Cloud(ministack, running(tmp_path_factory.mktemp("home")), f"t{uuid4().hex[:12]}")
    tls = serving_with(certify(tmp_path_factory.mktemp("cognito")))
    with edge() as before, forwarder(ministack.endpoint, tls) as cognito:
        pool = Pool(cloud)
        pool.make(f"{before.url}/")
        pool.add("ada", "photos")
        pool.add("bob", None)
        issuer = ["--issuer", pool.issuer, "--audience", pool.client]
        issuer += ["--issuer-origin", ministack.endpoint, "--jwt-tenant", "claim:custom:tenant"]
        ran = cloud.deploy(*HERE, "--page-origin", before.url, *issuer)
        assert ran.code == 0, ran.err
        before.stand_before(cloud)
        yield Deployed(cloud, before, pool, cognito)


@pytest.fixture(scope="module")
def chromium(deployed: Deployed) -> Iterator[Browser]:
    """Start a browser that finds Cognito on this machine."""
    host = urlsplit(deployed.pool.issuer).netloc
    with launched(f"MAP {host} 127.0.0.1:{deployed.cognito.port}") as browser:
        yield browser


@pytest.fixture
def window(chromium: Browser, deployed: Deployed) -> Iterator[Window]:
    """Open the page, as nobody yet."""
    context = chromium.new_context(ignore_https_errors=True)
    window = Window(context.new_page(), cast(Served, deployed.edge))
    window.open()
    yield window
    context.close()
    # The browser logs refusals, by which the page learns that it has to do something.
    assert [text for text in window.complaints if "Failed to load resource" not in text] == []


def sign_in(page: Page, name: str = "ada") -> None:
    """Sign in at the issuer, and come back."""
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def kept(page: Page, where: str) -> str:
    """Return all names and values that a storage of the page has."""
    names = f"Array.from({{length: {where}.length}}, (_, at) => {where}.key(at))"
    return str(page.evaluate(f"{names}.map((name) => [name, {where}.getItem(name)])"))


def wait_for_end(page: Page) -> None:
    """Wait until a token that was given by now has ended."""
    page.wait_for_timeout((_SECONDS + 1) * 1000)


class _Held:
    """Requests to the bucket that are on their way, and don't arrive."""

    def __init__(self, page: Page, which: Callable[[str], bool]) -> None:
        self._page = page
        self._which = which
        self._routes: list[Route] = []

    def __enter__(self) -> list[Route]:
        # It counts a handler's parameters, which a built-in method does not state.
        self._page.route(self._which, lambda route: self._routes.append(route))  # noqa: PLW0108
        return self._routes

    def __exit__(self, *_: object) -> None:
        self._page.unroute(self._which)


def test_whoever_signs_in_uploads_as_their_tenant(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """Their token is in no address and in nothing that outlives the tab; then they sign out."""
    expect(window.page.get_by_text("Sign in to use this service")).to_be_visible()
    sign_in(window.page)
    window.choose(local("rome.jpg", b"a picture of rome"))
    window.wait("rome.jpg", "uploaded")
    assert deployed.cloud.read("photos/rome.jpg") == b"a picture of rome"
    assert window.page.url == f"{deployed.edge.url}/"
    assert "signed-in" in kept(window.page, "sessionStorage")
    assert "eyJ" not in kept(window.page, "localStorage")
    assert not [each.url for each in window.requests if "eyJ" in each.url]
    window.page.get_by_role("button", name="Sign out").click()
    window.page.wait_for_url(lambda url: url.startswith(deployed.edge.url))
    expect(window.page.get_by_text("Sign in to use this service")).to_be_visible()
    assert "signed-in" not in kept(window.page, "sessionStorage")


def test_a_code_is_worth_nothing_to_others(window: Window, deployed: Deployed) -> None:
    """The issuer is given the challenge on the way out, and the secret with the code."""
    sign_in(window.page)
    expect(window.page.get_by_role("button", name="Sign out")).to_be_visible()
    asked = next(each.url for each in window.requests if "/oauth2/authorize" in each.url)
    assert "code_challenge_method=S256" in asked
    (exchange,) = [each for each in window.requests if each.url.endswith("/oauth2/token")]
    assert len(parse_qs(exchange.post_data)["code_verifier"][0]) == 43


def test_a_token_is_renewed_while_the_page_is_open(
    window: Window,
    local: MakeFile,  # noqa: F811
) -> None:
    """Nobody has to enter anything as long as the issuer does not ask."""
    sign_in(window.page)
    window.choose(local("oslo.jpg", b"a picture of oslo"))
    window.wait("oslo.jpg", "uploaded")
    wait_for_end(window.page)
    window.choose(local("oslo (2).jpg", b"a picture of oslo"))
    window.wait("oslo (2).jpg", "duplicate")
    grants = [each.post_data or "" for each in window.requests if "/oauth2/token" in each.url]
    # On a slow machine, a second token may have ended, too.
    assert ["refresh_token=" in each for each in grants][:2] == [False, True]
    assert "refresh_token=" in grants[-1]


def test_an_upload_goes_on_after_signing_in_again(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """A page that was loaded anew can't renew; what it had sent when its token ended stays sent."""
    sign_in(window.page)
    expect(window.page.get_by_role("button", name="Sign out")).to_be_visible()
    window.page.reload()
    content = random.Random(11).randbytes(9 * MiB)
    film = local("film.mp4", content)
    with _Held(window.page, lambda url: "partNumber=2" in url) as held:
        window.choose(film)
        _until(window.page, lambda: len(held) > 0 and _parts(window).count("1") == 1)
        wait_for_end(window.page)
        held[0].fulfill(status=403, body="<Error><Code>AccessDenied</Code></Error>")
        expect(window.page.get_by_text("Your session has expired")).to_be_visible()
        expect(window.page.get_by_text("Choose the same files again")).to_be_visible()
    sign_in(window.page)
    expect(window.page.get_by_text("1 upload was interrupted")).to_be_visible()
    window.choose(film)
    window.wait("film.mp4", "uploaded")
    assert deployed.cloud.read("photos/film.mp4") == content
    assert _parts(window).count("1") == 1


def test_the_browser_asks_the_bucket_before_it_sends(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """Preflight requests reach the bucket: without the deployed CORS rule, nothing is uploaded."""
    s3, bucket = deployed.cloud.client("s3"), deployed.cloud.names.uploads
    rules = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    s3.delete_bucket_cors(Bucket=bucket)
    sign_in(window.page)
    window.choose(local("lima.jpg", b"a picture of lima"))
    expect(window.wait("lima.jpg", "failed")).to_contain_text("CORS rules")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    window.click("lima.jpg", "Try again")
    window.wait("lima.jpg", "uploaded")
    window.complaints.clear()  # the browser logs each refusal


def _parts(window: Window) -> list[str]:
    """Return the numbers of the parts that were sent, in this order."""
    queries = [
        parse_qs(urlsplit(each.url).query) for each in window.requests if each.method == "PUT"
    ]
    return [query["partNumber"][0] for query in queries if "partNumber" in query]


def _until(page: Page, done: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not done():
        assert time.monotonic() < until
        page.wait_for_timeout(50)


def test_an_answer_to_nothing_that_was_asked_is_refused(window: Window, deployed: Deployed) -> None:
    """Else somebody could have others upload as themselves (RFC 6749, 10.12)."""
    window.page.get_by_role("button", name="Sign in").click()
    expect(window.page.get_by_label("Username")).to_be_visible()
    window.open(f"{deployed.edge.url}/?code=theirs&state=theirs")
    expect(window.page.get_by_text("was not started by this page")).to_be_visible()
    assert window.page.url == f"{deployed.edge.url}/"
    assert not [each.url for each in window.requests if "/oauth2/token" in each.url]
    sign_in(window.page)
    expect(window.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_issuer_out_of_reach_is_told(window: Window, deployed: Deployed) -> None:
    """In plain words, and trying again works."""
    button = window.page.get_by_role("button", name="Sign in")
    deployed.cognito.reachable = False
    button.click()
    host = urlsplit(deployed.pool.issuer).netloc
    expect(window.page.get_by_text(f"The sign-in server {host} can’t be reached.")).to_be_visible()
    deployed.cognito.reachable = True
    sign_in(window.page)
    expect(window.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_whoever_has_no_tenant_is_told(window: Window) -> None:
    """They may sign in as somebody else."""
    sign_in(window.page, "bob")
    expect(window.page.get_by_text("names no valid tenant")).to_be_visible()
    sign_in(window.page, "ada")
    expect(window.page.get_by_text("names no valid tenant")).not_to_be_visible()
    expect(window.page.get_by_role("button", name="Sign out")).to_be_visible()
