"""A running server with a faulty plugin, and with plugins that could not even be loaded."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from support.faulty.site import LEFT_OUT, MODEL, ROUTE, Site, hook
from support.household import PASSWORD

SECONDS = 120
EMAIL = "ada@example.org"
NESTEGG = Path(sys.executable).with_name("nestegg")
_HERE = Path(__file__).parent
_SERVE = "return [CommandRegistration(click.Command('serve', callback=print))]"


@dataclass
class World:
    """A server, its data, and the switches of its faulty plugin.

    Attributes:
        home: folder of everything.
        variables: the process environment.
        url: where the server answers, once it does.
        token: of an administrator of the instance.
        org_id: of the administrator's own organization.
    """

    home: Path
    variables: Mapping[str, str]
    url: str = ""
    token: str = ""
    org_id: str = ""

    @property
    def trips(self) -> Path:
        """Folder whose files switch faults on."""
        return self.home / "trips"

    @contextmanager
    def tripped(self, name: str) -> Iterator[None]:
        """Switch one fault on."""
        (self.trips / name).touch()
        try:
            yield
        finally:
            (self.trips / name).unlink()

    def nestegg(
        self, *arguments: str, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, and return what it said, however it ended."""
        return subprocess.run(
            [NESTEGG, *arguments],
            input=stdin,
            env={**self.variables, **variables},
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def get(self, path: str, token: str = "") -> requests.Response:
        """Read a path."""
        bearer = {"Authorization": f"Bearer {token or self.token}"}
        return requests.get(self.url + path, headers=bearer, timeout=SECONDS)

    def route(self, path: str) -> requests.Response:
        """Read a route of the faulty plugin."""
        return self.get(f"/api/v1/x/acme/organizations/{self.org_id}{path}")

    def post(self, path: str, **arguments: Any) -> requests.Response:
        """Send something below the organization."""
        bearer = {"Authorization": f"Bearer {self.token}", **arguments.pop("headers", {})}
        url = f"{self.url}/api/v1/organizations/{self.org_id}/{path}"
        return requests.post(url, headers=bearer, timeout=SECONDS, **arguments)

    def account(self) -> requests.Response:
        """Open an account, whose number is stored encrypted."""
        values = {"name": "Cash", "type": "cash", "currency": "EUR", "number": "12345678"}
        return self.post("accounts", json=values)

    def upload(self, content: bytes) -> requests.Response:
        """Upload a statement."""
        return self.post(
            "imports",
            params={"account_id": self.account().json()["id"]},
            data=content,
            headers={"Content-Type": "text/csv"},
        )

    def noted(self) -> tuple[str, str]:
        """Return what was logged until now, and what was counted."""
        paths = (self.home / "server.log", self.trips / "counted")
        log, counted = (p.read_text(encoding="utf-8") if p.exists() else "" for p in paths)
        return log, counted


def bare(home: Path) -> World:
    """Return a world of one plugin-free configuration, in which commands can be tried."""
    home.mkdir(exist_ok=True)
    return World(home, {"PATH": os.environ["PATH"], "NESTEGG_HOME": str(home / "var")})


@contextmanager
def running(home: Path) -> Iterator[World]:
    """Serve with every fault at hand, until the context ends."""
    world = _faulty(home)
    password = {"stdin": f"{PASSWORD}\n"}
    made = world.nestegg("user", "create", EMAIL, "--admin", "--password-stdin", **password)
    assert made.returncode == 0, made.stderr
    command = [NESTEGG, "serve", "--port", "0", "--workers", "1", "--threads", "4"]
    with (home / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            command, env=world.variables, cwd=home, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert server.stdout is not None
        told = server.stdout.readline()
        assert " on http" in told, world.noted()
        world.url = told.split(" on ")[1].split()[0]
        _sign_in(world)
        yield world
    finally:
        (world.trips / "let-go").touch()
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=SECONDS)


def _faulty(home: Path) -> World:
    (home / "trips").mkdir()
    site = Site(home / "site")
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(_installed(site)),
        "NESTEGG_HOME": str(home / "var"),
        "ACME_TRIPS": str(home / "trips"),
        "DATABASE_URL": f"acme:///{home / 'data.sqlite3'}",
        "IDENTITY_PROVIDER_CHAIN": "acme,builtin",
        "ENCRYPTION_BACKEND": "acme",
        "RETENTION_POLICIES": "acme",
        "METRICS_EXPORTERS": "acme,watch",
        "LOG_FORMAT": "json",
    }
    return World(home, variables)


def _installed(site: Site) -> Iterator[str]:
    yield site.install("acme", (_HERE / "acme_plugin.py").read_text())
    watch = (_HERE / "watch_plugin.py").read_text()
    yield site.install("watch", watch, distribution="watch")
    for name, (source, requires) in LEFT_OUT.items():
        bounds = {"requires": requires} if requires else {}
        yield site.install(name, source, distribution=f"acme-{name}", **bounds)
    route = f"return [{ROUTE.format('/budgets', 'budgets:read')}]"
    yield site.install("routes", MODEL + hook("nestegg_routes", route), distribution="routes")
    serve = "import click\n" + hook("nestegg_commands", _SERVE)
    yield site.install("serve", serve, distribution="serve")


def _sign_in(world: World) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    answer = requests.post(f"{world.url}/api/v1/auth/login", json=body, timeout=SECONDS)
    world.token = answer.json()["access_token"]
    world.org_id = world.get("/api/v1/me").json()["memberships"][0]["organization"]["id"]
