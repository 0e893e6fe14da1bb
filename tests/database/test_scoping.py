"""What the routes of plugins may run: statements of their organization alone, on every database."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    text,
    union_all,
    update,
)
from sqlalchemy.schema import CreateTable

from nestegg_core.database import in_org
from nestegg_core.database.scoping import unscoped
from nestegg_core.database.tables import accounts, memberships, organizations, transactions, users

ORG, OTHER = UUID(int=1), UUID(int=2)
_a = accounts.alias()
_b = accounts.alias()
_open = select(accounts.c.id)
_mine = _open.where(in_org(accounts))
_joined = select(accounts.c.id).join(transactions, accounts.c.id == transactions.c.account_id)
_beside = select(accounts.c.id).outerjoin(
    transactions, (accounts.c.id == transactions.c.account_id) & in_org(transactions)
)


@pytest.mark.parametrize(
    "statement",
    [
        _mine,
        select(_a.c.id).where(_a.c.org_id == bindparam("tenant_id")),
        _joined.where(in_org(accounts), in_org(transactions)),
        _joined.where(in_org(accounts), accounts.c.org_id == transactions.c.org_id),
        _beside.where(in_org(accounts)),
        select(func.count()).select_from(_mine.subquery()),
        union_all(_mine, _mine),
        select(organizations.c.name).where(organizations.c.id == bindparam("tenant_id")),
        select(memberships.c.role).where(in_org(memberships)),
        update(accounts).where(in_org(accounts)).values(name="x"),
        delete(accounts).where(in_org(accounts), accounts.c.name == "x"),
        insert(accounts).values(org_id=ORG, name="x"),
        insert(accounts).values([{"org_id": ORG}, {"org_id": ORG}]),
        text("select count(*) from accounts where org_id = :tenant_id"),
        text("select 1"),
        select(table("x_own", column("id")).c),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_scoped_statement_passes(statement: Any) -> None:
    assert unscoped(statement, [], ORG) is None


@pytest.mark.parametrize(
    "statement",
    [
        text("delete from transactions"),
        text("select 1 from Accounts"),
        text("select 1; delete from accounts where org_id = :tenant_id"),
        text("PRAGMA query_only = OFF"),
        text("COMMIT"),
        text("select * from users where :tenant_id = :tenant_id"),
        _open,
        select(func.count()).select_from(accounts),
        select(func.count()).select_from(_open.subquery()),
        select(_a.c.id, _b.c.id).where(_a.c.org_id == bindparam("tenant_id")),
        select(_a.c.id).where(in_org(accounts)),
        _open.where(or_(in_org(accounts), accounts.c.name == "x")),
        _open.where(~in_org(accounts)),
        _open.where(accounts.c.org_id == bindparam("another")),
        _open.where(accounts.c.org_id == accounts.c.org_id),
        _joined.where(in_org(accounts)),
        _beside,
        select(accounts.c.id).outerjoin(transactions, in_org(accounts)),
        _mine.where(exists().where(transactions.c.payee == "x")),
        _mine.where(accounts.c.id.in_(select(transactions.c.account_id))),
        union_all(_mine, _open),
        select(users.c.id),
        select(literal_column("(select count(*) from accounts)")),
        select(text("* from accounts")),
        select(table("accounts", column("id")).c),
        select(func.count()).select_from(table("accounts")),
        update(accounts).values(name="x"),
        update(accounts).where(in_org(accounts)).values(org_id=OTHER),
        delete(accounts),
        delete(accounts).where(accounts.c.id.in_(_open)),
        insert(accounts).values(org_id=OTHER),
        insert(accounts).values(name="x"),
        insert(accounts).values([{"org_id": ORG}, {"org_id": OTHER}]),
        insert(accounts).from_select(["id"], _mine),
        insert(organizations).values(id=ORG),
        CreateTable(accounts),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_unscoped_statement_is_refused(statement: Any) -> None:
    assert unscoped(statement, [], ORG)


def test_the_values_of_an_insert_count_wherever_they_come_from() -> None:
    assert unscoped(insert(accounts), [{"org_id": ORG}], ORG) is None
    assert unscoped(insert(accounts), [{"org_id": ORG}, {"org_id": OTHER}], ORG)
    assert unscoped(insert(accounts), [], ORG)
    assert unscoped(update(accounts).where(in_org(accounts)), [{"org_id": OTHER}], ORG)
