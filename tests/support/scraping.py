"""Reads the metrics of a running server as Prometheus does."""

import socket
from dataclasses import dataclass
from http import HTTPStatus

import requests
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

PATIENCE = 60
PASSWORD = "metrics"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Scraped:
    """One scrape."""

    text: str

    @property
    def families(self) -> list[Metric]:
        """Everything that is described."""
        return list(text_string_to_metric_families(self.text))

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels; 0 when there are none."""
        return sum(
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def names(self) -> set[str]:
        """Return the names that an expression may use."""
        names = set()
        for family in self.families:
            plain = family.name.removesuffix("_total")
            if family.type == "counter":
                names.add(f"{plain}_total")
            elif family.type == "histogram":
                names |= {f"{plain}_{part}" for part in ("bucket", "sum", "count")}
            else:
                names.add(plain)
        return names


def scrape(port: int, password: str = PASSWORD) -> Scraped:
    """Return the metrics of a port."""
    answer = get(port, auth=("admin", password))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scraped(answer.text)


def get(port: int, path: str = "/metrics", **arguments: object) -> requests.Response:
    """Ask a metrics' port for something."""
    url = f"http://127.0.0.1:{port}{path}"
    return requests.get(url, timeout=PATIENCE, **arguments)  # type: ignore[arg-type]


def answers(port: int) -> bool:
    """Tell whether the metrics are served."""
    try:
        return get(port).status_code == HTTPStatus.UNAUTHORIZED
    except requests.ConnectionError:
        return False
