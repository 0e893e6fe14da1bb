"""Picks among the accounts of a file the one that is imported."""

from collections.abc import Sequence
from dataclasses import replace

from nestegg_core.contracts.importers import Statement, StatementAccount
from nestegg_core.errors import StatementError

ACCOUNT = "account"
EXPLANATION = "The account to take, where a file holds several: the end of its number, or its name."

_SHOWN = 20
_LONGEST_NAME = 60
_END = 4
_LONG_NUMBER = 8
"""A shorter number would be given away by its end."""


def of_one_account(statement: Statement, told: str | None) -> Statement:
    """Return what a statement says of one account: its only one, or the one named."""
    accounts = statement.accounts
    if told is None and not accounts:
        return statement
    if told is None and len(accounts) > 1:
        raise StatementError(
            "several_accounts",
            f"{_listed(accounts)} Pick one with the option `{ACCOUNT}`.",
            option=ACCOUNT,
        )
    own = accounts[0] if told is None else _told(accounts, told)
    taken = replace(
        statement,
        currency=own.currency or statement.currency,
        closing_balance=(
            statement.closing_balance
            if own.closing_balance is None and len(accounts) == 1
            else own.closing_balance
        ),
    )
    if len(accounts) == 1:
        return taken
    return replace(
        taken,
        decisions={**statement.decisions, ACCOUNT: _handle(own, accounts)},
        # A row that cannot be read may be anyone's.
        rows=[row for row in statement.rows if row.account in {own.key, ""}],
        questions=[one for one in statement.questions if one.account in {own.key, ""}],
    )


def _told(accounts: Sequence[StatementAccount], told: str) -> StatementAccount:
    if not accounts:
        raise StatementError(
            "bad_option", "The file names no account, so none can be picked.", option=ACCOUNT
        )
    found = [
        one
        for one in accounts
        if told in {one.key, *_names(one)} or _bare(told) == _bare(one.number) != ""
    ]
    if len(found) != 1:
        how = "no" if not found else "more than one"
        raise StatementError(
            "bad_option", f"The file has {how} such account. {_listed(accounts)}", option=ACCOUNT
        )
    return found[0]


def _listed(accounts: Sequence[StatementAccount]) -> str:
    shown = [
        f"`{_handle(one, accounts)}`" + (f" in {one.currency}" if one.currency else "")
        for one in accounts[:_SHOWN]
    ]
    more = f", and {len(accounts) - _SHOWN} more" if len(accounts) > _SHOWN else ""
    count = "one account" if len(accounts) == 1 else f"{len(accounts)} accounts"
    return f"The file holds {count}: {', '.join(shown)}{more}."


def _handle(account: StatementAccount, among: Sequence[StatementAccount]) -> str:
    """Return the first of an account's names that no other has, or else its place in the file."""
    taken = [name for one in among if one is not account for name in _names(one)]
    own = (name for name in _names(account) if name not in taken)
    return next(own, account.key)


def _names(account: StatementAccount) -> list[str]:
    number = _bare(account.number)
    end = number[-_END:] if len(number) >= _LONG_NUMBER else ""
    name = account.name[:_LONGEST_NAME]
    names = [end, f"{end} {account.currency}" if end and account.currency else "", name]
    return [one for one in names if one]


def _bare(number: str) -> str:
    return "".join(one for one in number if one.isalnum()).lstrip("0")
