import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy.engine import URL

from nestegg_core.errors import ConfigurationError, Problem
from nestegg_core.server.listening import ServerSettings
from nestegg_core.settings import Settings, describe, env_example, load
from nestegg_core.settings.environment import Environment
from nestegg_core.settings.urls import database_url, masked, parse
from support.generated import settings_page

KEYS = {
    "SECRET_KEY": "b2d09c5e7f31a8464d1e6b7890cfa235b2d09c5e7f31a846",
    "MASTER_ENCRYPTION_KEY": urlsafe_b64encode(bytes(range(32))).decode(),
}
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60).map(
    "~{{{}}}~canary".format  # unlike any word that a message may hold by itself
)


class SamplePlugin(BaseSettings):
    """Settings as a plugin brings them."""

    sample_token: SecretStr | None = Field(None, description="Token for the sample.")
    sample_url: str = Field("https://sample.example", description="Where | it is.")
    sample_on: bool = Field(True, description="Whether it is on.")


def environment(**values: str) -> Environment:
    return Environment.read({**KEYS, **values}, dotenv=None)


def problems(**values: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(environment(**values))
    return caught.value.problems


class TestDefaults:
    def test_nothing_needs_to_be_set_in_development(self, tmp_path: Path) -> None:
        settings = load(Environment.read({"NESTEGG_HOME": str(tmp_path)}, dotenv=None))
        assert parse(settings.database_url.get_secret_value()).database == str(
            tmp_path / "nestegg.sqlite3"
        )
        assert settings.database_admin_url == settings.database_url
        assert settings.redis_url is settings.queue_redis_url is None
        assert settings.identity_provider_chain == ("builtin",)

    @pytest.mark.parametrize(
        ("port", "address"),
        [
            ({}, "http://127.0.0.1:8000"),
            ({"WEB_PORT": "9000"}, "http://127.0.0.1:9000"),
            ({"WEB_PORT": "0"}, "http://127.0.0.1:8000"),
            ({"WEB_PORT": "many"}, "http://127.0.0.1:8000"),
            ({"WEB_PORT": "90000"}, "http://127.0.0.1:8000"),
            ({"WEB_PORT": "9000", "APP_BASE_URL": "http://nest.lan"}, "http://nest.lan"),
        ],
    )
    def test_links_lead_to_the_port_that_the_server_listens_on(
        self, tmp_path: Path, port: dict[str, str], address: str
    ) -> None:
        variables = {"NESTEGG_HOME": str(tmp_path), **port}

        assert load(Environment.read(variables, dotenv=None)).app_base_url == address

    def test_the_data_folder_is_absolute(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert load(environment()).nestegg_home == tmp_path / "var"

    def test_the_queue_uses_the_same_redis_unless_told_otherwise(self) -> None:
        settings = load(environment(REDIS_URL="redis://cache"))
        assert settings.queue_redis_url == SecretStr("redis://cache")
        settings = load(environment(REDIS_URL="redis://a", CELERY_BROKER_URL="redis://b"))
        assert settings.queue_redis_url == SecretStr("redis://b")

    def test_the_constructor_takes_arguments_and_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LOG_FORMAT", "json")
        keys = {name.lower(): SecretStr(value) for name, value in KEYS.items()}
        assert Settings.model_validate(keys).log_format == "console"


class TestValues:
    def test_log_levels_may_be_written_small(self) -> None:
        assert load(environment(LOG_LEVEL="debug")).log_level == "DEBUG"

    def test_hosts_and_origins_are_lists_in_lower_case(self) -> None:
        settings = load(
            environment(
                ALLOWED_HOSTS="App.Example.com, [::1]", CORS_ORIGINS="http://localhost:5173"
            )
        )
        assert settings.allowed_hosts == ("app.example.com", "[::1]")
        assert settings.cors_origins == ("http://localhost:5173",)

    @pytest.mark.parametrize(
        ("given", "spelt"),
        [
            ("https://b.example:443", "https://b.example"),
            ("http://b.example:80", "http://b.example"),
            ("http://b.example:443", "http://b.example:443"),
            ("https://B.example:08443", "https://b.example:8443"),
            ("https://b.example:", "https://b.example"),
            ("HTTPS://[0:0::1]:443", "https://[::1]"),
        ],
    )
    def test_origins_and_the_servers_address_are_spelt_as_browsers_do(
        self, given: str, spelt: str
    ) -> None:
        settings = load(environment(CORS_ORIGINS=f"{given},*", APP_BASE_URL=given))
        assert settings.cors_origins == (spelt, "*")
        assert settings.app_base_url == spelt

    def test_former_keys_are_collected_by_their_number(self, tmp_path: Path) -> None:
        first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        (tmp_path / "key").write_text(second, "utf-8")
        env = environment(
            ENCRYPTION_CURRENT_VERSION="13",
            ENCRYPTION_KEY_V1=first,
            ENCRYPTION_KEY_V12_FILE=str(tmp_path / "key"),
            ENCRYPTION_KEY_VAULT="not one of ours",
        )
        assert load(env).encryption_keys == {1: SecretStr(first), 12: SecretStr(second)}

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ENVIRONMENT", "staging"),
            ("SECRET_KEY", "x" * 31),
            ("SECRET_KEY_PREVIOUS", "short"),
            ("MASTER_ENCRYPTION_KEY", "A" * 44),
            ("MASTER_ENCRYPTION_KEY", "ä" * 44),
            ("ENCRYPTION_CURRENT_VERSION", "0"),
            ("ENCRYPTION_KEY_V3", "no-key"),
            ("ENCRYPTION_KEY_V0", KEYS["MASTER_ENCRYPTION_KEY"]),
            ("DATABASE_URL", "nestegg"),
            ("DATABASE_URL", "postgresql://u:p@ss@host/db"),
            ("DATABASE_URL", "postgresql://u:p@host:port/db"),
            ("DATABASE_URL", "postgresql://host/db?sslmode=on"),
            ("DATABASE_ADMIN_URL", "://"),
            ("REDIS_URL", "amqp://host"),
            ("QUEUE_REDIS_URL", "redis"),
            ("CELERY_BROKER_URL", "http://host"),
            ("ALLOWED_HOSTS", "https://app.example.com"),
            ("ALLOWED_HOSTS", "app.example.com:8000"),
            ("ALLOWED_HOSTS", "*.example.com"),
            ("CORS_ORIGINS", "app.example.com"),
            ("CORS_ORIGINS", "https://app.example.com/"),
            ("CORS_ORIGINS", "https://app.example.com:port"),
            ("CORS_ORIGINS", "https://app.example.com?"),
            ("APP_BASE_URL", "app.example.com"),
            ("APP_BASE_URL", "https://user@app.example.com"),
            ("APP_BASE_URL", "https://[app"),
            ("APP_BASE_URL", "https://app.example.com/nestegg/"),
            ("APP_BASE_URL", "https://app.example.com//x"),
            ("FORWARDED_ALLOW_IPS", "proxy"),
            ("TRUSTED_NETWORKS", "0.0.0.0/0"),
            ("TRUSTED_NETWORKS", "8.8.8.8"),
            ("TRUSTED_NETWORKS", "10.0.0.0/33"),
            ("TRUSTED_NETWORKS", "*"),
            ("MAX_BODY_BYTES", "-1"),
            ("METRICS_PORT", "65536"),
            ("LOG_FORMAT", "xml"),
            ("ACCESS_TOKEN_MINUTES", "0"),
            ("REFRESH_TOKEN_DAYS", "month"),
        ],
    )
    def test_a_malformed_value_is_one_problem_that_names_the_variable(
        self, name: str, value: str
    ) -> None:
        (problem,) = problems(**{name: value})
        assert problem.where == name
        assert problem.fix
        assert len(value) == 1 or value not in problem.what

    def test_a_made_secret_that_was_damaged_is_reported_with_its_file(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets" / "secret_key"
        path.parent.mkdir()
        path.write_text("", "utf-8")
        with pytest.raises(ConfigurationError) as caught:
            load(Environment.read({"NESTEGG_HOME": str(tmp_path)}, dotenv=None))
        (problem,) = caught.value.problems
        assert problem.where == "SECRET_KEY"
        assert str(path) in problem.what
        assert path.read_text("utf-8") == ""


class TestDatabaseUrls:
    @pytest.mark.parametrize(
        "scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"]
    )
    def test_every_spelling_of_postgresql_is_brought_to_one(self, scheme: str) -> None:
        settings = load(environment(DATABASE_URL=f"{scheme}://user:pass@host:5432/nestegg"))
        assert settings.database_url.get_secret_value() == (
            "postgresql://user:pass@host:5432/nestegg"
        )

    @pytest.mark.parametrize(("ssl", "sslmode"), [("require", "require"), ("true", "require")])
    def test_asyncpgs_word_for_tls_becomes_libpqs(self, ssl: str, sslmode: str) -> None:
        value = database_url(SecretStr(f"postgresql+asyncpg://host/db?ssl={ssl}"))
        assert value.get_secret_value() == f"postgresql://host/db?sslmode={sslmode}"

    def test_schemes_of_other_storages_are_left_alone(self) -> None:
        value = SecretStr("cockroach+driver://host/db?x=1")
        assert database_url(value) == value

    @given(password=st.text(min_size=1, max_size=30))
    def test_any_password_survives(self, password: str) -> None:
        url = URL.create("postgresql+asyncpg", "user", password, "host", 5432, "db")
        value = database_url(SecretStr(url.render_as_string(hide_password=False)))
        assert parse(value.get_secret_value()) == url.set(drivername="postgresql")

    def test_plugins_get_the_url_that_the_core_arrived_at(self) -> None:
        class StorageSettings(BaseSettings):
            database_url: SecretStr
            queue_redis_url: str
            nestegg_home: Path

        env = environment(DATABASE_URL="postgres://host/db", CELERY_BROKER_URL="redis://q")
        settings = load(env)
        plugin = env.load(StorageSettings)
        assert plugin.database_url.get_secret_value() == "postgresql://host/db"
        assert plugin.queue_redis_url == "redis://q"
        assert plugin.nestegg_home == settings.nestegg_home
        assert load(env) == settings

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("postgresql://u:hush@h:1/db", "postgresql://u:********@h:1/db"),
            ("redis://:hush@h/0", "redis://:********@h/0"),
            ("redis://h/0?password=hush", "redis://h/0?password=********"),
            ("sqlite:////var/x.db", "sqlite:////var/x.db"),
            ("postgresql://u:hu@sh@h/db", "********"),
        ],
    )
    def test_only_the_password_is_masked(self, url: str, shown: str) -> None:
        assert masked(url) == shown


