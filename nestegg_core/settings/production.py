"""What `ENVIRONMENT=production` refuses: one rule for each item of the operators' checklist.

A rule looks at the loaded settings, never at raw variables, so it holds wherever a value came
from. Malformed values are refused in every environment, by the settings themselves.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dotenv.parser import Binding, parse_stream
from pydantic import SecretStr
from sqlalchemy.engine import URL

from nestegg_core.errors import Problem
from nestegg_core.settings.urls import is_loopback, is_postgresql, parse, stays_private

if TYPE_CHECKING:
    from nestegg_core.settings import Settings


_NEAR = 0.8
"""Names that are less alike are taken for somebody else's."""

_NUMBERED = re.compile(r"[0-9]+$")


def doubts(path: Path, known: Collection[str]) -> Iterator[Problem]:
    """Yield by name what is hardly meant. Of `known`, one with a number stands for all numbers."""
    known_names = {_shape(name) for name in known}
    bindings = _bindings(path)
    yield from _twice(bindings, path)
    for binding in bindings:
        if binding.key and binding.value is None:
            what = f"stands without = in line {binding.original.line}, and sets nothing ({path})"
            yield Problem(binding.key, what, "write NAME=value, or leave the line out")
        if binding.key and binding.value:
            yield from _misspelt(binding.key, known_names, path)
            yield from _dollar(binding, path)


def _twice(bindings: Iterable[Binding], path: Path) -> Iterator[Problem]:
    lines: dict[str, list[int]] = {}
    for binding in bindings:
        if binding.key and binding.value:
            lines.setdefault(binding.key, []).append(binding.original.line)
    for name, numbers in lines.items():
        if len(numbers) > 1:
            all_but_last = ", ".join(map(str, numbers[:-1]))
            what = (
                f"is set in lines {all_but_last} and {numbers[-1]}; the last is in force ({path})"
            )
            yield Problem(name, what, "leave one line, and delete the others")


def _misspelt(name: str, known: Collection[str], path: Path) -> Iterator[Problem]:
    base = _shape(name.removesuffix("_FILE"))
    if base in known or _shape(name) in known:
        return
    near = difflib.get_close_matches(base.upper(), known, n=1, cutoff=_NEAR)
    if near:
        fix = f"if you mean {near[0]}, write that; else leave the line out"
        yield Problem(name, f"is no setting, and nothing reads it ({path})", fix)


def _dollar(binding: Binding, path: Path) -> Iterator[Problem]:
    written = binding.original.string.partition("=")[2].lstrip()
    if "$" in (binding.value or "") and not written.startswith("'"):
        yield Problem(
            str(binding.key),
            f"has a $ that docker compose takes for a variable, and Nest Egg does not ({path})",
            "put the value into single quotes: both then take it as it stands",
        )


def _bindings(path: Path) -> list[Binding]:
    try:
        return list(parse_stream(StringIO(path.read_text("utf-8-sig"))))
    except (OSError, UnicodeDecodeError):
        return []  # `Environment.problems` tells


def _shape(name: str) -> str:
    return _NUMBERED.sub("1", name)


MIN_METRICS_PASSWORD = 12
_MIN_DIFFERENT_CHARACTERS = 8
_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "change_me",
    "change-this",
    "change_this",
    "change this",
    "your-secret",
    "your_secret",
    "insecure",
    "placeholder",
    "replace-me",
    "replace_me",
    "metrics_admin",  # what the predecessor came with
)
_UNSAFE_TLS = frozenset({"disable", "allow", "prefer"})

Rule = Callable[["Settings"], Iterator[Problem]]


def check(settings: "Settings") -> list[Problem]:
    if settings.environment != "production":
        return []
    return [problem for rule in RULES for problem in rule(settings)]


def _secret_key(settings: "Settings") -> Iterator[Problem]:
    fix = "set a random one: openssl rand -hex 32"
    if _is_known_or_simple(settings.secret_key):
        yield Problem("SECRET_KEY", "is a placeholder or too simple", fix)
    previous = settings.secret_key_previous
    if previous is not None and _is_known_or_simple(previous):
        fix = "leave it out: what it signed must no longer be believed"
        yield Problem("SECRET_KEY_PREVIOUS", "is a placeholder or too simple", fix)


def _master_key(settings: "Settings") -> Iterator[Problem]:
    if _is_known_or_simple(settings.master_encryption_key):
        yield Problem(
            "MASTER_ENCRYPTION_KEY",
            "is not random",
            "set one that `Fernet.generate_key()` of the Python package `cryptography` makes",
        )


def _allowed_hosts(settings: "Settings") -> Iterator[Problem]:
    fix = "list the host names that clients use, e.g. app.example.com,api.example.com"
    if not settings.allowed_hosts:
        yield Problem("ALLOWED_HOSTS", "is empty", fix)
    elif "*" in settings.allowed_hosts:
        yield Problem("ALLOWED_HOSTS", "allows every host (*)", fix)


