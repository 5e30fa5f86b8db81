"""A proxy that stands for what the stand-in's CloudFront can't do: reach the stand-in's own API.

It serves the files of the distribution's bucket itself, with its default object and its security
headers. What its behaviours send to the API, for which it would need a DNS name and TLS, we bring
there.
"""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from tests.deploy.conftest import Cloud
from tests.middleman import Answer, Handler, serving

_HOP = {"connection", "content-length", "date", "transfer-encoding"}


@dataclass
class Edge:
    """Where it is, and what it stands before."""

    url: str = ""
    endpoint: str = ""
    distribution: str = ""
    api: str = ""
    to_api: list[str] = field(default_factory=list)
    """The paths of the distribution's behaviours for the API."""

    def stand_before(self, cloud: Cloud) -> None:
        """Take up what is deployed there."""
        self.endpoint = cloud.standin.endpoint
        self.distribution = cloud.output("DistributionDomain")
        self.api = urlsplit(cloud.output("ApiUrl")).netloc
        config = cloud.client("cloudfront").get_distribution_config(Id=cloud.made["Distribution"])
        behaviors = config["DistributionConfig"]["CacheBehaviors"]["Items"]
        self.to_api = [each["PathPattern"] for each in behaviors if each["TargetOriginId"] == "api"]

    @property
    def hosts(self) -> str:
        """Chromium's rule by which the distribution's name leads here."""
        return f"MAP {self.distribution} {urlsplit(self.url).netloc}"

    def host(self, path: str) -> str:
        """Return whom a path belongs to."""
        return (
            self.api if any(fnmatchcase(path, each) for each in self.to_api) else self.distribution
        )


@contextmanager
def edge(tls: ssl.SSLContext | None = None) -> Iterator[Edge]:
    """Run one, which stands before nothing yet."""
    ours = Edge()

    class Forwarding(Handler):
        def answer(self, length: int) -> Answer:
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            headers["Host"] = ours.host(urlsplit(self.path).path)
            headers["X-Forwarded-Proto"] = "https"
            return forward(ours.endpoint, self.command, self.path, headers, self.rfile.read(length))

    with serving(Forwarding, tls) as url:
        ours.url = url
        yield ours


def forward(endpoint: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    """Make a request to the stand-in, and return its answer."""
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        kept = {n: v for n, v in answer.getheaders() if n.lower() not in _HOP}
        return answer.status, kept, answer.read()
    finally:
        connection.close()