class TestDescribe:
    def test_it_shows_what_is_in_force_and_where_it_came_from(self, tmp_path: Path) -> None:
        dotenv = tmp_path / ".env"
        dotenv.write_text("LOG_FORMAT=json\nDATABASE_URL=postgres://u:hush@h/db\n", "utf-8")
        (tmp_path / "level").write_text("debug\n", "utf-8")
        values = {"NESTEGG_HOME": str(tmp_path / "var"), "CELERY_BROKER_URL": "redis://:hush@q"}
        values |= {"LOG_LEVEL_FILE": str(tmp_path / "level"), "SAMPLE_TOKEN": "hush-token"}
        values |= {"ALLOWED_HOSTS": "a.example, b.example"}
        env = Environment.read(values, dotenv=dotenv)
        settings = describe(env, [Settings, SamplePlugin])
        shown = {item.name: (item.value, item.origin) for item in settings}
        assert shown["LOG_FORMAT"] == ("json", str(dotenv))
        assert shown["LOG_LEVEL"] == ("DEBUG", f"file {tmp_path / 'level'}")
        assert shown["DATABASE_URL"] == ("postgresql://u:********@h/db", str(dotenv))
        assert shown["CELERY_BROKER_URL"] == ("redis://:********@q", "environment")
        assert shown["ALLOWED_HOSTS"] == ("a.example,b.example", "environment")
        assert shown["SECRET_KEY"] == (
            "********",
            f"generated, {tmp_path / 'var' / 'secrets' / 'secret_key'}",
        )
        assert shown["SECRET_KEY_PREVIOUS"] == ("", "default")
        assert shown["SAMPLE_TOKEN"] == ("********", "environment")
        assert shown["SAMPLE_ON"] == ("true", "default")
        assert not (tmp_path / "var").exists()
        assert "hush" not in repr(settings)
        assert all(item.description for item in settings)

    def test_it_shows_what_was_written_where_settings_do_not_load(self) -> None:
        env = environment(LOG_FORMAT="xml", ENCRYPTION_KEY_V2="hush", DATABASE_URL="hush")
        shown = {item.name: item.value for item in describe(env, [Settings])}
        assert shown["LOG_FORMAT"] == "xml"
        assert shown["ENCRYPTION_KEY_V2"] == shown["DATABASE_URL"] == "********"
        assert shown["METRICS_PORT"] == "9090"


