"""Names and units by Prometheus' conventions, for everything that is exposed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from nestegg_core.observability.metrics import MEASURES
from nestegg_core.observability.prometheus import PREFIX, PrometheusExporter
from support.scraping import Scraped

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "nest-egg.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"

# What `promtool check metrics` complains about.
ABBREVIATIONS = {"s", "ms", "us", "ns", "sec", "secs", "kb", "mb", "gb", "min", "b"}
OTHER_UNITS = {"milliseconds", "microseconds", "minutes", "hours", "days", "kilobytes", "percent"}
KINDS = {"counter", "gauge", "histogram", "summary"}


def complaints(family: Metric) -> Iterator[str]:
    """Say what is wrong with a metric's name, text or labels."""
    words = family.name.split("_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", family.name):
        yield "is not in lower case with single underscores"
    if not family.documentation.strip().endswith("."):
        yield "has no sentence as its HELP"
    if KINDS & set(words):
        yield "has its type in its name"
    if (ABBREVIATIONS | OTHER_UNITS) & set(words):
        yield "has no base unit"
    if family.type != "counter" and words[-1] in {"total", "count", "sum", "bucket"}:
        yield "ends as another type does"
    if family.type == "histogram" and words[-1] not in {"seconds", "bytes"}:
        yield "does not end with its unit"
    for label in {name for sample in family.samples for name in sample.labels}:
        if label != "le" and (label.startswith("__") or not re.fullmatch("[a-z][a-z_]*", label)):
            yield f"has the label {label}"


def exercised() -> Scraped:
    """Return the exposition of an exporter that has measured everything."""
    exporter = PrometheusExporter()
    call = {"counter": "count", "gauge": "gauge", "histogram": "observe"}
    for name, measure in MEASURES.items():
        getattr(exporter, call[measure.kind])(name, dict.fromkeys(measure.labels, "x"), 1)
    return Scraped(exporter.exposition().decode())


def test_everything_of_the_core_keeps_to_the_conventions() -> None:
    families = exercised().families

    assert {family.name for family in families} == {PREFIX + name for name in MEASURES}
    assert [f"{one.name} {why}" for one in families for why in complaints(one)] == []
    assert all(family.samples for family in families)


@pytest.mark.parametrize(
    ("name", "kind", "help_text"),
    [
        ("nestegg_job_ms", "histogram", "A sentence."),
        ("nestegg_jobs_total", "gauge", "A sentence."),
        ("nestegg_job_durations", "histogram", "A sentence."),
        ("nestegg_jobs_counter", "counter", "A sentence."),
        ("nestegg_Jobs", "gauge", "A sentence."),
        ("nestegg_jobs", "gauge", ""),
    ],
)
def test_the_check_finds_what_is_wrong(name: str, kind: str, help_text: str) -> None:
    assert list(complaints(Metric(name, help_text, kind)))


def test_what_was_not_measured_yet_is_described_all_the_same() -> None:
    exporter = PrometheusExporter()
    exporter.count("http_requests", {"route": "/x", "method": "GET", "status": "200"})
    scraped = Scraped(exporter.exposition().decode())

    described = {family.name.removesuffix("_total") for family in scraped.families}
    assert described == {PREFIX + name for name in MEASURES}
    assert scraped.value("nestegg_http_requests_total", route="/x") == 1
    assert "nestegg_http_requests_created" not in scraped.text


def expressions() -> Iterator[str]:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (variable["query"] for variable in dashboard["templating"]["list"])
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\bnestegg_[a-z_]+", text))


def test_dashboard_and_alerts_name_only_what_is_exposed() -> None:
    named = set().union(*map(names_in, expressions()))

    assert len(named) > 10
    assert named - exercised().names() == set()


def test_labels_that_expressions_use_are_there() -> None:
    known = {label for measure in MEASURES.values() for label in measure.labels}
    used = {
        label
        for expression in expressions()
        for group in re.findall(r"by \(([^)]*)\)", expression)
        for label in re.split(r",\s*", group)
    }

    assert used - known - {"le", "instance"} == set()


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    [group] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    rules = group["rules"]

    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        known = {"none"} if rule["alert"] == "NestEggWatchdog" else {"warning", "critical"}
        assert rule["labels"]["severity"] in known
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_guide_has_every_metric_with_its_labels() -> None:
    guide = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = {
        found[1]: found[2]
        for found in re.finditer(r"^\| `(nestegg_[a-z_]+)` \| ([^|]*) \|", guide, re.MULTILINE)
    }
    written = {
        PREFIX + name + ("_total" if measure.kind == "counter" else ""): ", ".join(
            f"`{label}`" for label in measure.labels
        )
        for name, measure in MEASURES.items()
    }

    assert rows == written
