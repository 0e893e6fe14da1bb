"""The grammar of names: what a plugin registers is written in settings, URLs and stored values.

One grammar for all of them: a name that one place takes and another does not is a value that
cannot be read back. Jobs, commands and checks of plugins are named `<plugin>.<name>`, so that none
can clash; the short name serves as well while it is free.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

CONTRACT_VERSION = "1.0"
"""Major and minor number of what `nestegg_core` offers to plugins.

The minor one grows with every addition: plugins written before go on as they are. The major one
grows with a change that an existing plugin would notice; the core refuses plugins that were built
for another, and names both.

Example:
    >>> CONTRACT_VERSION.split(".")[0]
    '1'
"""


LONGEST = 32
"""Characters of a name."""

PATTERN = rf"[a-z][a-z0-9_-]{{0,{LONGEST - 1}}}"
"""The grammar, as a part of regular expressions."""

RULE = (
    f"a string of at most {LONGEST} lower-case letters, digits, `_` and `-` that begins with a "
    "letter"
)
"""The grammar, for users."""

_NAME = re.compile(PATTERN, re.ASCII)


def is_name(text: object) -> bool:
    """Tell whether something is a name.

    Example:
        >>> is_name("aws-kms"), is_name("AWS"), is_name("a" * 33)
        (True, False, False)
    """
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def full_name(plugin: str, name: str) -> str:
    """Return what a plugin's job, command or check is called.

    Example:
        >>> full_name("vault", "sweep")
        'vault.sweep'
    """
    return f"{plugin}.{name}"


def aliases(full_names: Iterable[str], taken: Collection[str]) -> Mapping[str, str]:
    """Return the short names that are free, each with the name that it stands for.

    Args:
        full_names: of everything that plugins have of one kind.
        taken: names of the core.

    Example:
        >>> aliases(["a.sweep", "b.sweep", "b.rates", "b.backup"], {"backup"})
        {'rates': 'b.rates'}
    """
    names = list(full_names)
    counted = Counter(map(short_name, names))
    free = {short for short, count in counted.items() if count == 1} - set(taken)
    return {short_name(name): name for name in names if short_name(name) in free}


def short_name(full: str) -> str:
    """Return the name without its plugin.

    Example:
        >>> short_name("vault.sweep"), short_name("backup")
        ('sweep', 'backup')
    """
    return full.rpartition(".")[2]