def _cors_origins(settings: "Settings") -> Iterator[Problem]:
    fix = "list the https origins of your web apps, e.g. https://app.example.com"
    if "*" in settings.cors_origins:
        yield Problem("CORS_ORIGINS", "allows every origin (*)", fix)
    elif any(urlsplit(origin).scheme != "https" for origin in settings.cors_origins):
        yield Problem("CORS_ORIGINS", "has an origin that is not https", fix)


def _app_base_url(settings: "Settings") -> Iterator[Problem]:
    fix = "set the public https address, e.g. https://app.example.com"
    url = urlsplit(settings.app_base_url)
    host = url.hostname or ""
    if is_loopback(host) or host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, never bound
        yield Problem("APP_BASE_URL", "is an address of this machine only", fix)
    elif url.scheme != "https":
        yield Problem("APP_BASE_URL", "is not https", fix)


def _metrics_password(settings: "Settings") -> Iterator[Problem]:
    password = settings.metrics_password.get_secret_value()
    fix = f"set a random one of {MIN_METRICS_PASSWORD} characters or more: openssl rand -hex 16"
    if password == type(settings).model_fields["metrics_password"].default.get_secret_value():
        yield Problem("METRICS_PASSWORD", "is the default", fix)
    elif len(password) < MIN_METRICS_PASSWORD:
        yield Problem("METRICS_PASSWORD", f"is shorter than {MIN_METRICS_PASSWORD} characters", fix)
    elif _is_known(password):
        yield Problem("METRICS_PASSWORD", "is a placeholder", fix)


def _databases(settings: "Settings") -> Iterator[Problem]:
    yield from _database(settings, "DATABASE_URL", settings.database_url)
    if settings.database_admin_url != settings.database_url:
        yield from _database(settings, "DATABASE_ADMIN_URL", settings.database_admin_url)


def _database(settings: "Settings", name: str, secret_url: SecretStr) -> Iterator[Problem]:
    url = parse(secret_url.get_secret_value())
    if url.get_backend_name() == "sqlite":
        fix = "set the URL of a PostgreSQL database: postgresql://user:password@host:5432/nestegg"
        yield Problem(name, "is SQLite, which is for development and embedded use", fix)
    elif (
        is_postgresql(url)
        and url.query.get("sslmode") in _UNSAFE_TLS
        and not stays_private(url, settings.trusted_networks)
    ):
        yield Problem(
            name,
            "allows a connection without TLS",
            "use sslmode=require or verify-full; or, if the network is your own and private, "
            "name it in TRUSTED_NETWORKS",
        )


def _redis(settings: "Settings") -> Iterator[Problem]:
    yield from _one_redis(settings, "REDIS_URL", settings.redis_url)
    if settings.queue_redis_url != settings.redis_url:
        yield from _one_redis(settings, "QUEUE_REDIS_URL", settings.queue_redis_url)


def _one_redis(settings: "Settings", name: str, secret_url: SecretStr | None) -> Iterator[Problem]:
    if secret_url is None:
        return
    url = parse(secret_url.get_secret_value())
    if url.password or url.query.get("password"):
        return
    if not stays_private(url, settings.trusted_networks):
        yield Problem(
            name,
            "has no password",
            "give Redis a password (requirepass) and write redis://:password@host:6379/0; or, "
            "if the network is your own and private, name it in TRUSTED_NETWORKS",
        )


def _mail(settings: "Settings") -> Iterator[Problem]:
    if settings.smtp_host is None or settings.smtp_security != "none":
        return
    if not stays_private(URL.create("smtp", host=settings.smtp_host), settings.trusted_networks):
        yield Problem(
            "SMTP_SECURITY",
            "is none, so that links and the password travel in the clear",
            "use starttls or tls; or, if the network is your own and private, name SMTP_HOST in "
            "TRUSTED_NETWORKS",
        )


RULES: tuple[Rule, ...] = (
    _secret_key,
    _master_key,
    _allowed_hosts,
    _cors_origins,
    _app_base_url,
    _metrics_password,
    _databases,
    _redis,
    _mail,
)


def _is_known(value: str) -> bool:
    return any(placeholder in value.lower() for placeholder in _PLACEHOLDERS)


def _is_known_or_simple(secret: SecretStr) -> bool:
    value = secret.get_secret_value()
    return _is_known(value) or len(set(value)) < _MIN_DIFFERENT_CHARACTERS


def incomplete_mail(settings: "Settings") -> Iterator[Problem]:
    if settings.smtp_host is not None and settings.mail_from is None:
        fix = "set the address that mail comes from, e.g. nestegg@example.org"
        yield Problem("MAIL_FROM", "is not set, but SMTP_HOST is", fix)
    if (settings.smtp_username is None) != (settings.smtp_password is None):
        fix = "set both SMTP_USERNAME and SMTP_PASSWORD, or neither"
        missing = "SMTP_USERNAME" if settings.smtp_username is None else "SMTP_PASSWORD"
        yield Problem(missing, "is not set, but its other half is", fix)
