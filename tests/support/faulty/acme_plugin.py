"""The faulty plugin of the running server. A file below ACME_TRIPS switches a fault on."""

import os
import time
from pathlib import Path

import click
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import make_url

from nestegg_core import (
    CommandRegistration,
    EncryptionBackendRegistration,
    ErrorReporterRegistration,
    HealthCheckRegistration,
    IdentityProviderRegistration,
    JobRegistration,
    MetricsExporterRegistration,
    NotMine,
    RetentionPolicyRegistration,
    Route,
    Statement,
    StatementImporterRegistration,
    StorageRegistration,
    hookimpl,
)
from nestegg_core.database import SqliteStorage

TRIPS = Path(os.environ.get("ACME_TRIPS", "nowhere"))


def tripped(name):
    return (TRIPS / name).exists()


def trip(name):
    return 1 / 0 if tripped(name) else None


class NoSettings(BaseSettings):
    pass


class Provider:
    issuers = ("https://acme.example",)

    def authenticate(self, token):
        if token.startswith("hangs"):
            (TRIPS / "is-hanging").touch()
            while not tripped("let-go"):
                time.sleep(0.02)
        if token.startswith("raises"):
            return 1 / 0
        return None if token.startswith("garbage") else NotMine()


class Backend:
    def encrypt(self, plaintext, **_):
        trip("encryption-raises")
        return b"a:b" if tripped("encryption-garbage") else plaintext.hex().encode() + b"."

    def decrypt(self, payload, **_):
        return bytes.fromhex(payload.decode().rstrip("."))


class Importer:
    def recognises(self, file):
        if b"recognises-raises" in file.content:
            return 1 / 0
        return file.content.startswith(b"ACME")

    def read(self, file, _options):
        if b"raises" in file.content:
            return 1 / 0
        return Statement({}, ["no row"])


class Storage(SqliteStorage):
    def begin(self, connection, org_id, *, write):
        if tripped("storage-raises"):
            1 / 0  # noqa: B018 - it is there to fail
        super().begin(connection, org_id, write=write)


class StorageSettings(BaseSettings):
    database_url: SecretStr


def make_storage(context):
    return Storage(Path(make_url(context.settings.database_url.get_secret_value()).database))


class Exporter:
    def count(self, *_):
        trip("metrics-raises")

    observe = gauge = count


class Reporter:
    def report(self, *_):
        trip("reporter-raises")


class Policy:
    def decide(self, *_):
        trip("policy-raises")
        return []


def check_hangs():
    while tripped("check-hangs"):
        time.sleep(0.02)
    return []


class Answer(BaseModel):
    number: int


def raises(*_):
    return 1 / 0


@hookimpl
def nestegg_identity_providers():
    return [IdentityProviderRegistration("acme", NoSettings, lambda _: Provider())]


@hookimpl
def nestegg_encryption_backends():
    return [EncryptionBackendRegistration("acme", NoSettings, lambda _: Backend())]


@hookimpl
def nestegg_statement_importers():
    return [StatementImporterRegistration("acme", NoSettings, lambda _: Importer(), options={})]


@hookimpl
def nestegg_storages():
    return [StorageRegistration("acme", ("acme",), StorageSettings, make_storage, True)]


@hookimpl
def nestegg_metrics_exporters():
    return [MetricsExporterRegistration("acme", NoSettings, lambda _: Exporter())]


@hookimpl
def nestegg_error_reporters():
    return [ErrorReporterRegistration("acme", NoSettings, lambda _: Reporter(), lambda _: True)]


@hookimpl
def nestegg_retention_policies():
    return [RetentionPolicyRegistration("acme", NoSettings, lambda _: Policy())]


@hookimpl
def nestegg_health_checks():
    return [
        HealthCheckRegistration("raises", lambda: 1 / 0 if tripped("check-raises") else []),
        HealthCheckRegistration("garbage", lambda: None if tripped("check-garbage") else []),
        HealthCheckRegistration("hangs", check_hangs),
    ]


@hookimpl
def nestegg_jobs():
    return [JobRegistration("acme_job", raises)]


@hookimpl
def nestegg_commands():
    return [CommandRegistration(click.Command("acme", callback=raises))]


@hookimpl
def nestegg_routes():
    return [
        Route("GET", "/raises", "accounts:read", None, Answer, raises, "Raise"),
        Route("GET", "/garbage", "accounts:read", None, Answer, lambda _: {"number": "x"}, "Lie"),
    ]
