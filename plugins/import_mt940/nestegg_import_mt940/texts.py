"""`:86:`, the text of a booking, in the dialects of banks. It decides over no money."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

FULL_LINE = 65  # of a text; a full one goes on in the next, within a word
FULL_PART = 27  # of a numbered part
MOST_CHARACTERS = 20_000
_NUMBERED = re.compile(r"[0-9]{3}([^\w\s/])(?=[0-9]{2})", re.ASCII)
_PURPOSE = frozenset((*(str(n) for n in range(20, 30)), *(str(n) for n in range(60, 64))))
_NAME = frozenset({"32", "33"})
_KIND = "00"
_KEY = re.compile(
    "(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|RREF|PURP)(?:[+]|: )"
)
_SLASHED = re.compile(
    "/(TRTP|TRCD|IBAN|BIC|NAME|REMI|EREF|MARF|CSID|ORDP|BENM|ISDT|RTRN|ULTD|ULTC|PREF|CNTP|PURP|"
    "ULTB|ADDR|SVCL)/"
)
_REMITTANCE = re.compile("(?:USTD|STRD)/(?:[A-Z]{3})?/")


@dataclass(frozen=True, slots=True)
class Told:
    """What a text says: who is on the other side, and what it was for. Either may be empty."""

    payee: str = ""
    description: str = ""


def read_text(lines: Sequence[str]) -> Told:
    """Read the lines of one or more `:86:`, each of which begins anew.

    Example:
        >>> read_text(["166?00TRANSFER?20SVWZ+Rent May?32Jo Sample"])
        Told(payee='Jo Sample', description='Rent May')
    """
    bounded = "\n".join(lines)[:MOST_CHARACTERS].split("\n")
    for position, line in enumerate(bounded):
        numbered = _NUMBERED.match(line)
        if numbered:
            return _numbered("".join(bounded[position:])[3:], numbered[1])
    whole = "".join(bounded)
    if _SLASHED.match(whole):
        return _slashed(whole)
    joined = "".join(line if len(line) >= FULL_LINE else f"{line} " for line in bounded)
    return Told(description=clean(joined))


def clean(text: str) -> str:
    """Make one line of characters that can be shown."""
    words = " ".join(text.split())
    return words if words.isprintable() else "".join(filter(str.isprintable, words))


def _numbered(text: str, separator: str) -> Told:
    """Read `?20...?21...`, with whatever separator stands after the code of the booking."""
    parts: list[tuple[str, str]] = []
    for part in text.split(separator)[1:]:
        if re.match("[0-9]{2}", part, re.ASCII) or not parts:
            parts.append((part[:2], part[2:]))
        else:
            code, before = parts.pop()
            parts.append((code, f"{before}{separator}{part}"))
    keyed = _keyed(_joined(parts, _PURPOSE))
    kind = clean("".join(value for code, value in parts if code == _KIND))
    name = clean(_joined(parts, _NAME))
    purpose = clean(f"{keyed.get('', '')} {keyed.get('SVWZ', '')}")
    payee = name or clean(keyed.get("ABWA", "") or keyed.get("ABWE", ""))
    return Told(payee, purpose or kind)


def _joined(parts: Sequence[tuple[str, str]], codes: frozenset[str]) -> str:
    values = (value for code, value in parts if code in codes)
    return "".join(value if len(value) >= FULL_PART else f"{value} " for value in values)


def _keyed(purpose: str) -> dict[str, str]:
    """Split a purpose at its keys; what stands before the first has an empty one."""
    first, *rest = _KEY.split(purpose)
    found = {"": first}
    for key, value in zip(rest[::2], rest[1::2], strict=True):
        found.setdefault(key, value.strip())
    return found


def _slashed(text: str) -> Told:
    """Read `/NAME/.../REMI/...`."""
    _, *rest = _SLASHED.split(text)
    found: dict[str, str] = {}
    for key, value in zip(rest[::2], rest[1::2], strict=True):
        found.setdefault(key, value.strip("/ "))
    party = found.get("CNTP", "").split("/")
    name = found.get("NAME") or (party[2] if len(party) > 2 else "")  # noqa: PLR2004 - IBAN, BIC, name
    ultimate = found.get("ULTC") or found.get("ULTD") or found.get("ULTB") or ""
    remittance = _REMITTANCE.sub("", found.get("REMI", ""), count=1).strip("/ ")
    kind = clean(found.get("TRTP", ""))
    return Told(clean(name or ultimate), clean(remittance) or kind)
