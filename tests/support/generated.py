"""`docs/generate.py`, which is no part of a package."""

import runpy
from collections.abc import Callable
from typing import Any

from support.environments import ROOT

_NAMES = runpy.run_path(str(ROOT / "docs" / "generate.py"))

permissions_page: Callable[..., str] = _NAMES["permissions_page"]
settings_page: Callable[..., str] = _NAMES["settings_page"]
plugins_of_this_repository: Callable[[], list[Any]] = _NAMES["plugins_of_this_repository"]
