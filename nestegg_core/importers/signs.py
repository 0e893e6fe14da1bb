"""Signs: where the direction of an amount stands in a column of its own."""

from nestegg_core.importers.vocabulary import IN_WORDS, OUT_WORDS, key

_MINUS = frozenset("-\u2212\u2013\u2012\u2010")


def direction(cell: str) -> int:
    """Read a cell of a sign column: 1 is money in, -1 is money out, 0 is no such word.

    Example:
        >>> direction("debit"), direction("Haben"), direction("+"), direction("transfer")
        (-1, 1, 1, 0)
    """
    text = cell.strip()
    if text == "+":
        return 1
    if text in _MINUS:
        return -1
    word = key(text) if text else ""
    if word in OUT_WORDS:
        return -1
    return int(word in IN_WORDS)
