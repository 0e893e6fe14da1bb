"""Each item of the operators' checklist, broken one at a time."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.settings import Settings, load
from nestegg_core.settings.environment import Environment

GOOD = {
    "SECRET_KEY": "7f1c6ad05be94e2883d1f0a4c7b96e52d8a3f40b1c95e7762d0e8b39fa641c57",
    "MASTER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "DATABASE_URL": "postgresql+asyncpg://nestegg:pass-word@db.example.com:5432/nestegg",
    "REDIS_URL": "redis://:pass-word@redis.example.com:6379/0",
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "app.yourdomain.com,api.yourdomain.com",
    "CORS_ORIGINS": "https://app.yourdomain.com",
    "APP_BASE_URL": "https://app.yourdomain.com",
    "METRICS_PASSWORD": "long-enough-and-chosen",
}


def loaded(**changes: str | None) -> Settings:
    values = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return load(Environment.read(values, dotenv=None))


def problems(**changes: str | None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(**changes)
    return caught.value.problems


def test_the_variables_that_the_guide_asks_for_start_the_server(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in GOOD.items()), "utf-8")
    settings = load(Environment.read({}, dotenv=dotenv))
    assert settings.environment == "production"
    assert settings.allowed_hosts == ("app.yourdomain.com", "api.yourdomain.com")
    assert settings.database_url.get_secret_value() == (
        "postgresql://nestegg:pass-word@db.example.com:5432/nestegg?sslmode=require"
    )


def test_insecure_settings_are_refused_when_only_the_env_file_says_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENVIRONMENT", raising=False)
    dotenv = tmp_path / ".env"
    dotenv.write_text("ENVIRONMENT=production\n", "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(Environment.read({}, dotenv=dotenv))
    assert {problem.where for problem in caught.value.problems} == {
        "SECRET_KEY",
        "MASTER_ENCRYPTION_KEY",
        "ALLOWED_HOSTS",
        "APP_BASE_URL",
        "METRICS_PASSWORD",
        "DATABASE_URL",
    }


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("SECRET_KEY", None, "is not set"),
        ("SECRET_KEY", "a1b2c3d4e5f6g7h8", "fewer than 32"),
        ("SECRET_KEY", "a" * 64, "too simple"),
        ("SECRET_KEY", "changeme-0123456789-abcdefghijklmnop", "placeholder"),
        ("SECRET_KEY", "Your-Secret-Key-For-Production-0123456789", "placeholder"),
        ("MASTER_ENCRYPTION_KEY", None, "is not set"),
        ("MASTER_ENCRYPTION_KEY", "not-a-key", "no Fernet key"),
        ("MASTER_ENCRYPTION_KEY", "A" * 43 + "=", "not random"),
        ("METRICS_PASSWORD", "metrics_admin", "placeholder"),
        ("ALLOWED_HOSTS", None, "is empty"),
        ("ALLOWED_HOSTS", ",", "is empty"),
        ("ALLOWED_HOSTS", "*", "every host"),
        ("ALLOWED_HOSTS", "app.example.com, *", "every host"),
        ("CORS_ORIGINS", "*", "every origin"),
        ("CORS_ORIGINS", "http://app.example.com", "not https"),
        ("CORS_ORIGINS", "https://app.example.com/path", "no origin"),
        ("APP_BASE_URL", None, "this machine only"),
        ("APP_BASE_URL", "http://app.example.com", "not https"),
        ("APP_BASE_URL", "https://localhost", "this machine only"),
        ("APP_BASE_URL", "https://127.0.0.2:8443", "this machine only"),
        ("APP_BASE_URL", "https://[::1]", "this machine only"),
        ("METRICS_PASSWORD", None, "the default"),
        ("METRICS_PASSWORD", "metrics", "the default"),
        ("METRICS_PASSWORD", "short-one", "shorter than 12"),
        ("METRICS_PASSWORD", "changeme-changeme", "placeholder"),
        ("DATABASE_URL", None, "SQLite"),
        ("DATABASE_URL", "sqlite:////var/lib/nestegg.sqlite3", "SQLite"),
        ("DATABASE_URL", "sqlite+aiosqlite:///nestegg.db", "SQLite"),
        ("DATABASE_URL", "postgresql://u:p@db.example.com/n?sslmode=disable", "without TLS"),
        ("DATABASE_URL", "postgresql://u:p@db.example.com/n?sslmode=prefer", "without TLS"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@db.example.com/n?ssl=allow", "without TLS"),
        ("DATABASE_URL", "postgresql:///n?host=/run,db.example.com&sslmode=allow", "without TLS"),
        ("DATABASE_URL", "postgresql:///n?service=main&sslmode=disable", "without TLS"),
        ("DATABASE_ADMIN_URL", "postgres://u:p@db.example.com/n?sslmode=disable", "without TLS"),
        ("DATABASE_ADMIN_URL", "sqlite:///x.db", "SQLite"),
        ("REDIS_URL", "redis://redis.example.com:6379/0", "no password"),
        ("REDIS_URL", "rediss://redis.example.com:6379/0", "no password"),
        ("REDIS_URL", "redis://user:@redis.example.com", "no password"),
        ("QUEUE_REDIS_URL", "redis://10.0.0.5:6379/0", "no password"),
        ("CELERY_BROKER_URL", "redis://redis-broker:6379/0", "no password"),
    ],
)
def test_one_broken_item_is_one_problem_with_its_fix(
    name: str, value: str | None, what: str
) -> None:
    (problem,) = problems(**{name: value})
    assert problem.where == name
    assert what in problem.what
    assert problem.fix


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///nestegg",
        "postgresql:///nestegg?host=/run/postgresql",
        "postgresql://u:p@localhost/nestegg",
        "postgresql://u:p@127.0.0.1/nestegg?sslmode=disable",
        "postgresql://u:p@[::1]/nestegg?sslmode=prefer",
        "postgresql://u:p@10.1.2.3/nestegg",
        "postgresql://u:p@DB/nestegg?sslmode=disable",
        "postgresql://u:p@db.example.com/nestegg?sslmode=verify-full",
    ],
)
def test_tls_is_left_to_the_operator_on_this_machine_and_in_trusted_networks(url: str) -> None:
    settings = loaded(DATABASE_URL=url, TRUSTED_NETWORKS="10.0.0.0/8, db")
    assert settings.database_url.get_secret_value().replace("%2F", "/") == url


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:p@192.168.1.2/n", "postgresql://u:p@dbx/n", "postgresql:///n?service=main"],
)
def test_a_url_that_says_nothing_of_tls_requires_it_everywhere_else(url: str) -> None:
    settings = loaded(DATABASE_URL=url, TRUSTED_NETWORKS="10.0.0.0/8,db")
    assert "sslmode=require" in settings.database_url.get_secret_value()
    assert settings.database_admin_url == settings.database_url


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "redis://[::1]",
        "unix:///run/redis.sock?db=1",
        "redis://10.1.2.3/0",
        "redis://redis:6379/0",
        "rediss://:pw@redis.example.com/0",
        "redis://redis.example.com/0?password=pw",
    ],
)
def test_redis_needs_no_password_on_this_machine_and_in_trusted_networks(url: str) -> None:
    settings = loaded(REDIS_URL=url, TRUSTED_NETWORKS="10.0.0.0/8,redis")
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == url


def test_every_broken_item_is_in_one_report_beside_malformed_values(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("==\n", "utf-8")
    values = {**GOOD, "ALLOWED_HOSTS": "*", "LOG_FORMAT": "xml", "SECRET_KEY": "short"}
    values |= {"METRICS_PASSWORD_FILE": "/nonexistent", "REDIS_URL": "redis://r.example.com"}
    del values["METRICS_PASSWORD"]
    with pytest.raises(ConfigurationError) as caught:
        load(Environment.read(values, dotenv=dotenv))
    assert sorted(problem.where for problem in caught.value.problems) == sorted(
        [
            str(dotenv),
            "SECRET_KEY",
            "LOG_FORMAT",
            "METRICS_PASSWORD_FILE",
            "ALLOWED_HOSTS",
            "REDIS_URL",
        ]
    )


def test_a_misspelt_environment_is_the_only_problem() -> None:
    (problem,) = problems(ENVIRONMENT="prod")
    assert problem.where == "ENVIRONMENT"


def test_no_rule_applies_in_development(tmp_path: Path) -> None:
    settings = load(Environment.read({"NESTEGG_HOME": str(tmp_path)}, dotenv=None))
    assert settings.allowed_hosts == ("*",)
