"""Sessions, error codes and messages shared by all AWS clients."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import botocore.exceptions as boto

from onecopy.aws.environment import REGIONS
from onecopy.errors import Failure, Forbidden
from onecopy.network import CaFile, Network, read_network
from onecopy.proxies import Proxy, ProxyFailed, denied, reason_of

if TYPE_CHECKING:
    from botocore.session import Session

_CONNECTION_ERRORS = (boto.ConnectionError, boto.HTTPClientError)
_CREDENTIAL_ERRORS = (
    boto.CredentialRetrievalError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.SSOError,
    boto.TokenRetrievalError,
)
_STILL_EXPIRED = "refreshed credentials are still expired"
"""In the message of a RuntimeError of botocore; the type alone could be a defect."""
_REGION = {"region": ("region", list(REGIONS), None, None)}
_PROXY_DENIED = 407
_TUNNEL_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")
"""How http.client reports a proxy's answer to CONNECT."""


def session_of(profile: str | None = None) -> "Session":
    """Return a session with the usual AWS configuration.

    AWS_REGION is read as in the AWS CLI and the other SDKs; boto3 alone reads AWS_DEFAULT_REGION
    only. CA certificates are those of our own HTTP client. Raises botocore's ProfileNotFound, and
    InvalidSettings for a file of CA certificates that can't be used.
    """
    from botocore.session import Session  # takes 0.1 s, and many commands need none

    ca = read_network().ca
    preferred = ca.source if ca and ca.source == "AWS_CA_BUNDLE" else None
    bundle = {"ca_bundle": ("ca_bundle", preferred, ca and ca.path, None)}
    session = Session(session_vars={**_REGION, **bundle}, profile=profile)
    _check_ca(network_of(session))
    return session


def usable_network() -> Network:
    """Return the network as the environment describes it.

    Raises InvalidSettings for a file of CA certificates that can't be used, as `session_of` does.
    """
    network = read_network()
    _check_ca(network)
    return network


def _check_ca(network: Network) -> None:
    if network.ca:
        _ = network.tls  # raises InvalidSettings; botocore's error does not name the file


def network_of(session: "Session") -> Network:
    """Return the network as the environment and the profile of a session describe it."""
    network, path = read_network(), session.get_config_variable("ca_bundle")
    if not path or (network.ca and network.ca.path == path):
        return network
    return replace(network, ca=CaFile(path, "ca_bundle in the AWS configuration"))


def code_of(error: boto.ClientError) -> str:
    """Return the error code; after a HEAD request, which has no body, the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: boto.ClientError) -> int:
    """Return the HTTP status of an error response; 0 if it is not known."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def message_of(error: boto.ClientError, service: str) -> str:
    """Return a message that names the service (`the bucket`), and its error code and message."""
    detail = str(error.response.get("Error", {}).get("Message", ""))
    return f"{service} answers {code_of(error) or status_of(error)}: {detail}".rstrip(".: ")


def failure_of(error: Exception, service: str, url: str) -> Failure:
    """Return our error for a botocore error that is not a response of the service.

    `url` is where a user can name a profile: the URL of the store or index, or AWS_PROFILE.
    """
    if isinstance(error, _CREDENTIAL_ERRORS):
        return Forbidden(
            f"no credentials for {service}: {error}; set AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY, or name a profile in {url}"
        )
    if isinstance(error, _CONNECTION_ERRORS):
        return _unreachable(error, service)
    return Failure(f"the client of {service} failed: {error}")


@contextmanager
def refreshing() -> Iterator[None]:
    """Raise credentials that are expired even after a refresh as an error of botocore's kind."""
    try:
        yield
    except RuntimeError as error:
        if _STILL_EXPIRED not in str(error):
            raise
        raise boto.CredentialRetrievalError(provider="their source", error_msg=error) from error


def denied_by_proxy(error: boto.ClientError, service: str) -> Failure | None:
    """Return the error for a response that a proxy sent instead of the service, or None.

    Only a proxy that forwards plain HTTP can answer so.
    """
    network = read_network()
    if status_of(error) != _PROXY_DENIED or "http" not in network.proxies:
        return None
    variable, text = network.proxies["http"]
    return Proxy.parse(text, variable).failure(service, denied(_PROXY_DENIED))


def _unreachable(error: boto.BotoCoreError, service: str) -> Failure:
    """Return our error for a failed connection, which names a proxy without its password."""
    network, causes = read_network(), " ".join(map(str, _causes(error)))
    proxy = _failed_proxy(network, error, causes)
    if proxy is None:
        return network.unreachable(service, str(error))
    if status := _TUNNEL_STATUS.search(causes):
        return proxy.failure(service, denied(int(status[1])))
    *_, innermost = _causes(error)
    return proxy.failure(service, ProxyFailed(reason_of(innermost)))


def _failed_proxy(network: Network, error: boto.BotoCoreError, causes: str) -> Proxy | None:
    """Return the proxy through which a request failed, or None."""
    if isinstance(error, boto.ProxyConnectionError):
        is_tunnel = "HTTPSConnection" in causes or _TUNNEL_STATUS.search(causes)
        found = network.proxies.get("https" if is_tunnel else "http")
        return Proxy.parse(found[1], found[0]) if found else None
    url = error.kwargs.get("endpoint_url")
    # A certificate is the server's own: a tunnel does not change it.
    return network.proxy(url) if url and not isinstance(error, boto.SSLError) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and the errors that led to it."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
