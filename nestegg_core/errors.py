"""Every error that Nest Egg raises on purpose.

```
NestEggError
├── ConfigurationError       settings or plugins are wrong: the start is refused
├── StorageUnavailable       the database cannot be reached (503)
├── MigrationError           the schema cannot be moved
│   └── MigrationsPending    the database is below head (503)
├── DecryptionError          a stored value does not open (500)
├── PluginFault              a plugin's own code failed (500)
├── ServerBusy               too many ask for costly work at once (503)
├── RequestError             the caller must change something
│   ├── InvalidInput         values are wrong, each named (422)
│   ├── StatementError       a file is no statement, or cannot be read (422)
│   ├── Unauthenticated      no credentials, or bad ones (401)
│   │   ├── SecondFactorRefused  a code is missing or wrong (401)
│   │   └── SignInTooOld         it needs a newer sign-in (401)
│   ├── Forbidden            the role does not allow it (403)
│   │   └── InsufficientScope    the token was not given the right (403)
│   ├── NotAdmitted          registering or joining is refused (403)
│   ├── NotFound             absent, or another organization's (404)
│   ├── Conflict             the state has moved on (409)
│   ├── QuotaExceeded        there are as many as there may be (422)
│   ├── StaleVersion         `If-Match` names an older version (412)
│   ├── TooManyRequests      tried too often: wait (429)
│   └── VersionRequired      `If-Match` is missing (428)
└── ProviderUnavailable      an identity provider's keys cannot be reached (503)
```

Messages say what is wrong, where, and what to do. They never repeat an input's value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


class NestEggError(Exception):
    """The root: catch it to catch everything that is raised on purpose.

    Example:
        >>> issubclass(StorageUnavailable, NestEggError)
        True
    """


def told(error: BaseException) -> str:
    """Return an error's message with its notes, which are for operators and never for callers.

    Example:
        >>> error = StorageUnavailable("The database takes no writes.")
        >>> error.add_note("See to /srv/nestegg.")
        >>> told(error)
        'The database takes no writes. See to /srv/nestegg.'
    """
    return " ".join([str(error), *getattr(error, "__notes__", ())])


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with settings or plugins.

    Attributes:
        where: the variable, plugin or distribution, e.g. `DATABASE_URL`.
        what: what is wrong with it; never a secret's value.
        fix: what would be right, or what to do.

    Example:
        >>> Problem("VAULT_URL", "is no https address", "write https://").where
        'VAULT_URL'
    """

    where: str
    what: str
    fix: str


