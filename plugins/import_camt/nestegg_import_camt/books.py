"""The reports of a file to one statement: accounts kept apart, each verified, questions asked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from nestegg_core import Question, Statement, StatementAccount, StatementError, StatementRow
from nestegg_import_camt.messages import Report
from nestegg_import_camt.proofs import Proof, missing_amount, reversals_are_flipped, verify

_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)
_MOST_LINES = 10


@dataclass(slots=True)
class _Account:
    key: str  # its place in the file
    number: str
    name: str
    currency: str
    reports: list[Report] = field(default_factory=list)


def settle(
    reports: Sequence[Report], options: Mapping[str, str], warnings: Iterable[str]
) -> Statement:
    """Make a statement of the reports of a file.

    Args:
        reports: in the file's order.
        options: checked.
        warnings: the first warnings.

    Raises:
        StatementError: the file mixes kinds of messages that repeat one another.
    """
    notes = list(warnings)
    kind = _kind(reports)
    reports = _once(reports, notes)
    accounts = _accounts(reports)
    owned = [(report, account.currency) for account in accounts for report in account.reports]
    flipped = _flipped(owned, options, notes)
    pending = options.get("entries") == "pending"
    rows = [
        row
        for report, account in _in_order(reports, accounts)
        for row in _rows(report, account, flipped=flipped, pending=pending)
    ]
    proofs = [verify(*one, flipped=flipped) for one in owned]
    questions: list[Question] = []
    if options.get("balances") != "ignored":
        questions += _contradictions(accounts, flipped=flipped)
    if kind == "camt.054" and "entries" not in options and rows:
        questions.append(_REPEATED)
    notes += _remarks(kind, reports, proofs)
    for account in accounts:
        account.reports = _chained(account.reports, notes)
    only = accounts[0] if len(accounts) == 1 else None
    currencies = {account.currency for account in accounts}
    return Statement(
        decisions={
            "message": kind,
            "statements": len(reports),
            "balances": _verdict(proofs, options),
            "reversals": "flipped" if flipped else "standard",
            "entries": "pending" if pending else "booked",
        },
        rows=rows,
        warnings=notes,
        currency=(currencies.pop() or None) if len(currencies) == 1 else None,
        closing_balance=only.reports[-1].head.closing if only else None,
        accounts=[_account_of(account) for account in accounts],
        questions=questions,
    )


_REPEATED = Question(
    "entries",
    {
        "booked": "They are booked. No statement (camt.053) of these days will be imported.",
        "pending": "They are shown and not booked. The statement (camt.053) brings them again.",
    },
    "The file is a notification (camt.054): the statement of the account repeats its entries.",
)


def _kind(reports: Sequence[Report]) -> str:
    kinds = sorted({report.kind for report in reports})
    if not kinds:
        raise StatementError(
            "no_statement", "The file holds no statement, report or notification of an account."
        )
    if len(kinds) > 1:
        raise StatementError(
            "mixed_messages",
            f"The file holds {' and '.join(kinds)}, which repeat the same bookings. "
            "Import one kind: camt.053 where the bank has it.",
        )
    return kinds[0]


def _once(reports: Sequence[Report], notes: list[str]) -> list[Report]:
    """Leave out what stands in an archive twice."""
    kept: dict[object, Report] = {}
    for position, report in enumerate(reports):
        head = report.head
        is_named = head.name and report.entries
        entries = tuple((replace(one.row, line=1), one.currency) for one in report.entries)
        same = (head.number, head.currency, head.name, head.opening, head.closing, entries)
        kept.setdefault(same if is_named else position, report)
    if len(kept) < len(reports):
        twice = len(reports) - len(kept)
        notes.append(f"{twice} statement(s) that the file holds twice were taken once.")
    return list(kept.values())


def _accounts(reports: Sequence[Report]) -> list[_Account]:
    accounts: dict[tuple[str, str], _Account] = {}
    for report in reports:
        number, currency = _place(report)
        account = accounts.get((_folded(number), currency))
        if account is None:
            place = str(len(accounts) + 1)
            account = _Account(place, number, report.head.account_name, currency)
            accounts[_folded(number), currency] = account
        account.reports.append(report)
    return list(accounts.values())


def _place(report: Report) -> tuple[str, str]:
    """Return number and currency of a report's account."""
    own = report.head.currency
    if not own:
        named = {entry.currency for entry in report.entries}
        own = named.pop() if len(named) == 1 else ""
    return report.head.number, own if _CURRENCY.fullmatch(own) else ""


def _folded(number: str) -> str:
    return re.sub(r"[\s./-]", "", number).upper()


