"""Examination of a service over HTTP, and of the permissions of a token."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from onecopy.client import require_private
from onecopy.doctor.clock import examine_clock
from onecopy.doctor.cognito import examine_sign_in
from onecopy.doctor.finding import Finding, State, advice, failed, fine, wrong
from onecopy.doctor.network import examine_network
from onecopy.documents import ConfigResponse, SignInResponse
from onecopy.errors import Failure
from onecopy.gateways import explain, form
from onecopy.httpclient import HttpClient, Response
from onecopy.network import read_network
from onecopy.refusals import read_problem
from onecopy.urls import check_endpoint
from onecopy.version import __version__

_NOT_FOUND = (404, 405)


def examine_service(
    url: str, token: str | None, *, allow_http: bool = False, origins: Sequence[str] = ()
) -> Iterator[Finding]:
    """Check that a service answers, its version and clock, and the permissions of the token.

    Check also that pages of these origins may use the API. A token is sent over plain HTTP to
    another machine only with `allow_http`. Raises InvalidSettings for what is no URL of a server.
    """
    check_endpoint("server URL", url)
    root, network = url.rstrip("/"), read_network()
    yield (way := examine_network(network, root))
    if way.state is State.WRONG:
        return
    if token and not allow_http:
        require_private(root)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with HttpClient(network=network) as http:
            response = http.request("GET", f"{root}/v1/config", headers)
    except Failure as error:
        yield failed("service", error, "start it with `onecopy serve`, or check its address")
        return
    if response.status == 401 and read_problem(response):
        yield fine("service", f"{root} answers")
        yield _refused_token(token)
        yield from _examine_sign_in(root)
    else:
        yield from _examine_response(root, response)
    yield from (_examine_origin(root, origin) for origin in origins)


def _examine_origin(root: str, origin: str) -> Finding:
    """Send the preflight request of a browser for a page of this origin."""
    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    try:
        with HttpClient() as http:
            response = http.request("OPTIONS", f"{root}/v1/check", preflight)
    except Failure as error:
        return failed("cors", error)
    if response.headers.get("access-control-allow-origin") == origin:
        return fine("cors", f"pages of {origin} may use the API")
    return wrong(
        "cors",
        f"pages of {origin} may not use the API: the service does not name their origin",
        f"onecopy serve --page-origin {origin}",
    )


def _examine_response(root: str, response: Response) -> Iterator[Finding]:
    if not (200 <= response.status < 300 or response.status in _NOT_FOUND):
        yield _examine_refusal(root, response)
        return
    try:
        config = msgspec.json.decode(response.data, type=ConfigResponse)
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = f"{root} is not a onecopy service: {root}/v1/config answered {response.status}"
        if response.status not in _NOT_FOUND:
            message += f", with {form(response)}"
        yield wrong("service", message, _fix_of_address(root))
        return
    store = config.store.url or config.store.name or config.store.kind
    yield fine("service", f"{root} answers; its store: {store}")
    yield _examine_version(config.version)
    yield _examine_scopes(config)
    yield examine_clock(response.headers.get("date"), datetime.now(UTC))
    yield from _examine_sign_in(root)


def _examine_refusal(root: str, response: Response) -> Finding:
    """Return what a service, or something in front of it, has refused."""
    if problem := read_problem(response):
        said = problem.detail or problem.title
        return wrong("service", f"{root} answered {response.status} ({problem.reason}): {said}")
    return wrong("service", *explain(response, f"{root}/v1/config"))


def _fix_of_address(root: str) -> str:
    path = urlsplit(root).path
    advice = f"; try it without {path}" if path else ""
    return f"check the server URL, which is that of the page{advice}"


def _examine_sign_in(root: str) -> Iterator[Finding]:
    """Check the issuer at which users of the service sign in, if there is one."""
    try:
        with HttpClient() as http:
            found = http.request("GET", f"{root}/v1/sign-in", {})
        issuer = msgspec.json.decode(found.data, type=SignInResponse).issuer
    except (Failure, msgspec.DecodeError):  # an older service, or one that has just ended
        return
    if issuer is not None:
        yield from examine_sign_in(issuer)


def _refused_token(token: str | None) -> Finding:
    if token is None:
        return wrong(
            "token", "the service needs a token", "set ONECOPY_TOKEN, or give --token-file"
        )
    return wrong(
        "token",
        "the service does not accept this token; it may have been revoked",
        "create one: onecopy token create",
    )


def _examine_version(service: str) -> Finding:
    if service == __version__:
        return fine("version", service)
    return advice("version", f"the service has version {service}, this is {__version__}")


def _examine_scopes(config: ConfigResponse) -> Finding:
    by_feature = {"upload": "upload", "link": "read"}
    scopes = [scope for feature, scope in by_feature.items() if feature in config.features]
    if "upload" in scopes:
        return fine("token", f"it allows: {', '.join(scopes)}")
    return advice(
        "token",
        f"it allows only: {', '.join(scopes) or 'check'}; uploads are refused",
        "onecopy token create --scope check --scope upload",
    )
