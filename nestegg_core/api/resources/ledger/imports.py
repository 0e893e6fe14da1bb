"""Imports of statements."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Annotated, Any, Literal
from uuid import UUID

import falcon
from falcon.media import MultipartFormHandler
from pydantic import Field, create_model

from nestegg_core.api.fields import (
    AnswerModel,
    Code,
    Money,
    Next,
    OptionalName,
    PageQuery,
    RequestModel,
    Row,
)
from nestegg_core.api.operation import (
    GONE,
    ORGANIZATION,
    Answer,
    Call,
    made_answer,
    operation,
    page_answer,
)
from nestegg_core.api.validation import read_body
from nestegg_core.contracts.importers import StatementFile
from nestegg_core.errors import StatementError
from nestegg_core.importers.select import Importers
from nestegg_core.ledger.imports import Imports, Upload

RowStatus = Literal["new", "duplicate", "error", "pending", "reverted"]


class ImportQuery(RequestModel):
    """Where a statement goes, and how to read it."""

    account_id: UUID
    importer: Annotated[
        Code | None,
        Field(description="Name of an importer; without, the one that recognises the file."),
    ] = None

    def options(self) -> dict[str, str]:
        """Return the importer's own options that were given."""
        given = self.model_dump(exclude={"account_id", "importer"}, exclude_none=True)
        return {name: str(value) for name, value in given.items()}


def import_query(options: Mapping[str, str]) -> type[ImportQuery]:
    """Return the query with the options of every importer that is installed.

    Args:
        options: a line of explanation by name.
    """
    fields: dict[str, Any] = {
        name: (Annotated[OptionalName | None, Field(description=explanation)], None)
        for name, explanation in sorted(options.items())
    }
    return create_model("ImportOptions", __base__=ImportQuery, **fields)


class ImportRowQuery(PageQuery):
    """Which rows of an import."""

    status: RowStatus | None = None


class Counts(AnswerModel):
    """How many rows are what."""

    new: int
    duplicate: int
    error: int
    pending: int
    reverted: int


class Question(AnswerModel):
    """What the file leaves open; nothing is booked until it is answered."""

    decision: Annotated[
        str, Field(description="The option that answers it, when the file is uploaded again.")
    ]
    choices: Annotated[
        dict[str, str], Field(description="What the option can be, each with what it would mean.")
    ]
    evidence: str
    rows: Annotated[list[int], Field(description="Lines of the first rows that it is about.")]


class Reconciliation(AnswerModel):
    """What the statement itself says the balance is, and how far ours is from it."""

    statement_balance: Money
    difference: Money


class Import(Row):
    """An import: a preview until it is committed."""

    account_id: UUID
    status: Literal["previewed", "committed", "reverted"]
    importer: str
    file_name: str
    decisions: Annotated[
        dict[str, Any],
        Field(description="What was decided for the file; the same names override it."),
    ]
    warnings: list[str]
    questions: list[Question]
    counts: Counts
    currency: str
    balance_after: Money
    reconciliation: Reconciliation | None


class ImportPage(AnswerModel):
    """Imports, newest first."""

    items: list[Import]
    next: Next


class RowProblem(AnswerModel):
    """Why a row cannot be taken."""

    code: str
    detail: str
    field: str


class ImportRow(AnswerModel):
    """One row of a statement."""

    line: int
    status: RowStatus
    problems: list[RowProblem]
    date: date | None
    amount: Money | None
    currency: str
    payee: str
    description: str
    category: str
    external_id: str
    has_notes: bool


class ImportRowPage(AnswerModel):
    """Rows in the file's order."""

    items: list[ImportRow]
    next: Next


MAX_NAME = 200

COLLECTION = ORGANIZATION + "/imports"
ONE = COLLECTION + "/{import_id:uuid}"


