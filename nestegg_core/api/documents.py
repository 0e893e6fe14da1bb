"""`/openapi.json` and `/docs`: made once, kept compressed, sent again only when they differ."""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from html import escape
from importlib.resources import files
from itertools import chain, starmap
from string import Template
from typing import Any

import falcon

MAX_VERSIONS = 8
"""How many versions a change may name."""

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_TAGS = re.compile(rf"{_TAG.pattern}(?:[ \t]*,[ \t]*{_TAG.pattern})*")
_VERSION = re.compile(r'"(0|[1-9][0-9]{0,8})"')


def versions(header: str) -> list[int]:
    tags = _TAG.findall(header) if _TAGS.fullmatch(header.strip(" \t")) else []
    found = [int(match[1]) for tag in tags if (match := _VERSION.fullmatch(tag))]
    return found if len(tags) <= MAX_VERSIONS else []


def known(tag: str, header: str | None) -> bool:
    """Tell whether the caller has this already (RFC 9110, 13.1.2: weak comparison)."""
    if header is None:
        return False
    plain = tag.removeprefix("W/")
    given = {one.strip().removeprefix("W/") for one in header.split(",")}
    return plain in given or given == {"*"}


def takes_gzip(header: str | None) -> bool:
    """Tell whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3)."""
    for one in (header or "").lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "").rstrip("0").rstrip(".") not in {"q=", "q"}
    return False


class Options:
    """Answers OPTIONS of a resource with the same methods that a 405 names."""

    def on_options(self, _req: falcon.Request, resp: falcon.Response, **_params: Any) -> None:
        methods = sorted(name[3:].upper() for name in dir(self) if name.startswith("on_"))
        resp.set_header("Allow", ", ".join(methods))
        resp.set_header("Content-Length", "0")


class Front(Options):
    """The resource of `/`, the address that users type: it leads to what can be read."""

    def __init__(self) -> None:
        self.on_head = self.on_get

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_302
        resp.set_header("Location", "/docs")


class Document(Options):
    """The resource of one text that is the same for everybody."""

    def __init__(self, content: bytes, content_type: str, policy: str = "") -> None:
        self._tag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
        self._compressed = gzip.compress(content, mtime=0)
        self._content_type = content_type
        self._policy = policy
        self.on_head = self.on_get

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_header("Cache-Control", "no-cache")  # kept by everybody, and asked about
        resp.set_header("ETag", self._tag)
        resp.set_header("Vary", "Accept-Encoding")
        if self._policy:
            resp.set_header("Content-Security-Policy", self._policy)
        if known(self._tag, req.get_header("If-None-Match")):
            resp.status = falcon.HTTP_304
            return
        resp.content_type = self._content_type
        if takes_gzip(req.get_header("Accept-Encoding")):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = self._compressed
        else:
            resp.data = gzip.decompress(self._compressed)


Json = Mapping[str, Any]

_FILES = files("nestegg_core.api")
_STYLE = (_FILES / "reference.css").read_text("utf-8")
_PAGE = Template((_FILES / "reference.html").read_text("utf-8"))

POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: its own style, and nothing else."""

_METHODS = ("get", "post", "put", "patch", "delete")


def reference_page(document: Json) -> bytes:
    by_tag = _by_tag(document)
    schemas = document["components"]["schemas"]
    page = _PAGE.substitute(
        style=_STYLE,
        title=escape(document["info"]["title"]),
        description=escape(document["info"]["description"]),
        version=escape(document["info"]["version"]),
        server=escape(document["servers"][0]["url"]),
        contents="".join(
            f'<li><a href="#{_id("tag", tag)}">{escape(tag)}</a></li>' for tag in by_tag
        ),
        operations="".join(chain.from_iterable(map(_section, by_tag.items()))),
        schemas="".join(chain.from_iterable(starmap(_schema, sorted(schemas.items())))),
    )
    return page.encode()


def _section(tagged: tuple[str, list[tuple[str, str, Json]]]) -> Iterator[str]:
    tag, operations = tagged
    yield f'<section id="{_id("tag", tag)}"><h2>{escape(tag)}</h2>'
    for path, method, operation in operations:
        yield from _operation(path, method, operation)
    yield "</section>"


def _by_tag(document: Json) -> dict[str, list[tuple[str, str, Json]]]:
    found: dict[str, list[tuple[str, str, Json]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                found[methods[method]["tags"][0]].append((path, method, methods[method]))
    return found


def _operation(path: str, method: str, operation: Json) -> Iterator[str]:
    yield (
        f'<details id="{_id("op", operation["operationId"])}"><summary>'
        f'<span class="method {method}">{method.upper()}</span><code>{escape(path)}</code>'
        f'<span class="says">{_text(operation["summary"])}</span></summary><div class="body">'
    )
    for paragraph in filter(None, operation["description"].split("\n\n")):
        yield f"<p>{_text(paragraph)}</p>"
    if operation["security"] == [{}]:
        yield '<p class="soft">For everyone, without a token.</p>'
    if operation["parameters"]:
        yield "<h3>Parameters</h3>"
        yield _table(("name", "in", "type", ""), map(_parameter, operation["parameters"]))
    if body := operation.get("requestBody"):
        yield f'<h3>Body</h3><p class="soft">{_text(body.get("description", ""))}</p>'
        yield _table(("media type", "schema"), map(_content, body["content"].items()))
    yield "<h3>Answers</h3>"
    yield _table(("status", "", "schema", "headers"), map(_answer, operation["responses"].items()))
    yield "</div></details>"


def _parameter(parameter: Json) -> tuple[str, ...]:
    name = f"<code>{escape(parameter['name'])}</code>"
    if parameter["required"]:
        name += ' <span class="soft">required</span>'
    about = _about(parameter.get("description", ""), parameter["schema"])
    return name, escape(parameter["in"]), _type(parameter["schema"]), about


def _content(content: tuple[str, Json]) -> tuple[str, ...]:
    return f"<code>{escape(content[0])}</code>", _type(content[1]["schema"])


def _answer(answer: tuple[str, Json]) -> tuple[str, ...]:
    status, about = answer
    types = {_type(one["schema"]) for one in about.get("content", {}).values()}
    headers = ", ".join(f"<code>{escape(name)}</code>" for name in about.get("headers", ()))
    return escape(status), escape(about["description"]), ", ".join(sorted(types)), headers


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield (
        f'<details id="{_id("schema", name)}"><summary><code>{escape(name)}</code>'
        f'<span class="says">{_text(schema.get("description", ""))}</span></summary>'
        '<div class="body">'
    )
    required = schema.get("required", ())
    fields = schema.get("properties")
    if fields:
        yield _table(
            ("field", "type", ""),
            (_field(field, about, field in required) for field, about in fields.items()),
        )
    else:
        yield f"<p>{_type(schema)}</p>"
    yield "</div></details>"


def _field(name: str, schema: Json, required: bool) -> tuple[str, ...]:
    mark = ' <span class="soft">required</span>' if required else ""
    about = _about(schema.get("description", ""), schema)
    return f"<code>{escape(name)}</code>{mark}", _type(schema), about


_BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
)


def _about(description: str, schema: Json) -> str:
    """Return what a value is for, and what it may be."""
    parts: list[str] = []
    for kind in (schema, *schema.get("anyOf", ())):
        parts += _bounds(kind)
        if "pattern" in kind:
            parts.append(f"pattern <code>{escape(kind['pattern'])}</code>")
    if "default" in schema:
        parts.append(f"default <code>{escape(str(schema['default']))}</code>")
    return " ".join(filter(None, (_text(description), "; ".join(parts))))


def _bounds(schema: Json) -> Iterator[str]:
    for low, high, unit in _BOUNDS:
        if low in schema and high in schema:
            yield f"{schema[low]} to {schema[high]}{unit}"
        elif low in schema:
            yield f"at least {schema[low]}{unit}"
        elif high in schema:
            yield f"at most {schema[high]}{unit}"


def _type(schema: Json) -> str:
    """Return a schema in few words, with a link to one that has a name."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{_id("schema", name)}">{escape(name)}</a>'
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(map(_type, schema[several]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in values)
    kind = escape(str(schema.get("type", "any")))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"{kind} ({escape(schema['format'])})" if "format" in schema else kind


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{title}</th>" for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{one}</td>" for one in row) + "</tr>" for row in rows)
    return f'<div class="table"><table><tr>{cells}</tr>{lines}</table></div>'


def _text(text: str) -> str:
    """Escape a text, and show what stands between backticks as code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def _id(kind: str, name: str) -> str:
    return escape(f"{kind}-{name}".replace(" ", "-"))
