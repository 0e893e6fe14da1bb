"""The manifests of `deploy/kubernetes`."""

from collections.abc import Iterator
from typing import Any

import yaml

from support.environments import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"


def manifests() -> Iterator[dict[str, Any]]:
    """Yield every object that the kustomization applies."""
    for name in kustomization()["resources"]:
        yield from yaml.safe_load_all((FOLDER / name).read_text("utf-8"))


def kustomization() -> dict[str, Any]:
    """Return the kustomization."""
    read: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))
    return read


def deployments() -> dict[str, dict[str, Any]]:
    """Return the deployments by name."""
    return {one["metadata"]["name"]: one for one in manifests() if one["kind"] == "Deployment"}


def pods() -> dict[str, dict[str, Any]]:
    """Return the templates of pods by the name of what makes them."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]
        for one in manifests()
        if one["kind"] in {"Deployment", "Job"}
    }
