"""The grammar of names: what a plugin registers is written in settings, URLs and stored values.

One grammar for all of them: a name that one place takes and another does not is a value that
cannot be read back.
"""

import re

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
