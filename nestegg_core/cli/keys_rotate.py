"""`nestegg keys rotate`: the steps of a rotation that are done in the file of settings."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nestegg_core.cli.opening import opened
from nestegg_core.cli.output import json_option, print_json
from nestegg_core.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from nestegg_core.encryption.keyring import Keyring
    from nestegg_core.settings import Environment
    from nestegg_core.settings.env_file import EnvFile

MASTER, CURRENT, NUMBERED = (
    "MASTER_ENCRYPTION_KEY",
    "ENCRYPTION_CURRENT_VERSION",
    "ENCRYPTION_KEY_V",
)


@click.command(
    epilog="""\b
Examples:
  nestegg keys rotate
  nestegg keys rotate --env-file /srv/nestegg/.env"""
)
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".env"),
    show_default=True,
    help="The file that holds the key.",
)
@json_option
def rotate(env_file: Path, as_json: bool) -> None:
    """Make a new key the current one, and keep the present one under its version, in one step.

    A key that the file holds for the next version already becomes the current one; otherwise a
    new one is made. No key is printed. It is refused when file, process and database do not fit
    together, and then nothing is changed.
    """
    from nestegg_core.settings import Environment
    from nestegg_core.settings.env_file import EnvFile

    environment = Environment.read(dotenv=env_file)
    if environment.problems:
        raise ConfigurationError(environment.problems)
    file = EnvFile.read(env_file)
    if elsewhere := list(_given_elsewhere(environment, file)):
        raise ConfigurationError(elsewhere)
    with opened(environment=environment, check_keys=False) as runtime:
        keyring = runtime.keys.keyring
        turned = _turned(keyring)
        # Another server may have written under a key that all of them hold in readiness.
        if wrong := runtime.check_keys.look(turned if _prepared(keyring) else keyring):
            raise ConfigurationError(wrong)
        _rotated(file, keyring, turned).write(spare=runtime.settings.nestegg_home)
    if as_json:
        print_json({"file": str(file.path), "former": keyring.current, "version": turned.current})
        return
    former, version = keyring.current, turned.current
    click.echo(
        f"{file.path} has a key of version {version} now, and keeps the one of version {former} as "
        f"{NUMBERED}{former}.\n"
        "Keep a copy of the new key in a second place, apart from the backups. Then:\n"
        "  restart every process; until then nothing is written under the new key\n"
        "  nestegg keys rewrap\n"
        "  nestegg keys verify\n"
        f"  nestegg keys retire {former}"
    )


def _given_elsewhere(environment: "Environment", file: "EnvFile") -> Iterator[Problem]:
    """Yield why a change of the file alone would be half a rotation."""
    master, version = environment.find(MASTER), environment.find(CURRENT)
    if master is None:
        yield Problem(MASTER, f"is not set in {file.path}", "put the key that is in use there")
    current = version.value if version and version.value else "1"
    numbers = (int(current), int(current) + 1) if current.isdecimal() else ()
    for name in (MASTER, CURRENT, *(f"{NUMBERED}{number}" for number in numbers)):
        given = environment.find(name)
        if given is not None and given.origin != str(environment.dotenv):
            yield Problem(
                name,
                f"does not come from {file.path} ({given.origin})",
                "put it into that file alone, or take the steps by hand: docs/encryption.md",
            )
        elif file.lines_of(name) > 1:
            fix = "leave the line that counts, which is the last"
            yield Problem(name, f"stands more than once in {file.path}", fix)


def _prepared(keyring: "Keyring") -> bytes | None:
    return keyring.keys.get(keyring.current + 1)


def _turned(keyring: "Keyring") -> "Keyring":
    """Return the keys after the rotation."""
    from nestegg_core.encryption.keyring import KEY_BYTES, Keyring

    version = keyring.current + 1
    key = _prepared(keyring) or os.urandom(KEY_BYTES)
    return Keyring(version, {**keyring.keys, version: key})


def _rotated(file: "EnvFile", keyring: "Keyring", turned: "Keyring") -> "EnvFile":
    texts = {
        MASTER: _text(turned.key(turned.current)),
        f"{NUMBERED}{keyring.current}": _text(keyring.key(keyring.current)),
        CURRENT: str(turned.current),
    }
    return file.changed(texts, without=[f"{NUMBERED}{turned.current}"], after=MASTER)


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()
