"""Categories."""

from nestegg_core.ledger.categories import Categories
from nestegg_core.web.fields import PageQuery
from nestegg_core.web.models import categories as models
from nestegg_core.web.operation import ORGANIZATION, Answer, Call, operation
from nestegg_core.web.resources.rows import GONE, made_answer, page_answer

COLLECTION = ORGANIZATION + "/categories"
ONE = COLLECTION + "/{category_id:uuid}"


class CategoryResource:
    """`/categories`."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories

    @operation(
        "GET",
        COLLECTION,
        permission="categories:read",
        query=PageQuery,
        answer=models.CategoryPage,
    )
    def list(self, call: Call) -> Answer:
        """List categories in the order of their names."""
        return page_answer(self._categories.page(call.tx, limit=call.query.limit, after=call.after))

    @operation(
        "POST",
        COLLECTION,
        permission="categories:write",
        body=models.NewCategory,
        answer=models.Category,
        status=201,
    )
    def create(self, call: Call) -> Answer:
        """Make a category."""
        return made_answer(call, self._categories.create(call.tx, call.body.name, call.body.kind))

    @operation("GET", ONE, permission="categories:read", answer=models.Category)
    def read(self, call: Call) -> Answer:
        """Read a category."""
        return Answer(self._categories.read(call.tx, call.params["category_id"]))

    @operation(
        "PATCH",
        ONE,
        permission="categories:write",
        body=models.CategoryChange,
        answer=models.Category,
    )
    def change(self, call: Call) -> Answer:
        """Change a category."""
        return Answer(
            self._categories.change(
                call.tx, call.params["category_id"], call.version, call.body.changes()
            )
        )

    @operation("DELETE", ONE, permission="categories:write", answer=None, status=204)
    def delete(self, call: Call) -> Answer:
        """Delete a category; its transactions stay, without one."""
        self._categories.delete(call.tx, call.params["category_id"], call.version)
        return GONE
