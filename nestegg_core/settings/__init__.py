"""Environment to typed settings, with the production rules.

`environment` (with `loading`) -> `core` (with `production`) -> `report`; `types` and `urls` say
what a setting looks like.
"""

from nestegg_core.settings.core import Settings, judged_aside, load, preview
from nestegg_core.settings.environment import Environment
from nestegg_core.settings.report import Setting, describe, env_example
from nestegg_core.settings.types import CommaList

__all__ = [
    "CommaList",
    "Environment",
    "Setting",
    "Settings",
    "describe",
    "env_example",
    "judged_aside",
    "load",
    "preview",
]
