"""Every fault of the table in `docs/plugins.md` is tried, and comes out as the table says."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
import requests

from support.faulty.site import GOOD, LEFT_OUT, POLICY, ZERO, Site, hook
from support.faulty.table import Row, rows
from support.faulty.world import NESTEGG, World

Scenario = Callable[[World, World], str]
TABLE = rows()
PROBLEM = "application/problem+json"
INTERNALS = ("acme", "ZeroDivision", "Traceback", "thirdparty", "/site/", ".py")
CSV = b"Date,Amount,Payee\n2026-01-31,-2.50,Bakery\n"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_fault_comes_out_as_the_table_says(row: Row, world: World, plain: World) -> None:
    seen = SCENARIOS[row.name](world, plain)
    assert row.literals
    for literal in row.literals:
        assert literal in seen


def test_the_table_and_what_is_tried_are_the_same() -> None:
    assert [row.name for row in TABLE] == list(SCENARIOS)


def test_the_server_has_survived_all_of_it(world: World) -> None:
    assert world.get("/health").json() == {"status": "healthy", "checks": {"database": "ok"}}
    assert world.get("/readyz").status_code == 200


# Found at the start.


def left_out(name: str) -> Scenario:
    """The server, the command and the commands that need no server all go on without it."""

    def scenario(world: World, plain: World) -> str:
        del plain
        listed = world.get("/api/v1/admin/plugins").json()["plugins"]
        [found] = [one for one in listed if one["distribution"] == f"acme-{name}"]
        assert (found["state"], found["version"]) == ("failed", "1.2")
        assert "pip install" in found["fix"]
        log, _ = world.noted()
        assert found["cause"] in log, "the log does not say it"
        return str(found["cause"])

    return scenario


def import_hangs(world: World, plain: World) -> str:
    del world
    path = Site(plain.home).install("acme", "import threading\nthreading.Event().wait()\n")
    process = subprocess.Popen(
        [NESTEGG, "plugins"],
        env={**plain.variables, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told = process.stderr.readline()
    process.kill()
    process.communicate()
    return told


def refused(*plugins: tuple[str, str, str], variables: dict[str, str] | None = None) -> Scenario:
    """The start is refused, on one page, and `nestegg plugins` says the same."""

    def scenario(world: World, plain: World) -> str:
        del world
        site = Site(plain.home)
        paths = [site.install(name, source, distribution=dist) for name, dist, source in plugins]
        settings = {**(variables or {}), "PYTHONPATH": os.pathsep.join(paths)}
        started = plain.nestegg("serve", "--port", "0", **settings)
        assert started.returncode == 2, started.stderr
        assert "Nest Egg cannot start" in started.stderr
        assert "Traceback" not in started.stderr
        assert "Fix: " in started.stderr
        return started.stderr

    return scenario


def unknown_permission(world: World, plain: World) -> str:
    del plain
    assert world.get(f"/api/v1/x/routes/organizations/{world.org_id}/budgets").status_code == 404
    log, _ = world.noted()
    [line] = {line for line in log.splitlines() if "permission that does not" in line}
    return line.replace("plugin 'routes' (routes 1.2)", "plugin 'acme' (acme-nestegg 1.2)")


def taken_command(world: World, plain: World) -> str:
    del plain
    listed = world.get("/api/v1/admin/plugins").json()["plugins"]
    registered = [(row["name"], one) for row in listed for one in row["registrations"]]
    assert any(one == ["command", f"{plugin}.serve"] for plugin, one in registered)
    return world.nestegg("serve", "--help").stdout


# Met by a request.


def noted_during(world: World, act: Callable[[], requests.Response], trip: str = "") -> str:
    """Return the answer, and what was logged and counted meanwhile."""
    before = [len(text) for text in world.noted()]
    with world.tripped(trip) if trip else nullcontext():
        answer = act()
    log, counted = (text[start:] for text, start in zip(world.noted(), before, strict=True))
    kind = ""
    if answer.status_code >= 400 and "checks" not in answer.text:
        assert answer.headers["Content-Type"] == PROBLEM
        assert not [word for word in INTERNALS if word in answer.text]
        kind = f" {answer.json()['type']}"
    return f"{answer.status_code}{kind} {answer.text}\n{log}{counted}"


def request(act: Callable[[World], requests.Response], call: str, trip: str = "") -> Scenario:
    """A request meets the fault, which is logged and counted with the plugin's name."""

    def scenario(world: World, plain: World) -> str:
        del plain
        seen = noted_during(world, lambda: act(world), trip)
        assert f"plugin_faults acme {call}\n" in seen
        assert '"distribution": "acme-nestegg 1.2"' in seen
        assert act(world).status_code < 400 or not trip, "it did not go on afterwards"
        return seen

    return scenario


