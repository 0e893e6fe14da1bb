"""What a new plugin, its distribution and its classes are called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nestegg_core.contracts.names import LONGEST

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class _Kind:
    folder: str
    purpose: str


KINDS: Mapping[str, _Kind] = {
    "identity-provider": _Kind("idp", "Sign in to Nest Egg with {}"),
    "encryption-backend": _Kind("encryption", "Encrypt Nest Egg's personal data with {}"),
    "retention-policy": _Kind("retention", "The retention policy {} for Nest Egg"),
    "metrics-exporter": _Kind("metrics", "Send Nest Egg's metrics to {}"),
    "storage": _Kind("storage", "Keep Nest Egg's data in {}"),
    "statement-importer": _Kind("import", "Import statements of {} into Nest Egg"),
    "error-reporter": _Kind("errors", "Report Nest Egg's failures to {}"),
}
"""Every kind that can be scaffolded."""


class InvalidName(ValueError):
    """The message says what a name must be like."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one new plugin: operators write `name` in settings, the entry point is `plugin`.

    The fields' and variables' names begin as `plugin` does; `scheme` is how a storage's URLs begin.
    """

    kind: str
    name: str
    plugin: str
    package: str
    distribution: str
    class_name: str
    title: str
    description: str
    scheme: str

    @property
    def variable(self) -> str:
        return self.plugin.upper()


def names_for(kind: str, name: str) -> Names:
    """Derive every name of a plugin of one of `KINDS`; raise InvalidName."""
    folder = KINDS[kind].folder
    words = re.split(r"[_-]", name)
    if not _NAME.fullmatch(name):
        raise InvalidName(
            "NAME must be lower-case words of letters and digits with - or _ between, and begin "
            "with a letter, e.g. legal-hold"
        )
    if len(name) > LONGEST:
        raise InvalidName(f"NAME must have at most {LONGEST} characters")
    if words[0] in {"nestegg", folder}:
        raise InvalidName(
            f"leave {words[0]!r} out of NAME: the distribution is called nestegg-{folder}-NAME"
        )
    title = " ".join(words).capitalize()
    return Names(
        kind=kind,
        name="_".join(words),
        plugin="_".join([folder, *words]),
        package="_".join(["nestegg", folder, *words]),
        distribution="-".join(["nestegg", folder, *words]),
        class_name="".join(word.capitalize() for word in words),
        title=title,
        description=KINDS[kind].purpose.format(title),
        scheme="".join(words),
    )
