"""The dashboard for Grafana and the alerts for Prometheus, on the metrics of a real service."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from onecopy.http.app import Options
from onecopy.scan.listing import can_be_listed, keeps_listings, scan_by_listing
from onecopy.tenant import Quota, Quotas
from tests.http.conftest import Service, starting

_DEPLOY = Path(__file__).parents[2] / "deploy"
_RULES = _DEPLOY / "prometheus-rules.yaml"
_RULES_TEST = Path(__file__).with_name("prometheus-rules-test.yaml")
_METRIC = re.compile(r"\bonecopy_\w+")
_VARIABLES = {"$__rate_interval": "5m", "$__range": "1d", "$price": "0.023", "$instance": ".*"}


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    dashboard = json.loads((_DEPLOY / "grafana" / "onecopy.json").read_text("utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    """Return the alerts."""
    [group] = yaml.safe_load(_RULES.read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> list[str]:
    """Return every expression of a panel or a rule."""
    of_panels = [target["expr"] for panel in panels() for target in panel["targets"]]
    return of_panels + [rule["expr"] for rule in rules()]


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return what Prometheus reads from a service that has been used and scanned."""
    with starting(tmp_path_factory.mktemp("service")) as start:
        service = start(Options(count_seconds=0, quotas=Quotas(Quota(10**9, 10**9))))
        use(service)
        yield service.ask("GET", "/metrics").body.decode()


def use(service: Service) -> None:
    """Upload, check, report and scan."""
    service.upload("one", b"hello")
    service.check(b"hello", b"world")
    service.ask("POST", "/v1/avoided", {"files": 2, "bytes": 10, "largest": 5})
    assert can_be_listed(service.store)
    assert keeps_listings(service.index)
    scan_by_listing(service.index, service.store)


def names_in(scrape: str) -> set[str]:
    """Return the names of all samples."""
    families = text_string_to_metric_families(scrape)
    return {sample.name for family in families for sample in family.samples}


def test_every_metric_that_is_shown_exists(scrape: str) -> None:
    """In panels and alerts; `up` is Prometheus's own."""
    shown = {name for expression in expressions() for name in _METRIC.findall(expression)}
    assert shown <= names_in(scrape)


def test_every_metric_is_shown(scrape: str) -> None:
    """What is not worth a panel is not worth a metric."""
    shown = {name for expression in expressions() for name in _METRIC.findall(expression)}
    derived = {"_created", "_count", "_sum"}
    missing = {name for name in names_in(scrape) - shown if not name.endswith(tuple(derived))}
    assert missing == set()


def test_figures_are_those_of_what_was_done(scrape: str) -> None:
    """Counts of this process once they are written, and the last scan."""
    figures = {
        sample.name: sample.value
        for family in text_string_to_metric_families(scrape)
        for sample in family.samples
        if not sample.labels
    }
    assert figures["onecopy_index_up"] == 1
    assert figures["onecopy_last_scan_objects"] == 1
    assert figures["onecopy_last_scan_empty_objects"] == 0
    assert figures["onecopy_last_scan_bytes"] == 5
    assert figures["onecopy_last_scan_problems"] == 0
    assert figures["onecopy_uploaded_files_total"] == 1
    assert figures["onecopy_avoided_files_total"] == 2
    assert figures["onecopy_avoided_bytes_total"] == 10


def test_panels_are_described_and_do_not_overlap() -> None:
    """Each has a title, a unit and a place of its own."""
    places: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & places
        places |= own
    assert max(x for x, _ in places) < 24


def test_every_alert_has_a_test() -> None:
    """One in which it fires, and one in which it does not."""
    tested = yaml.safe_load(_RULES_TEST.read_text("utf-8"))["tests"]
    cases = [case for test in tested for case in test["alert_rule_test"]]
    for rule in rules():
        own = [case for case in cases if case["alertname"] == rule["alert"]]
        assert {bool(case.get("exp_alerts")) for case in own} == {False, True}
        assert set(rule["annotations"]) == {"summary", "description"}


def promtool(*arguments: object, given: str | None = None) -> str:
    """Run promtool, which must find nothing; return what it prints."""
    if shutil.which("promtool") is None:
        pytest.fail("promtool is missing: `make test` installs it (Debian's package prometheus)")
    ran = subprocess.run(
        ["promtool", *map(str, arguments)], input=given, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.server
def test_rules_are_valid() -> None:
    """As Prometheus reads them."""
    assert f"{len(rules())} rules found" in promtool("check", "rules", "--lint-fatal", _RULES)


@pytest.mark.server
def test_alerts_fire_when_they_should() -> None:
    """And stay silent otherwise."""
    assert "SUCCESS" in promtool("test", "rules", _RULES_TEST)


@pytest.mark.server
def test_metrics_have_good_names(scrape: str) -> None:
    """As Prometheus recommends them."""
    promtool("check", "metrics", given=scrape)


@pytest.mark.server
def test_panels_are_valid_queries(tmp_path: Path) -> None:
    """As a rule each, with values for Grafana's variables."""
    queries = [target["expr"] for panel in panels() for target in panel["targets"]]
    for name, value in {**_VARIABLES, "$route": ".*"}.items():
        queries = [query.replace(name, value) for query in queries]
    recorded = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", file)
