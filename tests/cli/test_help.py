"""Every command explains itself."""

from collections.abc import Iterator
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from nestegg_core.cli import main
from support.command_line import CommandLine


def paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from paths(child, (*path, name))


@pytest.mark.parametrize("path", sorted(paths(main)), ids=" ".join)
def test_help_has_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])

    assert result.exit_code == 0
    below_the_options = result.stdout.partition("Show this message and exit.")[2]
    assert " ".join(["nestegg", *path]) in " ".join(below_the_options.split())


def test_without_arguments_there_is_help(plain_nestegg: CommandLine) -> None:
    assert plain_nestegg().stdout == plain_nestegg("--help").stdout
    assert plain_nestegg().exit_code == 0


def test_the_version_is_the_distributions(plain_nestegg: CommandLine) -> None:
    assert plain_nestegg("--version").stdout == f"nestegg, version {version('nestegg-core')}\n"


def test_an_unknown_command_is_an_error_of_usage(plain_nestegg: CommandLine) -> None:
    assert plain_nestegg("serf").exit_code == 2
