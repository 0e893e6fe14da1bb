"""The conformance kit: one class of tests for each kind of plugin."""

from nestegg_testing.conformance.base import Conformance, RuleBroken
from nestegg_testing.conformance.encryption import EncryptionBackendConformance
from nestegg_testing.conformance.error_reporters import ErrorReporterConformance
from nestegg_testing.conformance.identity import IdentityProviderConformance
from nestegg_testing.conformance.importers import (
    StatementImporterConformance,
    StatementSample,
)
from nestegg_testing.conformance.metrics import MetricsExporterConformance
from nestegg_testing.conformance.retention import RetentionPolicyConformance
from nestegg_testing.conformance.storage import StorageConformance

__all__ = [
    "Conformance",
    "EncryptionBackendConformance",
    "ErrorReporterConformance",
    "IdentityProviderConformance",
    "MetricsExporterConformance",
    "RetentionPolicyConformance",
    "RuleBroken",
    "StatementImporterConformance",
    "StatementSample",
    "StorageConformance",
]
