"""The system's own PostgreSQL (Debian's is 15), on a port and with TLS, beside the wheel's newer
one: what tests need of it, by the names that the wheel has for them.
"""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DEBIAN = Path("/usr/lib/postgresql")
SYSTEM_USER = "postgres"
START_SECONDS = 60

MISSING = "no PostgreSQL of the system's here (Debian: apt install postgresql)"

RULES = """\
local   all all              trust
hostssl all all 127.0.0.1/32 trust
"""


def tools() -> Path | None:
    """Return the folder with the server and its tools, if there is one."""
    found = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class SystemServer:
    """A server in a folder of its own; only connections with TLS come in by its port.

    Args:
        folder: for its data; the server's user gets it.
        tools: where its programs are.
    """

    def __init__(self, folder: Path, tools: Path) -> None:
        self.data = folder / "data"
        self._tools = tools
        self._log = folder / "log"
        self.port = _free_port()
        self._user = SYSTEM_USER if os.geteuid() == 0 else None  # it refuses to run as root
        if self._user is not None:
            folder.chmod(0o755)
            entry = pwd.getpwnam(self._user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        self._initialize()
        self.ensure_postgres_running()

    def get_uri(self) -> str:
        """Return the superuser's URL."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=require"

    def get_pid(self) -> int:
        """Return the id of its first process."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def ensure_postgres_running(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self._log), "start")

    def stop(self) -> None:
        """Stop it as an operator does."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "fast", "stop")

    def _initialize(self) -> None:
        options = ("--auth", "trust", "--username", "postgres", "--encoding", "UTF8")
        self._run("initdb", "-D", str(self.data), *options, "--locale", "C.UTF-8")
        self.write("pg_hba.conf", RULES)
        key, certificate = _certificate()
        self.write("server.key", key)
        self.write("server.crt", certificate)
        settings = (self.data / "postgresql.conf").read_text()
        own = (
            "listen_addresses = '127.0.0.1'",
            f"port = {self.port}",
            f"unix_socket_directories = '{self.data}'",
            "ssl = on",
        )
        self.write("postgresql.conf", "\n".join([settings, *own]) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write one of its files; it reads them when it starts, or is told to."""
        path = self.data / name
        path.write_text(text)
        path.chmod(0o600)
        if self._user is not None:
            shutil.chown(path, self._user)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._tools / program), *arguments],
            user=self._user,
            cwd=self.data.parent,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            # Not a pipe: the server keeps it open, and waiting for its end would be for ever.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=START_SECONDS,
        )
        if done.returncode:
            log = self._log.read_text() if self._log.exists() else ""
            raise RuntimeError(f"{program} ended with {done.returncode}\n{log}")


def _certificate() -> Sequence[str]:
    """Return a new key and a certificate of it by itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