def identity_hangs(world: World, plain: World) -> str:
    del plain
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(world.get, "/api/v1/me", "hangs")
        while not (world.trips / "is-hanging").exists():
            time.sleep(0)
        alive = world.get("/livez")
        assert not hanging.done()
        with world.tripped("let-go"):
            assert hanging.result().status_code == 401
    return f"{alive.status_code} /livez"


def reporter_raises(world: World, plain: World) -> str:
    del plain
    return noted_during(world, lambda: world.route("/raises"), "reporter-raises")


def check_hangs(world: World, plain: World) -> str:
    del plain
    threads = threading.active_count()
    began = time.monotonic()
    seen = noted_during(world, lambda: world.get("/readyz"), "check-hangs")
    assert time.monotonic() - began < 10
    assert threading.active_count() == threads
    return seen


# Met by a command.


def policy_raises(world: World, plain: World) -> str:
    del plain
    with world.tripped("policy-raises"):
        done = world.nestegg("retention", "preview")
    assert done.returncode == 1
    return done.stdout + done.stderr


def job_raises(world: World, plain: World) -> str:
    del plain
    done = world.nestegg("jobs", "run", "acme_job")
    assert done.returncode == 1
    return done.stdout + done.stderr


def command_raises(world: World, plain: World) -> str:
    del plain
    done = world.nestegg("acme")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def _me(token: str) -> Callable[[World], requests.Response]:
    return lambda world: world.get("/api/v1/me", token)


def _upload(content: bytes) -> Callable[[World], requests.Response]:
    return lambda world: world.upload(content)


def _ready(world: World) -> requests.Response:
    return world.get("/readyz")


def _account(world: World) -> requests.Response:
    return world.account()


_FOREIGN_CSV = _upload(CSV + b"2026-02-01,1,recognises-raises")
_IMPORTER = "return [StatementImporterRegistration('csv', NoSettings, print, options={})]"
_CHOSEN = {"RETENTION_POLICIES": "acme"}
_TOKEN = (
    GOOD + "\nclass Token(BaseSettings):\n    acme_token: str\n"
    f"@hookimpl\ndef nestegg_retention_policies():\n    return [{POLICY.format('Token', 'print')}]"
)
_FACTORY = hook(
    "nestegg_retention_policies",
    f"return [{POLICY.format('NoSettings', f'lambda _: {ZERO}')}]",
)
_ACME = "acme-nestegg"

SCENARIOS: dict[str, Scenario] = {
    "import-raises": left_out("import-raises"),
    "import-exits": left_out("import-exits"),
    "import-hangs": import_hangs,
    **{name: left_out(name) for name in list(LEFT_OUT)[2:-1]},
    "unknown-permission": unknown_permission,
    "other-core": left_out("other-core"),
    "taken-entry-point": refused(("acme", _ACME, GOOD), ("acme", "acme-other", GOOD)),
    "taken-name": refused(("acme", _ACME, hook("nestegg_statement_importers", _IMPORTER))),
    "taken-command": taken_command,
    "needed-and-failed": refused(("retention_acme", _ACME, ZERO), variables=_CHOSEN),
    "missing-setting": refused(("acme", _ACME, _TOKEN), variables=_CHOSEN),
    "factory-raises": refused(("acme", _ACME, _FACTORY), variables=_CHOSEN),
    "identity-raises": request(_me("raises"), "authenticate"),
    "identity-garbage": request(_me("garbage"), "authenticate"),
    "identity-hangs": identity_hangs,
    "route-raises": request(lambda world: world.route("/raises"), "GET /raises"),
    "route-garbage": request(lambda world: world.route("/garbage"), "GET /garbage"),
    "importer-raises": request(_upload(b"ACME raises"), "read"),
    "importer-garbage": request(_upload(b"ACME garbage"), "read"),
    "recognises-raises": request(_FOREIGN_CSV, "recognises"),
    "encryption-raises": request(_account, "encrypt", "encryption-raises"),
    "encryption-garbage": request(_account, "encrypt", "encryption-garbage"),
    "storage-raises": request(_me(""), "begin", "storage-raises"),
    "metrics-raises": request(_FOREIGN_CSV, "count", "metrics-raises"),
    "reporter-raises": reporter_raises,
    "check-raises": request(_ready, "check", "check-raises"),
    "check-garbage": request(_ready, "check", "check-garbage"),
    "check-hangs": check_hangs,
    "policy-raises": policy_raises,
    "job-raises": job_raises,
    "command-raises": command_raises,
}
