"""Examination of the way to a server: proxy and CA certificates."""

from urllib.parse import urlsplit

from onecopy.doctor.finding import Finding, fine, wrong
from onecopy.errors import InvalidSettings
from onecopy.httpclient import origin
from onecopy.network import Network

_FIX = "correct the environment variable, or unset it"


def examine_network(network: Network, url: str) -> Finding:
    """Report which proxy and CA certificates requests to a server use."""
    try:
        if urlsplit(url).scheme == "https":
            _ = network.tls
        return fine("network", f"{origin(url)}: {network.describe(url)}")
    except InvalidSettings as error:
        return wrong("network", str(error), _FIX)
