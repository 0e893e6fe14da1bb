"""The messages of a file to one statement: accounts kept apart, each verified, questions asked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from nestegg_core import Question, Statement, StatementAccount, StatementError, StatementRow
from nestegg_import_mt940.bookings import Booking
from nestegg_import_mt940.messages import Message
from nestegg_import_mt940.proofs import Proof, missing_amount, reversals_are_flipped, verify
from nestegg_import_mt940.texts import read_text

LONGEST_TEXT = 500
_MOST_LINES = 10


@dataclass(slots=True)
class _Account:
    key: str  # its place in the file
    number: str
    currency: str
    messages: list[Message] = field(default_factory=list)


def settle(
    messages: Sequence[Message], options: Mapping[str, str], warnings: Iterable[str]
) -> Statement:
    """Make a statement of the messages of a file.

    Args:
        messages: in the file's order.
        options: checked.
        warnings: the first warnings.

    Raises:
        StatementError: there are none.
    """
    if not messages:
        raise StatementError(
            "no_statement", "The file holds no statement: no balance and no booking of an account."
        )
    notes = list(warnings)
    messages = _once(messages, notes)
    owners = _owners(messages)
    flipped = _flipped(messages, options, notes)
    proofs = [verify(message, flipped=flipped) for message in messages]
    ignored = options.get("balances") == "ignored"
    notes += _remarks(messages, proofs)
    accounts = list({account.key: account for account in owners}.values())
    for account in accounts:
        account.messages = _chained(account.messages, notes)
    balances = [_account_of(account) for account in accounts]
    currencies = {account.currency for account in accounts}
    interim = [message for message in messages if message.is_interim]
    return Statement(
        decisions={
            "statements": len(messages),
            "balances": _verdict(proofs, ignored=ignored),
            "reversals": "flipped" if flipped else "standard",
            "entries": options.get("entries", "pending" if interim else "booked"),
        },
        rows=[
            _row(booking, message, owner, options, flipped=flipped)
            for message, owner in zip(messages, owners, strict=True)
            for booking in message.bookings
        ],
        warnings=notes,
        currency=(currencies.pop() or None) if len(currencies) == 1 else None,
        closing_balance=balances[0].closing_balance if len(balances) == 1 else None,
        accounts=balances,
        questions=[] if ignored else list(_questions(accounts, flipped=flipped)),
    )


def _once(messages: Sequence[Message], notes: list[str]) -> list[Message]:
    """Leave out what stands in a file twice, as when two downloads are joined."""
    kept: dict[object, Message] = {}
    for position, message in enumerate(messages):
        bookings = tuple(replace(one, line=1) for one in message.bookings)
        same = (message.number, message.currency, message.opening, message.closing, bookings)
        # Two equal messages without balances may be two equal days.
        is_placed = bookings and message.opening != message.closing
        kept.setdefault(same if is_placed else position, message)
    if len(kept) < len(messages):
        twice = len(messages) - len(kept)
        notes.append(f"{twice} statement(s) that the file holds twice were taken once.")
    return list(kept.values())


def _owners(messages: Sequence[Message]) -> list[_Account]:
    """Return the account of each message."""
    accounts: dict[tuple[str, str], _Account] = {}
    owners = []
    for message in messages:
        place = (re.sub(r"[\s./-]", "", message.number).upper(), message.currency)
        if place not in accounts:
            accounts[place] = _Account(str(len(accounts) + 1), message.number, message.currency)
        accounts[place].messages.append(message)
        owners.append(accounts[place])
    return owners


def _row(
    booking: Booking,
    message: Message,
    owner: _Account,
    options: Mapping[str, str],
    *,
    flipped: bool,
) -> StatementRow:
    text = read_text(booking.texts)
    own = booking.details or booking.reference
    description = text.description or own
    amount = booking.amount
    if amount is not None and flipped and booking.is_reversal:
        amount = -amount
    may_come_again = message.is_interim and options.get("entries") != "booked"
    is_pending = booking.is_expected or may_come_again or options.get("entries") == "pending"
    return StatementRow(
        line=booking.line,
        date=None if booking.problems else booking.day,
        amount=None if booking.problems else amount,
        payee=(text.payee or description)[:LONGEST_TEXT].rstrip(),
        description=description[:LONGEST_TEXT].rstrip(),
        external_id=booking.external_id[:LONGEST_TEXT],
        problems=booking.problems,
        account=owner.key,
        status="pending" if is_pending else "booked",
    )


def _flipped(messages: Sequence[Message], options: Mapping[str, str], notes: list[str]) -> bool:
    chosen = options.get("reversals")
    if chosen is not None:
        return chosen == "flipped"
    flipped = reversals_are_flipped(messages)
    if flipped:
        notes.append(
            "Reversals (RC, RD) count the other way round than the standard has it: only so do the "
            "bookings lead from the opening to the closing balance."
        )
    return flipped


def _questions(accounts: Sequence[_Account], *, flipped: bool) -> Iterable[Question]:
    for account in accounts:
        wrong = [
            message
            for message in account.messages
            if verify(message, flipped=flipped) is Proof.CONTRADICTED
        ]
        if wrong:
            yield _question(account, wrong, flipped=flipped)


def _question(account: _Account, wrong: Sequence[Message], *, flipped: bool) -> Question:
    first = wrong[0]
    missing = missing_amount(first, flipped=flipped)
    if missing:
        what = f"{missing} {first.currency}".rstrip() + " are missing between the balances"
    elif first.is_interim:
        what = "the sums it states are not those of its bookings"
    else:
        what = "a balance is missing or cannot be read, as if the file broke off"
    return Question(
        "balances",
        {"ignored": "The bookings are taken as they are written, and the balances left alone."},
        f"The figures of {len(wrong)} of {len(account.messages)} statement(s) do not verify the "
        f"bookings. In the first, {what}.",
        lines=[message.line for message in wrong[:_MOST_LINES]],
        account=account.key,
    )


def _verdict(proofs: Sequence[Proof], *, ignored: bool) -> str:
    if Proof.CONTRADICTED in proofs:
        return "ignored" if ignored else Proof.CONTRADICTED.value
    return Proof.MISSING.value if Proof.MISSING in proofs else Proof.VERIFIED.value


def _remarks(messages: Sequence[Message], proofs: Sequence[Proof]) -> Iterable[str]:
    information = [line for message in messages for line in message.information]
    if information:
        yield (
            f"{len(information)} line(s) without an amount are information and no bookings, and "
            f"were left out ({_lines(information)})."
        )
    interim = [message for message in messages if message.is_interim]
    if interim:
        yield "The file holds MT942, which MT940 repeats: its bookings are pending."
    if Proof.MISSING in proofs:
        yield (
            f"Nothing verifies the bookings of {proofs.count(Proof.MISSING)} of {len(proofs)} "
            "statement(s): figures are missing, or cannot be read."
        )


def _lines(lines: Sequence[int]) -> str:
    named = ", ".join(map(str, lines[:_MOST_LINES]))
    more = len(lines) - _MOST_LINES
    return f"line{'s' * (len(lines) > 1)} {named}" + (f" and {more} more" if more > 0 else "")


def _chained(messages: list[Message], notes: list[str]) -> list[Message]:
    """Put statements in the order in which their balances follow one another."""
    orders = (messages, messages[::-1])
    breaks = [_breaks(order) for order in orders]
    best = orders[breaks.index(min(breaks))]
    if min(breaks):
        notes.append(
            f"Balances do not follow from statement to statement in {min(breaks)} place(s): "
            "a statement is missing, or stands in another order."
        )
    return best


def _breaks(messages: Sequence[Message]) -> int:
    whole = [message for message in messages if not message.is_interim]
    pairs = ((before.closing, after.opening) for before, after in pairwise(whole))
    return sum(
        closing is not None and opening is not None and closing != opening
        for closing, opening in pairs
    )


def _account_of(account: _Account) -> StatementAccount:
    whole = [message for message in account.messages if not message.is_interim]
    return StatementAccount(
        key=account.key,
        number=account.number,
        currency=account.currency or None,
        opening_balance=whole[0].opening if whole else None,
        closing_balance=whole[-1].closing if whole else None,
    )