def import_resource(options: Mapping[str, str]) -> type["ImportResource"]:
    """Return the resource class, whose query knows the options of the importers at hand."""
    query = import_query(options)

    class WithOptions(ImportResource):
        @operation(
            "POST",
            COLLECTION,
            permission="imports:write",
            query=query,
            answer=Import,
            status=201,
            prepare=ImportResource.read_upload,
            upload=True,
        )
        def preview(self, call: Call) -> Answer:
            """Upload a statement and preview it: nothing is booked yet."""
            return made_answer(
                call, self.imports.preview(call.tx, call.query.account_id, call.prepared)
            )

    return WithOptions


@dataclass(frozen=True, slots=True)
class ImportResource:
    imports: Imports
    importers: Importers
    max_body: int

    def read_upload(self, call: Call) -> Upload:
        """Read the statement; it may take a while, so no transaction is open yet."""
        file = _uploaded(call.request, self.max_body)
        call.request.context.content = file.content
        name, statement = self.importers.read(file, call.query.options(), call.query.importer)
        return Upload(name, file.name, statement, call.caller.user_id)

    @operation("GET", COLLECTION, permission="imports:read", query=PageQuery, answer=ImportPage)
    def list(self, call: Call) -> Answer:
        """List imports, newest first."""
        return page_answer(self.imports.page(call.tx, limit=call.query.limit, after=call.after))

    @operation("GET", ONE, permission="imports:read", answer=Import)
    def read(self, call: Call) -> Answer:
        """Read an import: what was decided for its file, and how many rows are what."""
        return Answer(self.imports.read(call.tx, call.params["import_id"]))

    @operation(
        "GET", ONE + "/rows", permission="imports:read", query=ImportRowQuery, answer=ImportRowPage
    )
    def rows(self, call: Call) -> Answer:
        """List an import's rows in the file's order."""
        return page_answer(
            self.imports.rows_page(
                call.tx,
                call.params["import_id"],
                status=call.query.status,
                limit=call.query.limit,
                after=call.after,
            )
        )

    @operation("POST", ONE + "/commit", permission="imports:write", answer=Import)
    def commit(self, call: Call) -> Answer:
        """Book every new row, or none."""
        return Answer(self.imports.commit(call.tx, call.params["import_id"]))

    @operation("POST", ONE + "/revert", permission="imports:write", answer=Import)
    def revert(self, call: Call) -> Answer:
        """Take the rows of a committed import out again, or none."""
        return Answer(self.imports.revert(call.tx, call.params["import_id"]))

    @operation("DELETE", ONE, permission="imports:write", answer=None, status=204)
    def delete(self, call: Call) -> Answer:
        """Forget a preview or a reverted import."""
        self.imports.delete(call.tx, call.params["import_id"], call.version)
        return GONE


def _uploaded(req: falcon.Request, limit: int) -> StatementFile:
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return _form_file(req, limit)
    return StatementFile(read_body(req, limit), content_type=media_type)


def shown_name(name: str) -> str:
    """Return a file's name without folders and control characters; it is shown, never opened.

    Example:
        >>> shown_name("C:\\\\Bank\\\\März 2026 ä€.csv")
        'März 2026 ä€.csv'
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in last if one.isprintable()).strip()[:MAX_NAME]


def _form_file(req: falcon.Request, limit: int) -> StatementFile:
    """Return the first part that is a file."""
    body = read_body(req, limit)
    handler = MultipartFormHandler()
    handler.parse_options.max_body_part_buffer_size = limit
    try:
        for part in handler.deserialize(BytesIO(body), req.content_type, len(body)):
            if part.filename is not None:
                name = shown_name(part.filename)
                return StatementFile(part.get_data(), name=name, content_type=part.content_type)
    except (falcon.HTTPError, UnicodeDecodeError):  # the parser's own words repeat the input
        raise falcon.HTTPBadRequest(
            title="Malformed Form", description="The body is no multipart/form-data document."
        ) from None
    raise StatementError("no_file", "The form has no file.")