class TestSecrecy:
    @given(secret=SECRETS, port=st.sampled_from(["9090", "no-port"]))
    def test_a_secret_is_in_no_text_whether_the_settings_load_or_not(
        self, secret: str, port: str
    ) -> None:
        values = dict.fromkeys(
            [
                "SECRET_KEY",
                "MASTER_ENCRYPTION_KEY",
                "ENCRYPTION_KEY_V1",
                "METRICS_PASSWORD",
                "SECRET_KEY_PREVIOUS",
                "DATABASE_URL",
                "REDIS_URL",
            ],
            secret,
        )
        values |= {"METRICS_PORT": port, "ENVIRONMENT": "production"}
        self.assert_hidden(secret, Environment.read(values, dotenv=None))

    @given(secret=SECRETS)
    def test_a_secret_of_good_settings_is_in_no_text(self, secret: str) -> None:
        password = "".join(f"%{ord(character):02X}" for character in secret)
        env = environment(
            METRICS_PASSWORD=secret,
            DATABASE_URL=f"postgresql://u:{password}@h/db",
            REDIS_URL=f"redis://:{password}@h",
        )
        self.assert_hidden(secret, env)
        self.assert_hidden(password, env)

    def assert_hidden(self, secret: str, env: Environment) -> None:
        texts = [json.dumps([repr(item) for item in describe(env, [Settings])]), repr(env)]
        try:
            settings = load(env)
        except ConfigurationError as error:
            texts += [str(error), repr(error), repr(error.problems)]
        else:
            texts += [str(settings), repr(settings), settings.model_dump_json()]
        assert not any(secret in text for text in texts)


