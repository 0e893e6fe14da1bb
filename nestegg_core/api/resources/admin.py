"""The instance, as its administrators see it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from pydantic import Field

from nestegg_core.api.fields import AnswerModel, Next, PageQuery, RequestModel, Row, Sealed
from nestegg_core.api.operation import PREFIX, Answer, Call, operation, page_answer
from nestegg_core.plugin_host import PluginStatus
from nestegg_core.users.access import require_scope
from nestegg_core.users.roles import ACCOUNT_WRITE
from nestegg_core.users.users import Administration


class PluginWarning(AnswerModel):
    """One thing that is not in order."""

    where: str
    what: str
    fix: str


class Plugin(AnswerModel):
    """An installed plugin and what became of it."""

    name: Annotated[str, Field(description="Its entry point's name, or `builtin:` and a name.")]
    kinds: list[str]
    distribution: str
    version: str
    hooks: list[str]
    registrations: Annotated[
        list[tuple[str, str]], Field(description="Kind and name of each thing it registers.")
    ]
    state: Annotated[
        Literal["selected", "available", "disabled", "failed"],
        Field(description="In force; in order but not asked for; switched off; not usable."),
    ]
    cause: Annotated[str, Field(description="Why it failed or is disabled; else empty.")]
    fix: Annotated[str, Field(description="What to do about that; else empty.")]
    warnings: Annotated[
        list[PluginWarning], Field(description="What is not in order though it can be used.")
    ]


class PluginList(AnswerModel):
    """Every installed plugin, by name."""

    plugins: list[Plugin]


class UserChange(RequestModel):
    """What to change; fields left out stay."""

    disabled: Annotated[
        bool, Field(description="Whoever is disabled is refused at once, and signed out.")
    ] = False
    is_admin: Annotated[bool, Field(description="The mark of an administrator.")] = False


class User(Row, Sealed):
    """A user."""

    email: str | None
    name: str | None
    is_admin: Annotated[
        bool, Field(description="The user's own mark; the groups of a token may say so too.")
    ]
    disabled: bool


class UserPage(AnswerModel):
    """A page of users, the oldest first."""

    items: list[User]
    next: Next


@dataclass(frozen=True, slots=True)
class Admin:
    plugin_statuses: Sequence[PluginStatus]

    @operation("GET", PREFIX + "/admin/plugins", administrators=True, answer=PluginList)
    def plugins(self, _call: Call) -> Answer:
        """List the plugins as they were at the server's start, as `nestegg plugins --json` does."""
        return Answer({"plugins": [asdict(status) for status in self.plugin_statuses]})


COLLECTION = PREFIX + "/admin/users"
ONE = COLLECTION + "/{user_id:uuid}"


@dataclass(frozen=True, slots=True)
class AdminUsers:
    administration: Administration

    @operation("GET", COLLECTION, administrators=True, query=PageQuery, answer=UserPage)
    def users(self, call: Call) -> Answer:
        """List every user of the instance."""
        return page_answer(self.administration.page(limit=call.query.limit, after=call.after))

    @operation("PATCH", ONE, administrators=True, body=UserChange, answer=User)
    def change_user(self, call: Call) -> Answer:
        """Disable or enable a user, and give or take the mark of an administrator.

        The last administrator cannot be disabled or lose the mark. For the mark a personal access
        token needs `account:write` as well.
        """
        user_id, changes = call.params["user_id"], call.body.changes()
        if "is_admin" in changes:  # a token that leaks shall not make others that outlive it
            require_scope(call.caller, ACCOUNT_WRITE)
        return Answer(self.administration.change(user_id, call.version, changes))