class ConfigurationError(NestEggError):
    """The start is refused. Carries every problem at once.

    Attributes:
        problems: what is wrong, each with its fix.

    Example:
        >>> error = ConfigurationError([Problem("SECRET_KEY", "is missing", "set it")])
        >>> print(error)
        SECRET_KEY: is missing. Fix: set it
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{p.where}: {p.what}. Fix: {p.fix}" for p in self.problems))


class StorageUnavailable(NestEggError):
    """The database cannot be reached; the same call may succeed later.

    Example:
        >>> raise StorageUnavailable("The database did not answer within 5 seconds.")
        Traceback (most recent call last):
        nestegg_core.errors.StorageUnavailable: The database did not answer within 5 seconds.
    """


class MigrationError(NestEggError):
    """The schema cannot be moved; the old state is kept.

    Example:
        >>> raise MigrationError("The migration to 0007 failed and was rolled back.")
        Traceback (most recent call last):
        nestegg_core.errors.MigrationError: The migration to 0007 failed and was rolled back.
    """


class MigrationsPending(MigrationError):
    """The database is below head: run `nestegg db upgrade`."""


class DecryptionError(NestEggError):
    """A stored value does not open: altered, moved, or its key is missing.

    The message names the backend, the key version and the column, never the value.

    Example:
        >>> raise DecryptionError("A value was altered, moved, or its key is another")
        Traceback (most recent call last):
        nestegg_core.errors.DecryptionError: A value was altered, moved, or its key is another
    """


class PluginFault(NestEggError):
    """A plugin's own code raised what it must not, or answered what its contract does not know.

    The framework raises it in the plugin's place. The message is for the log and the operator;
    whoever sent the request learns only that a plugin failed.

    Attributes:
        plugin: name of the plugin.
        call: what was asked of it, e.g. `authenticate`.

    Example:
        >>> str(PluginFault("idp_acme", "authenticate", "raised ZeroDivisionError"))
        "plugin 'idp_acme': authenticate raised ZeroDivisionError"
    """

    def __init__(self, plugin: str, call: str, what: str) -> None:
        self.plugin, self.call = plugin, call
        super().__init__(f"plugin {plugin!r}: {call} {what}")


class ProviderUnavailable(NestEggError):
    """An identity provider's keys cannot be reached, so its tokens cannot be judged.

    Example:
        >>> raise ProviderUnavailable("the keys of okta cannot be fetched")
        Traceback (most recent call last):
        nestegg_core.errors.ProviderUnavailable: the keys of okta cannot be fetched
    """


class ServerBusy(NestEggError):
    """Too many ask for costly work at once; the same request may succeed in a moment.

    Example:
        >>> raise ServerBusy("Too many users sign in at this moment. Try again.")
        Traceback (most recent call last):
        nestegg_core.errors.ServerBusy: Too many users sign in at this moment. Try again.
    """


class RequestError(NestEggError):
    """The caller must change something before trying again."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong value of a request.

    Attributes:
        pointer: JSON pointer into the body (`/amount`), or the parameter's name (`limit`).
        code: stable, for programs.
        detail: for users; never the value itself.

    Example:
        >>> FieldProblem("/limit", "not_positive", "must be greater than zero").code
        'not_positive'
    """

    pointer: str
    code: str
    detail: str


class InvalidInput(RequestError):
    """Values are wrong; every one of them is named.

    Attributes:
        problems: each wrong value.

    Example:
        >>> str(InvalidInput([FieldProblem("/amount", "too_precise", "has five decimals")]))
        '/amount: has five decimals'
    """

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer}: {p.detail}" for p in self.problems))

    @classmethod
    def one(cls, pointer: str, code: str, detail: str) -> "InvalidInput":
        """Make the error of a single wrong value."""
        return cls([FieldProblem(pointer, code, detail)])


class StatementError(RequestError):
    """A file is no statement, or an option for reading it is wrong.

    Attributes:
        code: stable, for programs, e.g. `empty_file`.
        option: the option that is wrong; empty when it is the file.
        line: the line of the file, counted from 1; 0 when it is the whole file.

    Example:
        >>> raise StatementError("empty_file", "The file is empty.")
        Traceback (most recent call last):
        nestegg_core.errors.StatementError: The file is empty.
    """

    def __init__(self, code: str, detail: str, *, option: str = "", line: int = 0) -> None:
        self.code, self.detail, self.option, self.line = code, detail, option, line
        super().__init__(detail)


class Unauthenticated(RequestError):
    """No credentials, or bad ones.

    Attributes:
        code: the RFC 6750 error, `invalid_token`; empty when no credentials were sent.
    """

    def __init__(self, detail: str, *, code: str = "invalid_token") -> None:
        self.code = code
        super().__init__(detail)


class SecondFactorRefused(Unauthenticated):
    """The password is right, and the code that belongs to it is missing or wrong.

    Attributes:
        what: `required` or `wrong`.

    Example:
        >>> SecondFactorRefused("required", "Send a code too.").what
        'required'
    """

    def __init__(self, what: str, detail: str) -> None:
        self.what = what
        super().__init__(detail, code="invalid_grant")


class SignInTooOld(Unauthenticated):
    """The token is good, and what is asked for needs a newer sign-in (RFC 9470).

    Attributes:
        recent: how old it may be.

    Example:
        >>> from datetime import timedelta
        >>> str(SignInTooOld(timedelta(minutes=10)))
        'You signed in more than 10 minutes ago: send your password or a code, or sign in again.'
    """

    def __init__(self, recent: timedelta) -> None:
        self.recent = recent
        minutes = int(recent.total_seconds() // 60)
        super().__init__(
            f"You signed in more than {minutes} minutes ago: send your password or a code, or "
            "sign in again.",
            code="insufficient_user_authentication",
        )


class Forbidden(RequestError):
    """The role of the user does not allow it.

    Example:
        >>> raise Forbidden("Only owners may change the budget.")
        Traceback (most recent call last):
        nestegg_core.errors.Forbidden: Only owners may change the budget.
    """


class InsufficientScope(Forbidden):
    """A personal access token was not given the scope, whatever its user may do (RFC 6750, 3.1).

    Attributes:
        scope: the one that is needed.

    Example:
        >>> InsufficientScope("accounts:write").scope
        'accounts:write'
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"The token does not have the scope {scope}.")


class NotAdmitted(RequestError):
    """Somebody may not register here, or not join by what they hold.

    Attributes:
        code: stable, for programs, e.g. `invitation-required`.

    Example:
        >>> NotAdmitted("registration-closed", "Nobody can register here.").code
        'registration-closed'
    """

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


class NotFound(RequestError):
    """There is no such row in this organization (another's rows look the same).

    Example:
        >>> raise NotFound("There is no budget for this year.")
        Traceback (most recent call last):
        nestegg_core.errors.NotFound: There is no budget for this year.
    """


class Conflict(RequestError):
    """The state has moved on since the caller looked.

    Attributes:
        code: stable, for programs, e.g. `import-changed`.

    Example:
        >>> Conflict("budget-closed", "The year is closed; its budget cannot change.").code
        'budget-closed'
    """

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


class QuotaExceeded(RequestError):
    """There are as many of something as the operator lets there be.

    Attributes:
        setting: the variable that says how many.
        limit: its value.

    Example:
        >>> str(QuotaExceeded("MAX_MEMBERS_PER_ORGANIZATION", 200))
        'There are as many as there may be: MAX_MEMBERS_PER_ORGANIZATION is 200.'
    """

    def __init__(self, setting: str, limit: int) -> None:
        self.setting, self.limit = setting, limit
        super().__init__(f"There are as many as there may be: {setting} is {limit}.")


class StaleVersion(RequestError):
    """`If-Match` names an older version: read again, then decide."""


class TooManyRequests(RequestError):
    """Something was tried too often; the same request may succeed later.

    Attributes:
        retry_after: seconds to wait, at least 1.
        setting: the variable that says how often, where the operator can set it.

    Example:
        >>> TooManyRequests("That was tried too often.", retry_after=60).retry_after
        60
    """

    def __init__(self, detail: str, *, retry_after: int, setting: str = "") -> None:
        self.retry_after, self.setting = retry_after, setting
        super().__init__(detail)


class VersionRequired(RequestError):
    """A change or deletion needs `If-Match` with the version that was read."""
