import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nestegg_core import CommaList, ConfigurationError, Problem
from nestegg_core.settings.environment import Environment, keep_secret


class OktaSettings(BaseSettings):
    idp_okta_issuer: str
    idp_okta_client_id: str = "none"
    idp_okta_groups: CommaList = ()
    idp_okta_secret: SecretStr | None = None


class NeedsKeys(BaseSettings):
    secret_key: SecretStr
    master_encryption_key: SecretStr


def read(dotenv: Path | None = None, **environ: str) -> Environment:
    return Environment.read(environ, dotenv=dotenv)


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def problems_of(environment: Environment, settings_class: type[BaseSettings]) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        environment.load(settings_class)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return list(caught.value.problems)


class TestPrecedence:
    def test_the_process_environment_comes_before_the_env_file(self, tmp_path: Path) -> None:
        dotenv = write(tmp_path / ".env", "IDP_OKTA_ISSUER=file\nIDP_OKTA_CLIENT_ID=file\n")
        environment = read(dotenv, IDP_OKTA_ISSUER="process")
        settings = environment.load(OktaSettings)
        assert (settings.idp_okta_issuer, settings.idp_okta_client_id) == ("process", "file")
        assert environment.origin("IDP_OKTA_ISSUER") == "environment"
        assert environment.origin("IDP_OKTA_CLIENT_ID") == str(dotenv)
        assert environment.origin("IDP_OKTA_GROUPS") == "default"

    def test_a_named_file_gives_the_value_without_its_last_line_end(self, tmp_path: Path) -> None:
        value = write(tmp_path / "issuer", "https://a.example \n")
        environment = read(IDP_OKTA_ISSUER_FILE=str(value))
        assert environment.load(OktaSettings).idp_okta_issuer == "https://a.example "
        assert environment.origin("IDP_OKTA_ISSUER") == f"file {value}"

    def test_a_file_named_by_the_process_comes_before_the_env_files_value(
        self, tmp_path: Path
    ) -> None:
        value = write(tmp_path / "issuer", "from-file")
        dotenv = write(tmp_path / ".env", "IDP_OKTA_ISSUER=from-dotenv")
        environment = read(dotenv, IDP_OKTA_ISSUER_FILE=str(value))
        assert environment.load(OktaSettings).idp_okta_issuer == "from-file"

    def test_a_process_value_comes_before_a_file_named_in_the_env_file(
        self, tmp_path: Path
    ) -> None:
        dotenv = write(tmp_path / ".env", f"IDP_OKTA_ISSUER_FILE={tmp_path / 'absent'}")
        environment = read(dotenv, IDP_OKTA_ISSUER="process")
        assert environment.load(OktaSettings).idp_okta_issuer == "process"

    def test_a_file_named_in_the_env_file_is_read(self, tmp_path: Path) -> None:
        value = write(tmp_path / "issuer", "from-file\r\n")
        dotenv = write(tmp_path / ".env", f"IDP_OKTA_ISSUER_FILE={value}")
        assert read(dotenv).load(OktaSettings).idp_okta_issuer == "from-file"

    def test_a_variable_set_to_nothing_counts_as_not_set(self, tmp_path: Path) -> None:
        dotenv = write(tmp_path / ".env", "IDP_OKTA_ISSUER=dotenv\nIDP_OKTA_CLIENT_ID=\n")
        settings = read(dotenv, IDP_OKTA_ISSUER="").load(OktaSettings)
        assert (settings.idp_okta_issuer, settings.idp_okta_client_id) == ("dotenv", "none")

    def test_a_pipe_is_read_only_once(self) -> None:
        reading, writing = os.pipe()
        with os.fdopen(writing, "w") as pipe:
            pipe.write("piped")
        environment = read(IDP_OKTA_ISSUER_FILE=f"/dev/fd/{reading}")
        try:
            first, second = (environment.load(OktaSettings) for _ in range(2))
        finally:
            os.close(reading)
        assert first.idp_okta_issuer == second.idp_okta_issuer == "piped"

    def test_the_process_environment_is_not_read_behind_its_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IDP_OKTA_CLIENT_ID", "leaked")
        settings = read(IDP_OKTA_ISSUER="x").load(OktaSettings)
        assert settings.idp_okta_client_id == "none"

    def test_without_arguments_the_process_environment_is_read(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("IDP_OKTA_ISSUER", "process")
        write(tmp_path / ".env", "IDP_OKTA_CLIENT_ID=dotenv")
        settings = Environment.read().load(OktaSettings)
        assert (settings.idp_okta_issuer, settings.idp_okta_client_id) == ("process", "dotenv")

    def test_what_the_core_worked_out_reaches_plugins_with_its_origin(self) -> None:
        environment = read(IDP_OKTA_ISSUER="raw")
        environment.give("IDP_OKTA_ISSUER", "mapped")
        assert environment.load(OktaSettings).idp_okta_issuer == "mapped"
        assert environment.origin("IDP_OKTA_ISSUER") == "environment"


class TestSettingsClassesOfPlugins:
    @pytest.mark.parametrize(
        ("text", "items"),
        [("a,b", ("a", "b")), (" a , b ,", ("a", "b")), (",", ()), ("one", ("one",))],
    )
    def test_comma_lists_are_read_as_operators_write_them(
        self, text: str, items: tuple[str, ...]
    ) -> None:
        settings = read(IDP_OKTA_ISSUER="x", IDP_OKTA_GROUPS=text).load(OktaSettings)
        assert settings.idp_okta_groups == items

    @pytest.mark.parametrize("name", ["ISSUER_URL", "IDP_OIDC_ISSUER"])
    def test_aliases_are_names_of_the_variable(self, name: str) -> None:
        class Aliased(BaseSettings):
            issuer: str = Field(validation_alias=AliasChoices("ISSUER_URL", "idp_oidc_issuer"))

        assert Environment.read({name: "x"}, dotenv=None).load(Aliased).issuer == "x"

    def test_an_earlier_source_wins_over_a_better_alias(self, tmp_path: Path) -> None:
        class Aliased(BaseSettings):
            queue: str = Field(validation_alias=AliasChoices("queue_url", "broker_url"))

        dotenv = write(tmp_path / ".env", "QUEUE_URL=dotenv")
        assert read(dotenv, BROKER_URL="process").load(Aliased).queue == "process"

    def test_prefixes_numbers_and_json_work_as_in_pydantic_settings(self) -> None:
        class Prefixed(BaseSettings):
            model_config = SettingsConfigDict(env_prefix="idp_x_")
            ports: list[int]
            retries: int

        settings = read(IDP_X_PORTS="[1, 2]", IDP_X_RETRIES="3").load(Prefixed)
        assert (settings.ports, settings.retries) == ([1, 2], 3)

    def test_every_problem_is_reported_at_once_in_our_words(self, tmp_path: Path) -> None:
        class Several(BaseSettings):
            needed: str = Field(description="What is needed.")
            count: int = 1
            ports: list[int] = []
            absent: str = ""

        dotenv = write(tmp_path / ".env", "COUNT=many\n")
        found = problems_of(read(dotenv, PORTS="1;2", ABSENT_FILE="/nonexistent"), Several)
        assert {problem.where for problem in found} == {"NEEDED", "COUNT", "PORTS", "ABSENT_FILE"}
        missing = next(problem for problem in found if problem.where == "NEEDED")
        assert missing == Problem("NEEDED", "is not set", "set it: What is needed.")
        count = next(problem for problem in found if problem.where == "COUNT")
        assert "valid integer" in count.what
        assert str(dotenv) in count.what
        assert "many" not in str(found)

    def test_a_validators_own_words_are_kept_unless_they_hold_the_secret(self) -> None:
        class Careless(BaseSettings):
            plain: str
            hidden: SecretStr

            @field_validator("plain")
            @classmethod
            def _plain(cls, value: str) -> str:
                if not value.startswith("https:"):
                    raise ValueError("must be an https address")
                return value

            @field_validator("hidden")
            @classmethod
            def _hidden(cls, value: SecretStr) -> SecretStr:
                raise ValueError(f"{value.get_secret_value()} is bad")

        plain, hidden = problems_of(read(PLAIN="x", HIDDEN="hush-hush"), Careless)
        assert plain.what == "is not valid: must be an https address"
        assert hidden.what == "is not valid"


class TestProblemsOfSources:
    def test_a_name_and_its_file_in_one_source_is_a_problem(self, tmp_path: Path) -> None:
        value = write(tmp_path / "issuer", "one")
        environment = read(IDP_OKTA_ISSUER="two", IDP_OKTA_ISSUER_FILE=str(value))
        (problem,) = problems_of(environment, OktaSettings)
        assert problem.where == "IDP_OKTA_ISSUER"
        assert "IDP_OKTA_ISSUER_FILE" in problem.what

    @pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
    def test_a_file_without_a_readable_value_is_one_problem(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "issuer"
        if content is not None:
            path.write_bytes(content)
        (problem,) = problems_of(read(IDP_OKTA_ISSUER_FILE=str(path)), OktaSettings)
        assert problem.where == "IDP_OKTA_ISSUER_FILE"
        assert str(path) in problem.what

    def test_files_that_no_setting_asks_for_are_left_alone(self) -> None:
        environment = read(IDP_OKTA_ISSUER="x", SSL_CERT_FILE="/nonexistent")
        assert environment.load(OktaSettings).idp_okta_issuer == "x"

    def test_an_absent_env_file_is_no_problem(self, tmp_path: Path) -> None:
        assert read(tmp_path / ".env").problems == ()

    def test_a_bad_line_of_the_env_file_is_named_by_its_number(self, tmp_path: Path) -> None:
        dotenv = write(tmp_path / ".env", "# a comment\nA=1\n==\nexport B='2'\n")
        environment = read(dotenv)
        (problem,) = environment.problems
        assert problem.where == str(dotenv)
        assert "line 3" in problem.what
        found = environment.find("B")
        assert found is not None
        assert found.value == "2"

    @pytest.mark.parametrize("kind", ["folder", "binary"])
    def test_an_env_file_that_cannot_be_read_is_a_problem(self, tmp_path: Path, kind: str) -> None:
        dotenv = tmp_path / ".env"
        if kind == "folder":
            dotenv.mkdir()
        else:
            dotenv.write_bytes(b"A=\xff")
        assert [problem.where for problem in read(dotenv).problems] == [str(dotenv)]

    def test_values_of_the_env_file_are_taken_as_they_stand(self, tmp_path: Path) -> None:
        dotenv = write(tmp_path / ".env", "\ufeffIDP_OKTA_ISSUER=a${HOME}b$c\n")
        assert read(dotenv).load(OktaSettings).idp_okta_issuer == "a${HOME}b$c"

    def test_no_value_is_in_the_text_of_an_environment_or_variable(self) -> None:
        environment = read(IDP_OKTA_ISSUER="hush-hush")
        assert "hush" not in repr(environment) + repr(environment.find("IDP_OKTA_ISSUER"))


class TestSecretsOfDevelopment:
    def test_they_are_made_once_kept_and_announced(self, tmp_path: Path) -> None:
        first = read(NESTEGG_HOME=str(tmp_path))
        made = first.load(NeedsKeys)
        path = tmp_path / "secrets" / "secret_key"
        assert path.read_text("utf-8").strip() == made.secret_key.get_secret_value()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert sorted(file.name for file in path.parent.iterdir()) == [
            "master_encryption_key",
            "secret_key",
        ]
        assert [notice.split()[0] for notice in first.notices] == [
            "SECRET_KEY",
            "MASTER_ENCRYPTION_KEY",
        ]
        assert first.origin("SECRET_KEY") == f"generated, {path}"
        second = read(NESTEGG_HOME=str(tmp_path))
        assert second.load(NeedsKeys) == made
        assert second.notices == ()

    def test_nothing_is_made_by_reading_previewing_or_loading_what_needs_none(
        self, tmp_path: Path
    ) -> None:
        environment = read(NESTEGG_HOME=str(tmp_path / "var"), IDP_OKTA_ISSUER="x")
        environment.preview(NeedsKeys)
        environment.load(OktaSettings)
        environment.origin("SECRET_KEY")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("stage", ["production", "prod"])
    def test_none_is_made_outside_development_and_test(self, tmp_path: Path, stage: str) -> None:
        environment = read(NESTEGG_HOME=str(tmp_path), ENVIRONMENT=stage)
        found = problems_of(environment, NeedsKeys)
        assert [problem.where for problem in found] == ["SECRET_KEY", "MASTER_ENCRYPTION_KEY"]
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_written_is_a_problem(self, tmp_path: Path) -> None:
        home = write(tmp_path / "file", "")
        found = problems_of(read(NESTEGG_HOME=str(home)), NeedsKeys)
        assert [problem.where for problem in found] == ["SECRET_KEY", "MASTER_ENCRYPTION_KEY"]
        assert all(str(home) in problem.what for problem in found)

    def test_a_file_without_text_is_a_problem_and_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets" / "secret_key"
        path.parent.mkdir()
        path.write_bytes(b"\xff\xff")
        (problem,) = problems_of(read(NESTEGG_HOME=str(tmp_path)), NeedsKeys)
        assert str(path) in problem.what
        assert path.read_bytes() == b"\xff\xff"

    def test_threads_that_start_together_agree(self, tmp_path: Path) -> None:
        together = Barrier(8)

        def keep(_number: int) -> tuple[str, bool]:
            together.wait()
            return keep_secret("SECRET_KEY", tmp_path)

        with ThreadPoolExecutor(8) as pool:
            kept = list(pool.map(keep, range(8)))
        assert len({value for value, _ in kept}) == 1
        assert [made for _, made in kept].count(True) == 1

    def test_processes_that_start_together_agree(self, tmp_path: Path) -> None:
        program = (
            "from nestegg_core.settings import environment as e; from pathlib import Path;"
            "input(); print(e.keep_secret('SECRET_KEY', Path('.'))[0])"
        )
        command = [sys.executable, "-c", program]
        environ: Mapping[str, str] = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        processes = [
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environ,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        values = {process.communicate()[0] for process in processes}
        assert len(values) == 1
        assert len(values.pop().strip()) == 64
