"""Rows that are no bookings: some banks write the balance of a day as if it were one."""

import re
import unicodedata

# Each language's word for a balance, and what stands beside it in the name of one. A text that has
# any other word (`balance transfer`, `pagamento saldo`) is a booking.
_BALANCE = frozenset(
    {"balance", "saldo", "saldos", "solde", "kontostand", "kontosaldo", "anfangssaldo", "endsaldo"}
    | {"schlusssaldo", "beginsaldo", "eindsaldo"}
)
# fmt: off
_BESIDE = frozenset((
    "opening", "closing", "beginning", "ending", "starting", "previous", "current", "available",
    "ledger", "forward", "brought", "carried", "final", "total", "statement", "of", "the", "day",
    "daily", "as", "at", "on", "account",
    # Portuguese and Spanish
    "anterior", "do", "da", "de", "del", "la", "el", "dia", "atual", "actual", "inicial",
    "disponivel", "disponible", "em", "en", "conta", "cuenta", "consolidado", "bloqueado", "previo",
    "parcial", "aplicacao",
    # French and Italian
    "initial", "precedent", "nouveau", "ancien", "au", "du", "le", "jour", "crediteur", "debiteur",
    "compte", "iniziale", "finale", "contabile", "disponibile", "precedente",
    # German and Dutch
    "alter", "neuer", "vom", "per", "am",
))
# fmt: on
_WORD = re.compile(r"[^\W\d_]+")
_SPREAD = re.compile(r"\b(?:[a-z] ){3,}[a-z]\b")

NONE, LIKELY, SURELY = 0, 1, 2


def is_balance(*texts: str) -> int:
    """Tell from a booking's texts whether it is a balance.

    Example:
        >>> is_balance("SALDO DISPONÍVEL DIA"), is_balance("S A L D O"), is_balance("", "Rent")
        (2, 1, 0)
    """
    found = [_judged(text) for text in texts if text]
    return min(found) if found else NONE


def _judged(text: str) -> int:
    plain = unicodedata.normalize("NFKD", text[:100].casefold())
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    plain = _SPREAD.sub(lambda spread: spread[0].replace(" ", ""), " ".join(plain.split()))
    words = _WORD.findall(plain)
    if not set(words) & _BALANCE or not set(words) <= _BALANCE | _BESIDE:
        return NONE
    named = len(words) > 1 or words[0] not in {"balance", "saldo", "saldos", "solde"}
    return SURELY if named else LIKELY
