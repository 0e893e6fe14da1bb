"""Metrics exporters, each with one fault, over one that keeps numbers in dictionaries."""

from collections.abc import Mapping
from threading import Lock
from time import perf_counter
from typing import ClassVar

import pytest

from nestegg_core import MetricsExporter
from nestegg_testing import MetricsExporterConformance

Key = tuple[str, tuple[tuple[str, str], ...]]


def key_of(name: str, labels: Mapping[str, str]) -> Key:
    return name, tuple(sorted(labels.items()))


class Kept:
    def __init__(self) -> None:
        self.kept: dict[Key, float] = {}
        self.lock = Lock()

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        with self.lock:
            key = key_of(name, labels)
            self.kept[key] = self.kept.get(key, 0) + amount

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        del name, labels, value

    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self.kept[key_of(name, labels)] = value


class FaultyConformance(MetricsExporterConformance):
    fault: ClassVar[type[Kept]] = Kept
    breaks: ClassVar[set[str]] = set()
    readable = True

    @pytest.fixture
    def subject(self) -> MetricsExporter:
        return self.fault()

    def read(self, subject: MetricsExporter, name: str, labels: Mapping[str, str]) -> float:
        assert isinstance(subject, Kept)
        return subject.kept[key_of(name, labels)]


class NeedsLabels(Kept):
    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        del name, value
        next(iter(labels))


class TestNeedsLabels(FaultyConformance):
    fault = NeedsLabels
    breaks: ClassVar = {"test_every_kind_of_measurement_is_taken"}


class WantsAscii(Kept):
    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        del name, value
        "".join(labels.values()).encode("ascii")


class TestWantsAscii(FaultyConformance):
    fault = WantsAscii
    breaks: ClassVar = {"test_any_text_may_be_a_label[not ASCII]"}


class MixesKindsUp(Kept):
    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        if name == "kit_requests":
            raise KeyError(name)
        super().gauge(name, labels, value)


class TestMixesKindsUp(FaultyConformance):
    fault = MixesKindsUp
    breaks: ClassVar = {"test_a_name_that_is_used_otherwise_is_refused_clearly[another kind]"}


class SaysNothing(Kept):
    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        if "colour" in labels:
            raise ValueError
        super().count(name, labels, amount)


class TestSaysNothing(FaultyConformance):
    fault = SaysNothing
    breaks: ClassVar = {"test_a_name_that_is_used_otherwise_is_refused_clearly[other labels]"}


class CountsOnes(Kept):
    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        del amount
        super().count(name, labels, 1)


class TestCountsOnes(FaultyConformance):
    fault = CountsOnes
    breaks: ClassVar = {"test_what_is_counted_can_be_read"}


class LosesCounts(Kept):
    """Counts nothing while another thread counts."""

    def count(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        key = key_of(name, labels)
        if self.kept.get(key, 0) < 100:
            super().count(name, labels, amount)


class TestLosesCounts(FaultyConformance):
    fault = LosesCounts
    breaks: ClassVar = {"test_threads_measure_at_once"}


class Slow(Kept):
    def gauge(self, name: str, labels: Mapping[str, str], value: float) -> None:
        super().gauge(name, labels, value)
        if name == "kit_gauge":
            began = perf_counter()
            while perf_counter() - began < 0.0012:
                pass


class TestSlow(FaultyConformance):
    fault = Slow
    breaks: ClassVar = {"test_measuring_is_quick[gauge]"}
