"""What `make peers` fetches, into `.peers/` of the checkout, once.

Registries are those that npm and Maven are configured with: none is named here.
"""

import os
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

CACHE = Path(__file__).parents[2] / ".peers"
NODE_PACKAGES = ("oidc-provider@9.6.0", "emulate@0.11.2")
KEYCLOAK = "26.3.5"
"""The last releases run on Java 17 too; Keycloak announces an end of that."""

WYCHEPROOF = "github.com/c2sp/wycheproof@v0.0.0-20260902155932-3fa63dd0344a"

_MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_SECONDS = 400


def program(name: str, needed_for: str) -> str:
    """Return a program's path; skip the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here, which {needed_for} needs")
    return found


def node_modules() -> Path:
    """Return the folder with the peers that run on Node, installed when they are not yet.

    Skips the test where Node is absent; fails it where the installation does.
    """
    npm = program("npm", "the peers on Node")
    folder = CACHE / "node"
    stamp = folder / "installed"
    wanted = "\n".join(NODE_PACKAGES)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # Without one of its own, npm takes the nearest package.json above.
        (folder / "package.json").write_text('{"private": true}\n')
        options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
        _run([npm, "install", *options, *NODE_PACKAGES], folder)
        stamp.write_text(wanted)
    return folder / "node_modules"


def keycloak_distribution() -> Path:
    """Return the zip of Keycloak, downloaded when it is not there yet.

    Skips the test where Java or Maven is absent; fails it where the download does.
    """
    program("java", "Keycloak")
    folder, name = CACHE / "keycloak", f"keycloak-quarkus-dist-{KEYCLOAK}.zip"
    if not (folder / name).exists():
        maven = program("mvn", "the download of Keycloak")
        folder.mkdir(parents=True, exist_ok=True)
        artifact = f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{KEYCLOAK}:zip"
        where = [f"-DoutputDirectory={folder}", f"-Dmaven.repo.local={CACHE / 'maven'}"]
        _run([maven, "--batch-mode", "--quiet", _MAVEN_PLUGIN, artifact, *where], CACHE)
    return folder / name


def wycheproof_vectors() -> Path:
    """Return the folder of Project Wycheproof's test vectors, downloaded when it is not there yet.

    Skips the test where Go is absent; fails it where the download does.
    """
    go, folder = program("go", "the download of Wycheproof"), CACHE / "go"
    vectors = folder / "pkg" / "mod" / WYCHEPROOF / "testvectors_v1"
    if not vectors.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Writable, so that `make clean` can remove it.
        _run(
            [go, "mod", "download", WYCHEPROOF],
            folder,
            GOPATH=str(folder),
            GOFLAGS="-modcacherw",
        )
    return vectors


def unpack(distribution: Path, target: Path) -> Path:
    """Unpack a zip with one folder in it, with the modes of its files; return that folder."""
    with ZipFile(distribution) as archive:
        for entry in archive.infolist():
            made = Path(archive.extract(entry, target))
            mode = entry.external_attr >> 16
            if mode and not entry.is_dir():
                made.chmod(mode & 0o777)
    [folder] = target.iterdir()
    return folder


def _run(command: list[str], folder: Path, **variables: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
