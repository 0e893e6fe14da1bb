"""`docs/identity.md` names settings that exist, and its examples start a server."""

import re
from collections.abc import Iterator
from pathlib import Path

import nestegg_idp_cognito
import nestegg_idp_google
import nestegg_idp_keycloak
import nestegg_idp_okta
import pytest

from nestegg_core.settings import Settings
from nestegg_core.settings.loading import fields_of
from support.serving import Serve, serving

GUIDE = (Path(__file__).parents[2] / "docs" / "identity.md").read_text(encoding="utf-8")
VENDORS = {
    "Cognito": nestegg_idp_cognito.CognitoSettings,
    "Keycloak": nestegg_idp_keycloak.KeycloakSettings,
    "Okta": nestegg_idp_okta.OktaSettings,
    "Google": nestegg_idp_google.GoogleSettings,
}
_VARIABLE = re.compile(r"\b(?:IDP_[A-Z]+_[A-Z_]+|OIDC_[A-Z_]+|IDENTITY_[A-Z_]+)\b")


def section(heading: str) -> str:
    """Return the text below a heading of the second level."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", GUIDE, flags=re.DOTALL | re.MULTILINE)
    assert found is not None, f"there is no section {heading}"
    return found[1]


def examples(text: str) -> list[dict[str, str]]:
    """Return the variables of each `env` block."""
    blocks = re.findall(r"^ *```env\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    return [dict(line.strip().split("=", 1) for line in block.splitlines()) for block in blocks]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers over a folder of their own."""
    with serving({"ENVIRONMENT": "test", "NESTEGG_HOME": str(tmp_path)}) as serve:
        yield serve


def test_every_variable_that_is_named_is_a_setting() -> None:
    classes = [Settings, *VENDORS.values()]
    known = {field.variable for settings in classes for field in fields_of(settings)}
    named = set(_VARIABLE.findall(GUIDE))

    assert len(named) > 15
    assert named <= known


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_example_of_each_vendor_starts_a_server(vendor: str, serve: Serve) -> None:
    first, *further = examples(section(vendor))
    settings = VENDORS[vendor]
    required = {
        field.variable
        for field in fields_of(settings)
        if settings.model_fields[field.name].is_required()
    }
    assert required <= first.keys()
    assert first["IDENTITY_PROVIDER_CHAIN"].split(",") == [vendor.lower(), "builtin"]

    for variables in (first, *({**first, **more} for more in further)):
        assert serve.runtime(**variables).chain is not None


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_readme_of_each_plugin_names_its_settings_alone(vendor: str) -> None:
    plugin = Path(__file__).parents[2] / "plugins" / f"idp_{vendor.lower()}" / "README.md"
    known = {field.variable for field in fields_of(VENDORS[vendor])}
    known |= {"IDENTITY_PROVIDER_CHAIN", "IDENTITY_GROUP_ROLES"}

    assert set(_VARIABLE.findall(plugin.read_text(encoding="utf-8"))) <= known


def test_links_within_the_guide_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", GUIDE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}
    links = re.findall(r"\]\(#([^)]*)\)", GUIDE)

    assert links
    assert set(links) <= anchors
