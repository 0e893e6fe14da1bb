"""Every built-in passes the kit that is made for plugins."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nestegg_core import (
    EncryptionBackend,
    IdentityProvider,
    MetricsExporter,
    RetentionPolicy,
    StatementFile,
    StatementImporter,
    Storage,
)
from nestegg_core.auth.builtin import BuiltinSettings
from nestegg_core.auth.builtin.provider import make_builtin
from nestegg_core.builtins import SqliteSettings, make_sqlite
from nestegg_core.encryption.fernet import FernetBackend
from nestegg_core.importers.csv.importer import CsvImporter
from nestegg_core.importers.csv.options import CSV_OPTIONS
from nestegg_core.observability.prometheus import PREFIX, PrometheusExporter
from nestegg_core.retention.policy import LONGEST, AgeSettings, make_transaction_age
from nestegg_testing import (
    EncryptionBackendConformance,
    IdentityProviderConformance,
    MakeContext,
    MetricsExporterConformance,
    RetentionPolicyConformance,
    SigningKey,
    StatementImporterConformance,
    StatementSample,
    StorageConformance,
)

SECRET = "a secret key of the server, which is long enough to be one"
USER = "0193f9c0-0000-7000-8000-000000000001"


def signing_key() -> bytes:
    """Derive the key as the server does: the kit has to sign what the server would."""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"nestegg access token")
    return derive.derive(SECRET.encode())


class TestBuiltinProvider(IdentityProviderConformance):
    issuer = "nestegg"
    claims: ClassVar[Mapping[str, str]] = {
        "sub": USER,
        "sid": "0193f9c0-0000-7000-8000-000000000002",
    }
    token_headers: ClassVar[Mapping[str, str | None]] = {"typ": "at+jwt", "kid": None}
    signing_key = SigningKey("server", "HS256", secret=signing_key())
    user = USER
    other_audiences = ()
    other_types = ({"sid": None},)
    verified_email = None
    groups_claim = None
    fetches_keys = False
    issues_tokens = True

    @pytest.fixture
    def subject(self, plugin_context: MakeContext) -> IdentityProvider:
        return make_builtin(plugin_context(BuiltinSettings, SECRET_KEY=SECRET))


class TestFernet(EncryptionBackendConformance):
    name = "fernet"

    @pytest.fixture
    def subject(self) -> EncryptionBackend:
        return FernetBackend()


class TestTransactionAge(RetentionPolicyConformance):
    @pytest.fixture(params=["", "1", "2555", str(LONGEST)])
    def subject(
        self, request: pytest.FixtureRequest, plugin_context: MakeContext
    ) -> RetentionPolicy:
        return make_transaction_age(
            plugin_context(AgeSettings, DATA_RETENTION_DAYS=str(request.param))
        )


class TestPrometheus(MetricsExporterConformance):
    readable = True

    @pytest.fixture
    def subject(self) -> MetricsExporter:
        return PrometheusExporter()

    def read(self, subject: MetricsExporter, name: str, labels: Mapping[str, str]) -> float:
        assert isinstance(subject, PrometheusExporter)
        samples = [
            sample
            for metric in subject.registry.collect()
            for sample in metric.samples
            if sample.name in (PREFIX + name, f"{PREFIX}{name}_total") and sample.labels == labels
        ]
        [sample] = samples
        return float(sample.value)


GERMAN = """\
Buchungstag;Verwendungszweck;Begünstigter;Betrag;Währung;Saldo
31.01.2026;Brötchen;Bäckerei;-2,50;EUR;1.097,50
01.02.2026;Lohn;Firma;1.234,5678;EUR;2.332,0678
"""
ENGLISH = b"Date,Payee,Debit,Credit\n13/01/2026,Shop,5.00,\n14/01/2026,Mill,,7.50\n"


class TestCsv(StatementImporterConformance):
    samples = (
        StatementSample(
            StatementFile(GERMAN.encode("cp1252"), "umsätze.csv", "text/csv"),
            [("2026-01-31", "-2.50"), ("2026-02-01", "1234.5678")],
            currency="EUR",
            closing_balance="2332.0678",
        ),
        StatementSample(
            StatementFile(ENGLISH, "statement.csv"),
            [("2026-01-13", "-5.00"), ("2026-01-14", "7.50")],
        ),
        StatementSample(
            StatementFile(ENGLISH, "statement.csv"),
            [("2026-01-13", "5.00"), ("2026-01-14", "-7.50")],
            options={"invert_sign": "true", "encoding": "utf-8"},
        ),
    )
    options = CSV_OPTIONS

    @pytest.fixture
    def subject(self) -> StatementImporter:
        return CsvImporter()


class TestSqlite(StorageConformance):
    @pytest.fixture
    def subject(self, plugin_context: MakeContext, tmp_path: Path) -> Iterator[Storage]:
        url = f"sqlite:///{tmp_path / 'kit.sqlite3'}"
        storage = make_sqlite(plugin_context(SqliteSettings, DATABASE_URL=url))
        yield storage
        storage.dispose()
