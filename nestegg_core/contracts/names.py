"""The grammar of names: what a plugin registers is written in settings, URLs and stored values.

One grammar for all of them: a name that one place takes and another does not is a value that
cannot be read back.
"""

import re

LONGEST = 32
"""Characters of a name."""

PATTERN = rf"[a-z][a-z0-9_-]{{0,{LONGEST - 1}}}"
"""The grammar, as a part of regular expressions."""

RULE = (
    f"a string of at most {LONGEST} lower-case letters, digits, `_` and `-` that begins with a "
    "letter"
)
"""The grammar, for people."""

_NAME = re.compile(PATTERN, re.ASCII)


def is_name(text: object) -> bool:
    """Tell whether something is a name.

    Example:
        >>> is_name("aws-kms"), is_name("AWS"), is_name("a" * 33)
        (True, False, False)
    """
    return isinstance(text, str) and _NAME.fullmatch(text) is not None
