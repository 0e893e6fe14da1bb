"""The conformance kit: one class of tests for each kind of plugin."""

from nestegg_core.testing.conformance.base import Conformance, RuleBroken
from nestegg_core.testing.conformance.encryption import EncryptionBackendConformance
from nestegg_core.testing.conformance.error_reporters import ErrorReporterConformance
from nestegg_core.testing.conformance.identity import IdentityProviderConformance
from nestegg_core.testing.conformance.importers import (
    StatementImporterConformance,
    StatementSample,
)
from nestegg_core.testing.conformance.metrics import MetricsExporterConformance
from nestegg_core.testing.conformance.retention import RetentionPolicyConformance
from nestegg_core.testing.conformance.storage import StorageConformance

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
