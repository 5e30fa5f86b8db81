"""Proxies and trusted certificates: one set of settings for botocore and for our HTTP client.

botocore reads most of these environment variables itself; the rules here are the same. Where it has
no rule (SSL_CERT_FILE), `aws.client` passes ours on.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.proxies import Proxy
from onecopy.settings import first_set

REACH = "check its address, and that it is running"
"""What to do about a server that can't be reached, if nothing better is known."""
USES_TLS = "its URL begins with https://"
USES_NO_TLS = "its URL begins with http://"
CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Name a file of CA certificates, the first that is set; botocore reads the first two."""
_UNTRUSTED = (
    "unable to get local issuer",
    "unable to verify the first",
    "self-signed",
    "self signed",
)
"""In OpenSSL's words for a certificate of an unknown CA."""


class CaFile(NamedTuple):
    """A file of CA certificates, and the setting that names it."""

    path: str
    source: str


@dataclass(frozen=True)
class Network:
    """How servers are reached."""

    proxies: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    """Variable and value (which may contain a password) by the scheme of a server's URL."""
    no_proxy: str = ""
    """Hosts that are reached without a proxy: names, which include their subdomains, or IP
    addresses, separated by commas; or `*` for all."""
    ca: CaFile | None = None
    """Replaces the default CA certificates."""

    def proxy(self, url: str) -> Proxy | None:
        """Return the proxy to a server; raises InvalidSettings if we can't use it."""
        parts = urlsplit(url)
        if parts.scheme not in self.proxies or self._is_direct(parts.netloc.lower()):
            return None
        variable, text = self.proxies[parts.scheme]
        return Proxy.parse(text, variable)

    def _is_direct(self, server: str) -> bool:
        """Return whether NO_PROXY lists a host, with or without its port, by urllib's rules."""
        hosts = {server, re.sub(r":\d+$", "", server)}
        names = [name.strip().lstrip(".").lower() for name in self.no_proxy.split(",")]
        listed = any(
            host == name or host.endswith(f".{name}")
            for name in filter(None, names)
            for host in hosts
        )
        return listed or self.no_proxy == "*"

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The trusted certificates and the protocol to negotiate; raises InvalidSettings."""
        try:
            context = ssl.create_default_context(cafile=self.ca and self.ca.path)
        except OSError as error:
            assert self.ca is not None  # noqa: S101 - there is no other file
            reason = (
                "no certificate in PEM format"
                if isinstance(error, ssl.SSLError)
                else error.strerror
            )
            raise InvalidSettings(
                f"can't read CA certificates from {self.ca.path} ({self.ca.source}): {reason}"
            ) from error
        context.set_alpn_protocols(["http/1.1"])
        return context

    def unreachable(self, server: str, reason: str) -> Unavailable:
        """Return the error for a server that can't be reached, and how to trust its CA."""
        if reason.endswith((USES_TLS, USES_NO_TLS)):
            return Unavailable(f"can't reach {server}: {reason}")
        if not any(sign in reason for sign in _UNTRUSTED):
            return Unavailable(f"can't reach {server}: {reason}; {REACH}")
        fix = "if it has a certificate of a private CA, set AWS_CA_BUNDLE to the CA's PEM file"
        if self.ca:
            fix = f"add the certificate of its CA to {self.ca.path} ({self.ca.source})"
        error = Unavailable(f"can't reach {server}: {reason}; {fix}")
        error.fix = fix
        return error

    def describe(self, url: str) -> str:
        """Return which proxy and CA certificates requests to a server use."""
        proxy = self.proxy(url)
        path = f"through the proxy {proxy} ({proxy.variable})" if proxy else "without a proxy"
        if not proxy and urlsplit(url).scheme in self.proxies:
            path += ", as NO_PROXY says"
        if urlsplit(url).scheme != "https":
            return f"{path}; without TLS"
        ca = f"those in {self.ca.path} ({self.ca.source})" if self.ca else "the default ones"
        return f"{path}; CA certificates: {ca}"


def read_network(environment: Mapping[str, str] | None = None) -> Network:
    """Read the settings of the network from the environment.

    A proxy's lower-case variable counts first, as everywhere; if it is empty, there is no proxy.
    """
    proxies = {
        scheme: found
        for scheme in ("https", "http")
        if (found := first_set((f"{scheme}_proxy", f"{scheme}_proxy".upper()), environment))
        if found[1]
    }
    _, no_proxy = first_set(("no_proxy", "NO_PROXY"), environment) or ("", "")
    named = (first_set((name,), environment) for name in CA_VARIABLES)
    ca = next((CaFile(path, name) for name, path in filter(None, named) if path), None)
    return Network(proxies, no_proxy, ca)
