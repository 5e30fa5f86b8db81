"""Metrics for Prometheus: requests by route, with no label for keys or tokens.

Tenants are labels only of the bytes for which they have a quota.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from math import inf
from typing import Any, NamedTuple, Protocol

from onecopy.content import Verdict
from onecopy.gate import Answer
from onecopy.gate.usage import TenantUsage

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
"""https://prometheus.io/docs/instrumenting/exposition_formats/"""

Count = Callable[[], None]
Observe = Callable[[float], None]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH"})


class Figure(NamedTuple):
    """A metric without labels, whose value is read when it is scraped."""

    name: str
    text: str
    value: float
    is_counter: bool = True


Figures = Callable[[], Iterable[Figure]]


class Metrics(Protocol):
    """Receives the numbers of every response."""

    def request(  # noqa: PLR0913 - one for each metric
        self, method: str, route: str, status: int, *, seconds: float, received: int, sent: int
    ) -> None:
        """Count one request. `route` is a path template, so that the number of labels is small.

        `received` and `sent` are bytes of the bodies.
        """

    def verdicts(self, call: str, answers: Sequence[Answer]) -> None:
        """Count the verdicts of one call."""


class NoMetrics:
    """Counts nothing: for short-lived processes, which nothing could scrape."""

    def request(  # noqa: PLR0913 - one for each metric
        self, method: str, route: str, status: int, *, seconds: float, received: int, sent: int
    ) -> None: ...

    def verdicts(self, call: str, answers: Sequence[Answer]) -> None: ...


class PrometheusMetrics:
    """Metrics of one app, in a registry of its own, so that two apps in a process stay apart."""

    def __init__(
        self,
        figures: Figures = tuple,
        usage: Callable[[], Iterable[TenantUsage]] = lambda: (),
    ) -> None:
        import prometheus_client as prometheus  # slow to import, and not needed by NoMetrics

        self._generate = prometheus.generate_latest
        self._registry = registry = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            "onecopy_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = prometheus.Histogram(
            "onecopy_request_seconds",
            "Time from the headers of a request to the end of its response.",
            ("route",),
            registry=registry,
            buckets=_BUCKETS,
        )
        self._received = prometheus.Counter(
            "onecopy_received_bytes_total", "Bytes of request bodies.", registry=registry
        )
        self._sent = prometheus.Counter(
            "onecopy_sent_bytes_total", "Bytes of response bodies.", registry=registry
        )
        self._verdicts = prometheus.Counter(
            "onecopy_verdicts_total", "Files by verdict.", ("call", "verdict"), registry=registry
        )
        registry.register(_Read(figures))
        registry.register(_TenantBytes(usage))
        # Cached, since finding a labelled counter takes as long as counting.
        self._request_counter = cache(self._find)
        self._verdict_counter = cache(self._find_verdict)

    def request(  # noqa: PLR0913 - one for each metric
        self, method: str, route: str, status: int, *, seconds: float, received: int, sent: int
    ) -> None:
        method = method if method in _METHODS else "other"
        count, observe = self._request_counter(method, route, status)
        count()
        observe(seconds)
        self._received.inc(received)
        self._sent.inc(sent)

    def _find(self, method: str, route: str, status: int) -> tuple[Count, Observe]:
        count = self._requests.labels(method, route, str(status)).inc
        return count, self._seconds.labels(route).observe

    def verdicts(self, call: str, answers: Sequence[Answer]) -> None:
        verdicts = [answer.verdict for answer in answers]
        for verdict in set(verdicts):
            self._verdict_counter(call, verdict)(verdicts.count(verdict))

    def _find_verdict(self, call: str, verdict: Verdict) -> Callable[[float], None]:
        return self._verdicts.labels(call, verdict.value).inc

    def exposition(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return self._generate(self._registry)


class _Read:
    """Figures that are read when they are scraped."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def describe(self) -> Iterable[Any]:
        """Return nothing, so that no figure is read before it is scraped."""
        return ()

    def collect(self) -> Iterator[Any]:
        """Yield the metrics; see prometheus_client's custom collectors."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, text, value, is_counter in self._figures():
            family = CounterMetricFamily if is_counter else GaugeMetricFamily
            yield family(name, text, value=value)


class _TenantBytes:
    """The bytes of tenants with quotas, and the quotas."""

    def __init__(self, usage: Callable[[], Iterable[TenantUsage]]) -> None:
        self._usage = usage

    def collect(self) -> Iterator[Any]:
        """Yield the metrics; see prometheus_client's custom collectors."""
        from prometheus_client.core import GaugeMetricFamily

        labels = ("tenant", "kind")
        used = GaugeMetricFamily(
            "onecopy_tenant_bytes", "Bytes of a tenant that has a quota.", labels=labels
        )
        quota = GaugeMetricFamily(
            "onecopy_tenant_quota_bytes", "The quota of a tenant.", labels=labels
        )
        for tenant, stored, unsent, limits in self._usage():
            for kind, amount, most in zip(
                ("stored", "unsent"), (stored, unsent), limits, strict=True
            ):
                if most < inf:
                    used.add_metric((tenant, kind), amount)
                    quota.add_metric((tenant, kind), most)
        yield used
        yield quota
