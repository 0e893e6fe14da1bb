"""What is not in order with a plugin that can be used all the same."""

from collections.abc import Iterator
from importlib.metadata import distributions

from nestegg_core.errors import Problem
from nestegg_core.plugin_host.advice import install
from nestegg_core.plugin_host.candidates import IN_MEMORY, clashes
from nestegg_core.plugin_host.compatibility import doubts
from nestegg_core.plugin_host.records import Catalogue, LoadedPlugin, Source
from nestegg_core.settings.fields import fields_of


def warnings_of(plugin: LoadedPlugin, catalogue: Catalogue) -> Iterator[Problem]:
    """Look at what a plugin says of itself, and at how it is installed."""
    source = plugin.source
    if source.is_builtin:
        return
    yield from (one for one in clashes(catalogue) if one.where == str(source))
    yield from _open_secrets(plugin)
    if source.distribution != IN_MEMORY:
        yield from doubts(source, plugin.requirements)
        yield from _doubled(source)


def _open_secrets(plugin: LoadedPlugin) -> Iterator[Problem]:
    classes = {getattr(offer.registration, "settings", None): None for offer in plugin.offers}
    for settings_class in filter(None, classes):
        for field in fields_of(settings_class):
            if field.undeclared:
                what = (
                    f"has a setting {field.variable} that is a secret by its name and no SecretStr"
                )
                yield Problem(str(plugin.source), what, "its authors declare it as a SecretStr")


def _doubled(source: Source) -> Iterator[Problem]:
    """An upgrade that broke off leaves two versions, of which only one is looked at."""
    found = sorted({one.version for one in distributions(name=source.distribution)})
    if len(found) > 1:
        what = f"is installed in the versions {' and '.join(found)}; which code runs is unknown"
        fix = install(source.distribution, "--force-reinstall")
        yield Problem(str(source), what, fix)
