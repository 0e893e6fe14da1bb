"""The public API for plugin authors, and nothing else.

A plugin imports from here, from `nestegg_testing` in its tests, and, for some kinds of
plugin, from a documented base: `nestegg_core.auth.oidc`, `nestegg_core.database` and
`nestegg_core.importers.csv`.
"""

from nestegg_core.contracts.context import Clock, HookContext, PluginContext
from nestegg_core.contracts.encryption import EncryptionBackend, EncryptionBackendRegistration
from nestegg_core.contracts.error_reporters import ErrorReporter, ErrorReporterRegistration
from nestegg_core.contracts.identity import (
    AppSignIn,
    DescribedProvider,
    ExaminedProvider,
    Identity,
    IdentityProvider,
    IdentityProviderRegistration,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
    Verdict,
)
from nestegg_core.contracts.importers import (
    Question,
    RowProblem,
    Statement,
    StatementAccount,
    StatementFile,
    StatementImporter,
    StatementImporterRegistration,
    StatementRow,
)
from nestegg_core.contracts.metrics import (
    MetricsExporter,
    MetricsExporterRegistration,
    ScrapedExporter,
)
from nestegg_core.contracts.names import CONTRACT_VERSION
from nestegg_core.contracts.operations import (
    CommandRegistration,
    Diagnosis,
    HealthCheckRegistration,
    JobRegistration,
)
from nestegg_core.contracts.retention import (
    Expire,
    Hold,
    RetentionPolicy,
    RetentionPolicyRegistration,
)
from nestegg_core.contracts.routes import Route, RouteCall
from nestegg_core.contracts.storage import (
    DumpingStorage,
    ExaminedStorage,
    Finding,
    Snapshot,
    Storage,
    StorageRegistration,
    Transaction,
)
from nestegg_core.errors import (
    ConfigurationError,
    Conflict,
    DecryptionError,
    FieldProblem,
    Forbidden,
    InvalidInput,
    MigrationError,
    NestEggError,
    NotFound,
    Problem,
    ProviderUnavailable,
    StatementError,
    StorageUnavailable,
)
from nestegg_core.hookspecs import hookimpl
from nestegg_core.settings.types import CommaList

__all__ = [
    "CONTRACT_VERSION",
    "AppSignIn",
    "Clock",
    "CommaList",
    "CommandRegistration",
    "ConfigurationError",
    "Conflict",
    "DecryptionError",
    "DescribedProvider",
    "Diagnosis",
    "DumpingStorage",
    "EncryptionBackend",
    "EncryptionBackendRegistration",
    "ErrorReporter",
    "ErrorReporterRegistration",
    "ExaminedProvider",
    "ExaminedStorage",
    "Expire",
    "FieldProblem",
    "Finding",
    "Forbidden",
    "HealthCheckRegistration",
    "Hold",
    "HookContext",
    "Identity",
    "IdentityProvider",
    "IdentityProviderRegistration",
    "Invalid",
    "InvalidInput",
    "JobRegistration",
    "MetricsExporter",
    "MetricsExporterRegistration",
    "MigrationError",
    "NestEggError",
    "NotFound",
    "NotMine",
    "PluginContext",
    "Problem",
    "ProviderUnavailable",
    "Question",
    "RetentionPolicy",
    "RetentionPolicyRegistration",
    "Route",
    "RouteCall",
    "RowProblem",
    "ScrapedExporter",
    "Snapshot",
    "Statement",
    "StatementAccount",
    "StatementError",
    "StatementFile",
    "StatementImporter",
    "StatementImporterRegistration",
    "StatementRow",
    "Storage",
    "StorageRegistration",
    "StorageUnavailable",
    "Transaction",
    "Unavailable",
    "Valid",
    "Verdict",
    "hookimpl",
]
