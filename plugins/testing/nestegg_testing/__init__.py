"""What authors of plugins may use in their tests: the conformance kit, fakes and fixtures.

The names are imported when they are used, so that pytest can load the fixtures of
`pytest_plugin` without paying for all of this. Install it as `nestegg-testing`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nestegg_testing.apps import MakeApp, RunningApp
    from nestegg_testing.clock import MovableClock
    from nestegg_testing.conformance import (
        Conformance,
        EncryptionBackendConformance,
        ErrorReporterConformance,
        IdentityProviderConformance,
        MetricsExporterConformance,
        RetentionPolicyConformance,
        RuleBroken,
        StatementImporterConformance,
        StatementSample,
        StorageConformance,
    )
    from nestegg_testing.contexts import MakeContext
    from nestegg_testing.household import PASSWORD, Household, register
    from nestegg_testing.identity_attacks import ATTACKS, Attack
    from nestegg_testing.identity_keys import SigningKey
    from nestegg_testing.identity_server import FakeIdentityProvider, Fault
    from nestegg_testing.report_server import ReportServer

__all__ = [
    "ATTACKS",
    "PASSWORD",
    "Attack",
    "Conformance",
    "EncryptionBackendConformance",
    "ErrorReporterConformance",
    "FakeIdentityProvider",
    "Fault",
    "Household",
    "IdentityProviderConformance",
    "MakeApp",
    "MakeContext",
    "MetricsExporterConformance",
    "MovableClock",
    "ReportServer",
    "RetentionPolicyConformance",
    "RuleBroken",
    "RunningApp",
    "SigningKey",
    "StatementImporterConformance",
    "StatementSample",
    "StorageConformance",
    "register",
]

_MODULES = {
    "apps": ("MakeApp", "RunningApp"),
    "clock": ("MovableClock",),
    "contexts": ("MakeContext",),
    "household": ("PASSWORD", "Household", "register"),
    "identity_attacks": ("ATTACKS", "Attack"),
    "identity_keys": ("SigningKey",),
    "identity_server": ("FakeIdentityProvider", "Fault"),
    "report_server": ("ReportServer",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULE_OF.get(name, 'conformance')}")
    return getattr(module, name)
