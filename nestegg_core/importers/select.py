"""Chooses the importer that reads a file, and of its accounts the one that is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nestegg_core.contracts.importers import (
    Statement,
    StatementAccount,
    StatementFile,
    StatementImporter,
)
from nestegg_core.errors import PluginFault, StatementError

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


class Importers:
    def __init__(
        self, importers: Mapping[str, StatementImporter], options: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self._importers = dict(sorted(importers.items()))
        known = {name: text for each in options for name, text in each.items()}
        self.options = {**known, ACCOUNT: EXPLANATION}

    def read(
        self, file: StatementFile, options: Mapping[str, str], name: str | None = None
    ) -> tuple[str, Statement]:
        """Read a file with the named importer, or with the only one that recognises it.

        `options` are the importer's, and `account` for one account of several. Where none
        recognises the file and one failed at it, its PluginFault is raised.
        """
        name = self._chosen(file) if name is None else self._known(name)
        own = {option: value for option, value in options.items() if option != ACCOUNT}
        statement = self._importers[name].read(file, own)
        return name, of_one_account(statement, options.get(ACCOUNT))

    def _known(self, name: str) -> str:
        if name not in self._importers:
            raise StatementError(
                "unknown_importer",
                f"There is no such importer; there are {', '.join(self._importers)}.",
                option="importer",
            )
        return name

    def _chosen(self, file: StatementFile) -> str:
        if not file.content:
            raise StatementError("empty_file", "The file is empty.")
        able, faults = self._able(file)
        if not able and faults:
            raise faults[0]
        if not able:
            raise StatementError(
                "unrecognised",
                "The file is of no known kind; there are importers for "
                f"{', '.join(self._importers)}.",
            )
        if len(able) > 1:
            raise StatementError(
                "ambiguous_importer",
                f"Several importers can read the file: name one of {', '.join(able)}.",
                option="importer",
            )
        return able[0]

    def _able(self, file: StatementFile) -> tuple[list[str], list[PluginFault]]:
        """Ask every importer: one that fails must not keep the others from their files."""
        able: list[str] = []
        faults: list[PluginFault] = []
        for name, importer in self._importers.items():
            try:
                if importer.recognises(file):
                    able.append(name)
            except PluginFault as fault:
                faults.append(fault)
        return able, faults
