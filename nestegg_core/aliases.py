"""Jobs, commands and checks of plugins are called `<plugin>.<name>`, so that none can clash.

The short name serves as well while it is free: the core's names always win, and where two plugins
have one, neither gets it, for who came first cannot be told.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping


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