def _in_order(
    reports: Sequence[Report], accounts: Sequence[_Account]
) -> Iterable[tuple[Report, _Account]]:
    owners = {id(report): account for account in accounts for report in account.reports}
    return [(report, owners[id(report)]) for report in reports]


def _rows(
    report: Report, account: _Account, *, flipped: bool, pending: bool
) -> Iterable[StatementRow]:
    for entry in report.entries:
        row = entry.row
        if entry.is_information and not row.problems:
            continue
        amount = row.amount
        if amount is not None and flipped and entry.is_reversal:
            amount = -amount
        yield replace(
            row,
            amount=amount,
            account=account.key,
            currency=entry.currency or None,
            status="pending" if pending else row.status,
        )


def _flipped(
    owned: Sequence[tuple[Report, str]], options: Mapping[str, str], notes: list[str]
) -> bool:
    chosen = options.get("reversals")
    if chosen is not None:
        return chosen == "flipped"
    flipped = reversals_are_flipped(owned)
    if flipped:
        notes.append(
            "Reversals count the other way round than the standard has it: only so do the entries "
            "lead from the opening to the closing balance."
        )
    return flipped


def _contradictions(accounts: Sequence[_Account], *, flipped: bool) -> Iterable[Question]:
    for account in accounts:
        wrong = [
            report
            for report in account.reports
            if verify(report, account.currency, flipped=flipped) is Proof.CONTRADICTED
        ]
        if wrong:
            yield _contradiction(account, wrong, flipped=flipped)


def _contradiction(account: _Account, wrong: Sequence[Report], *, flipped: bool) -> Question:
    missing = missing_amount(wrong[0], account.currency, flipped=flipped)
    what = (
        "the sums it states are not those of its entries"
        if not missing
        else f"{missing} {account.currency}".rstrip() + " are missing between the balances"
    )
    return Question(
        "balances",
        {"ignored": "The entries are booked as they are written, and the balances left alone."},
        f"The figures of {len(wrong)} of {len(account.reports)} statement(s) contradict the "
        f"entries. In the first, {what}.",
        lines=[report.line for report in wrong[:_MOST_LINES]],
        account=account.key,
    )


def _verdict(proofs: Sequence[Proof], options: Mapping[str, str]) -> str:
    if Proof.CONTRADICTED in proofs:
        return "ignored" if options.get("balances") == "ignored" else Proof.CONTRADICTED.value
    return Proof.MISSING.value if Proof.MISSING in proofs else Proof.VERIFIED.value


def _remarks(kind: str, reports: Sequence[Report], proofs: Sequence[Proof]) -> Iterable[str]:
    entries = [entry for report in reports for entry in report.entries]
    information = [entry.row.line for entry in entries if entry.is_information]
    if information:
        yield (
            f"{len(information)} entries are information and no bookings, and were left out "
            f"({_lines(information)})."
        )
    silent = [entry.row.line for entry in entries if not entry.says_status]
    if silent:
        yield (
            f"{len(silent)} entries do not say whether they are booked, and were taken as booked "
            f"({_lines(silent)})."
        )
    if kind == "camt.052":
        yield "This is a report of the day (camt.052): the statement (camt.053) repeats it."
    if kind == "camt.053" and Proof.MISSING in proofs:
        yield (
            f"Nothing verifies the entries of {proofs.count(Proof.MISSING)} of {len(proofs)} "
            "statement(s): a balance is missing, or an entry cannot be read."
        )


def _lines(lines: Sequence[int]) -> str:
    named = ", ".join(map(str, lines[:_MOST_LINES]))
    more = len(lines) - _MOST_LINES
    return f"line{'s' * (len(lines) > 1)} {named}" + (f" and {more} more" if more > 0 else "")


def _chained(reports: list[Report], notes: list[str]) -> list[Report]:
    """Put statements in the order in which their balances follow one another."""
    orders = (reports, reports[::-1])
    breaks = [_breaks(order) for order in orders]
    best = orders[breaks.index(min(breaks))]
    if min(breaks):
        notes.append(
            f"Balances do not follow from statement to statement in {min(breaks)} place(s): "
            "a statement is missing, or stands in another order."
        )
    return best


def _breaks(reports: Sequence[Report]) -> int:
    pairs = ((before.head.closing, after.head.opening) for before, after in pairwise(reports))
    return sum(
        closing is not None and opening is not None and closing != opening
        for closing, opening in pairs
    )


def _account_of(account: _Account) -> StatementAccount:
    return StatementAccount(
        key=account.key,
        number=account.number,
        currency=account.currency or None,
        name=account.name,
        opening_balance=account.reports[0].head.opening,
        closing_balance=account.reports[-1].head.closing,
    )