class TestDocumentation:
    def test_the_example_file_changes_nothing_when_every_line_is_taken_as_it_is(
        self, tmp_path: Path
    ) -> None:
        lines = env_example([("Core", Settings), ("Sample", SamplePlugin)]).splitlines()
        names = {variable for variable, _ in self.commented(lines)}
        assert {"SECRET_KEY", "QUEUE_REDIS_URL", "ENCRYPTION_KEY_V1", "SAMPLE_TOKEN"} <= names
        dotenv = tmp_path / ".env"
        dotenv.write_text("\n".join(f"{n}={v}" for n, v in self.commented(lines)), "utf-8")
        from_example = Environment.read(KEYS, dotenv=dotenv)
        assert from_example.problems == ()
        assert load(from_example) == load(environment())
        assert from_example.load(SamplePlugin) == environment().load(SamplePlugin)

    def test_the_example_file_sets_nothing_by_itself(self, tmp_path: Path) -> None:
        dotenv = tmp_path / ".env"
        dotenv.write_text(env_example([("Core", Settings)]), "utf-8")
        assert Environment.read({}, dotenv=dotenv).find("LOG_FORMAT") is None

    def test_every_setting_is_described(self) -> None:
        undescribed = [n for n, field in Settings.model_fields.items() if not field.description]
        assert undescribed == []

    def test_other_names_are_told(self) -> None:
        assert "CELERY_BROKER_URL" in env_example([("Core", Settings)])
        assert "`QUEUE_REDIS_URL` or `CELERY_BROKER_URL`" in settings_page([("Core", Settings)])

    def test_the_table_has_one_row_for_each_setting(self) -> None:
        rows = settings_page([("Sample", SamplePlugin)]).splitlines()
        assert "## Sample" in rows
        assert rows[-3:] == [
            "| `SAMPLE_TOKEN` |  | Token for the sample. |",
            "| `SAMPLE_URL` | `https://sample.example` | Where \\| it is. |",
            "| `SAMPLE_ON` | `true` | Whether it is on. |",
        ]

    @staticmethod
    def commented(lines: list[str]) -> list[tuple[str, str]]:
        found = (line.removeprefix("# ").partition("=") for line in lines if "=" in line)
        return [(name, value) for name, _, value in found if name.isupper() and " " not in name]


class TestBounds:
    """What no machine could serve is refused when it is read."""

    @pytest.mark.parametrize("name", ["MAX_BODY_BYTES", "MAX_JSON_BYTES"])
    def test_bodies_are_bounded(self, name: str) -> None:
        (problem,) = problems(**{name: "99999999999999"})

        assert problem.where == name
        assert "less than or equal to 1073741824" in problem.what

    @pytest.mark.parametrize("name", ["WEB_CONCURRENCY", "WEB_THREADS"])
    def test_processes_and_threads_are_bounded(self, name: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            environment(**{name: "100000"}).load(ServerSettings)

        assert [problem.where for problem in caught.value.problems] == [name]


@pytest.mark.parametrize("key", ["short", "hush-hush"])
def test_a_short_key_is_told_to_be_short(key: str) -> None:
    (problem,) = problems(SECRET_KEY=key)

    assert problem.what == "has fewer than 32 characters"


@pytest.mark.parametrize(
    ("name", "value", "numbers"),
    [
        ("ALLOWED_HOSTS", "http://a,b.example,c/d", (1, 3)),
        ("CORS_ORIGINS", "https://a.example,b,c", (2, 3)),
        ("FORWARDED_ALLOW_IPS", "127.0.0.1,here,there", (2, 3)),
        ("TRUSTED_NETWORKS", "8.8.8.8,10.0.0.0/8,a b", (1, 3)),
        ("IDENTITY_GROUP_ROLES", "okta,keycloak", (1, 2)),
    ],
)
def test_every_bad_entry_of_a_list_is_told(name: str, value: str, numbers: tuple[int, ...]) -> None:
    (problem,) = problems(**{name: value})

    assert all(str(number) in problem.what for number in numbers)
    assert problem.what.count(";") == len(numbers) - 1
