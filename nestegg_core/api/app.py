"""The Falcon application: every operation on its path, behind the middleware."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

import falcon
import orjson
from falcon.routing import CompiledRouter

from nestegg_core.api.documents import POLICY, Document, Front, reference_page
from nestegg_core.api.endpoint import Cursors, Endpoint
from nestegg_core.api.idempotency import Idempotency
from nestegg_core.api.middleware.authentication import Authentication
from nestegg_core.api.middleware.client_address import ClientAddresses
from nestegg_core.api.middleware.gates import (
    AllowedHosts,
    ConstantHeaders,
    Cors,
    HttpsOnly,
    KeysFit,
    PlainPaths,
    Refused,
    SchemaAtHead,
)
from nestegg_core.api.middleware.request_id import RequestId
from nestegg_core.api.openapi import openapi
from nestegg_core.api.operation import Operation, plugin_operations
from nestegg_core.api.problems import add_error_handlers
from nestegg_core.api.resources.admin import Admin, AdminUsers
from nestegg_core.api.resources.auth.email import OwnAddressResource
from nestegg_core.api.resources.auth.identities import IdentityResource, ProviderResource
from nestegg_core.api.resources.auth.personal_tokens import PersonalTokenResource
from nestegg_core.api.resources.auth.security import (
    OwnPasswordResource,
    OwnSecondFactor,
    OwnSessions,
)
from nestegg_core.api.resources.auth.sign_in import Auth, SignOut
from nestegg_core.api.resources.health import HealthResource
from nestegg_core.api.resources.jobs import JobResource
from nestegg_core.api.resources.ledger.accounts import AccountResource
from nestegg_core.api.resources.ledger.categories import CategoryResource
from nestegg_core.api.resources.ledger.imports import import_resource
from nestegg_core.api.resources.ledger.reports import ReportResource, RetentionResource
from nestegg_core.api.resources.ledger.transactions import TransactionResource
from nestegg_core.api.resources.me import MeResource
from nestegg_core.api.resources.members import InvitationResource, MemberResource
from nestegg_core.application import Runtime


class App(falcon.App[falcon.Request, falcon.Response]):
    largest_body: Callable[[str, str], int]
    """By method and path, how many bytes a body may have: a server can refuse a larger one, or
    more of it, before it has come."""


def create_app(runtime: Runtime) -> App:
    """Return a WSGI application over a runtime. Apps share nothing: make as many as you like."""
    router = CompiledRouter()
    app = App(middleware=_middleware(runtime, router), router=router)
    app.req_options.strip_url_path_trailing_slash = False
    release = version("nestegg-core")
    add_error_handlers(app, runtime.attribution, runtime.faults, release)
    settings = runtime.settings
    previous = settings.secret_key_previous
    cursors = Cursors(
        settings.secret_key.get_secret_value(), previous.get_secret_value() if previous else None
    )
    idempotency = Idempotency(runtime.rows, runtime.clock)
    max_json = min(settings.max_json_bytes, settings.max_body_bytes)
    app.largest_body = partial(_largest_body, router, max_json, settings.max_body_bytes)
    endpoints: dict[str, Endpoint] = {}
    known = operations(runtime)
    for op in known:
        endpoint = endpoints.get(op.path)
        if endpoint is None:
            endpoint = endpoints[op.path] = Endpoint(runtime.access, cursors, idempotency, max_json)
        endpoint.operations[op.method] = op
        responder = _responder(endpoint, op)
        methods = (op.method, "HEAD") if op.method == "GET" else (op.method,)
        for method in methods:  # of HEAD Falcon leaves the body out
            setattr(endpoint, f"on_{method.lower()}", responder)
    for path, endpoint in endpoints.items():
        app.add_route(path, endpoint)
    document = openapi(known, release, settings.app_base_url, max_json)
    app.add_route("/", Front())
    app.add_route("/openapi.json", Document(orjson.dumps(document), falcon.MEDIA_JSON))
    app.add_route("/docs", Document(reference_page(document), falcon.MEDIA_HTML, POLICY))
    return app


def operations(runtime: Runtime) -> list[Operation]:
    core = [op for resource in _resources(runtime) for op in operations_of(resource)]
    return [*core, *plugin_operations(runtime.routes)]


def operations_of(resource: object) -> Iterable[Operation]:
    """Return what a resource's marked methods declare, bound to the resource."""
    for _, method in inspect.getmembers(resource, inspect.ismethod):
        declared: Operation | None = getattr(method, "operation", None)
        if declared is not None:
            prepare = declared.prepare and partial(declared.prepare, resource)
            yield replace(declared, handler=method, prepare=prepare)


def _largest_body(
    router: CompiledRouter, max_json: int, max_body: int, method: str, path: str
) -> int:
    found = router.find(path)
    endpoint = found[0] if found else None
    op = endpoint.operations.get(method) if isinstance(endpoint, Endpoint) else None
    return max_body if op is not None and op.upload else max_json


def _responder(endpoint: Endpoint, op: Operation) -> Callable[..., None]:
    run = partial(endpoint.run, op)

    def respond(req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
        run(req, resp, **params)

    return respond


def _resources(runtime: Runtime) -> list[object]:
    services = runtime
    addresses = ClientAddresses(services.settings.forwarded_allow_ips)
    resources: list[object] = [
        HealthResource(services.storage, services.check_keys, services.health_checks),
        MeResource(
            services.users, services.organizations, Idempotency(services.rows, services.clock)
        ),
        SignOut(services.sessions),
        ProviderResource(services.sign_in_directory),
        IdentityResource(services.chain, services.identity_links),
        PersonalTokenResource(services.personal_tokens, services.recent_proof),
        MemberResource(services.members),
        InvitationResource(
            services.invitations,
            services.organizations,
            services.mail_queue,
            services.rate_limits,
            addresses,
        ),
        AccountResource(services.accounts),
        CategoryResource(services.categories),
        TransactionResource(services.transactions),
        import_resource(services.importers.options)(
            services.imports, services.importers, services.settings.max_body_bytes
        ),
        ReportResource(services.reports, services.clock),
        RetentionResource(services.receipts),
        Admin(services.plugins),
        AdminUsers(services.administration),
        JobResource(services.jobs, services.job_list),
    ]
    if "builtin" in services.settings.identity_provider_chain:
        resources += [
            Auth(
                services.registration,
                services.users,
                services.sessions,
                services.sign_in,
                addresses,
            ),
            OwnAddressResource(
                services.email_verification, services.mail_queue, services.rate_limits, addresses
            ),
            OwnSessions(services.session_list),
            OwnPasswordResource(services.password_change),
            OwnSecondFactor(services.second_factors),
        ]
    return resources


def _middleware(runtime: Runtime, router: CompiledRouter) -> list[Any]:
    settings = runtime.settings
    middleware: list[Any] = [
        RequestId(runtime.metrics, router),
        Refused(),
        PlainPaths(),
        AllowedHosts(settings.allowed_hosts),
        HttpsOnly(settings.app_base_url, ClientAddresses(settings.forwarded_allow_ips)),
        SchemaAtHead(runtime.storage),
        KeysFit(runtime.check_keys),
        Authentication(runtime.chain, runtime.provisioning, runtime.personal_tokens),
    ]
    if settings.cors_origins:
        middleware.insert(0, Cors(settings.cors_origins))
    return [ConstantHeaders(settings.app_base_url), *middleware]
