"""From rows that were read alone to a statement: signs, currency, accounts, closing balance."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from nestegg_core.contracts.importers import RowProblem, StatementRow
from nestegg_core.importers.balances import Booking, closing_balance
from nestegg_core.importers.cells import LONGEST_TEXT, Draft
from nestegg_core.importers.columns import Columns
from nestegg_core.importers.csv_options import Options, bad_option


@dataclass(frozen=True, slots=True)
class Book:
    """The rows of a statement and what holds for all of them.

    Attributes:
        sign_column_used: false where the amounts carried their own signs.
    """

    rows: Sequence[StatementRow]
    warnings: Sequence[str]
    currency: str | None
    closing_balance: Decimal | None
    inverted: bool
    sign_column_used: bool


def settle(drafts: Sequence[Draft], columns: Columns, options: Options, currency: str) -> Book:
    """Decide what one row cannot tell.

    Args:
        drafts: the rows, read.
        columns: which column is what.
        options: the caller's overrides.
        currency: what the header says; empty where it says nothing.

    Raises:
        StatementError: `bad_option` when `only_account` fits no row.
    """
    warnings: list[str] = []
    signed_apart = _apply_sign_column(drafts, columns, warnings)
    inverted = _invert(drafts, columns, options, warnings)
    drafts = _one_account(drafts, columns, options, warnings)
    majority = _one_currency(drafts) or currency
    cut = sum(draft.cut for draft in drafts)
    if cut:
        warnings.append(
            f"{cut} row(s) have a text of more than {LONGEST_TEXT} characters, which was cut."
        )
    accounts = {draft.account for draft in drafts if draft.account}
    balance = None if len(accounts) > 1 else closing_balance(_bookings(drafts))
    rows = [_row(draft) for draft in drafts]
    return Book(rows, warnings, majority or None, balance, inverted, signed_apart)


def _apply_sign_column(drafts: Sequence[Draft], columns: Columns, warnings: list[str]) -> bool:
    if columns.get("sign") is None or columns.get("amount") is None:
        return False
    out = [d.value for d in drafts if d.value and d.direction < 0]
    negative = sum(value < 0 for value in out)
    if negative > len(out) - negative:
        return False  # the amounts are signed already, and the column only says it again
    if any(draft.value and draft.value < 0 for draft in drafts):
        warnings.append(
            "Some amounts are negative beside a column that says debit or credit; they were taken"
            " as reversals. Look at them, and set `sign_column` to nothing if that is wrong."
        )
    for draft in drafts:
        if draft.value is not None and draft.direction:
            draft.value *= draft.direction
        elif draft.value is not None:
            detail = "does not say whether money came in or went out"
            draft.problems.append(RowProblem("bad_sign", detail, "amount"))
    return True


def _invert(
    drafts: Sequence[Draft], columns: Columns, options: Options, warnings: list[str]
) -> bool:
    values = [draft.value for draft in drafts if draft.value]
    signed = columns.single.keys() & {"debit", "credit", "sign"} or any(v < 0 for v in values)
    invert = options.invert_sign
    if invert is None and values and not signed:
        invert = {"merchant", "card"} <= columns.single.keys()
        warnings.append(
            "Every amount is positive in a list of card payments: they were taken as money out."
            " Set `invert_sign` to false if that is wrong."
            if invert
            else "Every amount is positive and nothing else tells money in from money out: all"
            " were taken as money in. Set `invert_sign` to true if they are expenses."
        )
    if invert:
        for draft in drafts:
            draft.value = -draft.value if draft.value else draft.value
    return bool(invert)


def _one_account(
    drafts: Sequence[Draft], columns: Columns, options: Options, warnings: list[str]
) -> Sequence[Draft]:
    if options.only_account is not None:
        if columns.get("account") is None:
            detail = "The file has no account column. Name it in `account_column`."
            raise bad_option("only_account", detail)
        wanted = " ".join(options.only_account.split())
        drafts = [draft for draft in drafts if draft.account == wanted]
        if not drafts:
            raise bad_option("only_account", "No row of the file has this account.")
    accounts = {draft.account for draft in drafts if draft.account}
    if len(accounts) > 1:
        warnings.append(
            f"The file holds bookings of {len(accounts)} accounts, and all were taken."
            " Set `only_account` to take those of one."
        )
    return drafts


def _one_currency(drafts: Sequence[Draft]) -> str:
    named = Counter(draft.currency for draft in drafts if draft.currency)
    if not named:
        return ""
    majority = named.most_common(1)[0][0]
    for draft in drafts:
        if draft.currency and draft.currency != majority:
            detail = f"is not in {majority} as most of the file is"
            draft.problems.append(RowProblem("other_currency", detail, "currency"))
    return majority


def _bookings(drafts: Sequence[Draft]) -> list[Booking]:
    return [
        Booking(draft.day, draft.value, draft.balance)
        for draft in drafts
        if not draft.problems
        and draft.day is not None
        and draft.value is not None
        and draft.balance is not None
    ]


def _row(draft: Draft) -> StatementRow:
    good = not draft.problems
    texts = draft.texts
    return StatementRow(
        line=draft.line,
        date=draft.day if good else None,
        amount=draft.value if good else None,
        payee=texts.get("payee", ""),
        description=texts.get("description", ""),
        category=texts.get("category", ""),
        notes=texts.get("notes", ""),
        external_id=texts.get("external_id", ""),
        problems=tuple(draft.problems),
    )
