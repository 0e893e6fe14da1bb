"""`/openapi.json` and `/docs`: made once, kept compressed, sent again only when they differ."""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from html import escape
from typing import Any

import falcon

MAX_VERSIONS = 8
"""How many versions a change may name."""

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_TAGS = re.compile(rf"{_TAG.pattern}(?:[ \t]*,[ \t]*{_TAG.pattern})*")
_VERSION = re.compile(r'"(0|[1-9][0-9]{0,8})"')


def versions(header: str) -> list[int]:
    """Return the versions of rows that `If-Match` names (RFC 9110, 13.1.1: strong comparison).

    Args:
        header: `If-Match`. What is malformed, any (`*`), or too long a list names none.

    Example:
        >>> versions('"1", "x", W/"2", "3"'), versions('"01"'), versions("*")
        ([1, 3], [], [])
    """
    tags = _TAG.findall(header) if _TAGS.fullmatch(header.strip(" \t")) else []
    found = [int(match[1]) for tag in tags if (match := _VERSION.fullmatch(tag))]
    return found if len(tags) <= MAX_VERSIONS else []


def known(tag: str, header: str | None) -> bool:
    """Tell whether the caller has this already (RFC 9110, 13.1.2: weak comparison).

    Args:
        tag: ETag of the answer.
        header: `If-None-Match`.

    Example:
        >>> known('W/"1"', '"0", "1"')
        True
    """
    if header is None:
        return False
    plain = tag.removeprefix("W/")
    given = {one.strip().removeprefix("W/") for one in header.split(",")}
    return plain in given or given == {"*"}


def takes_gzip(header: str | None) -> bool:
    """Tell whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3).

    Example:
        >>> takes_gzip("br, gzip"), takes_gzip("gzip;q=0"), takes_gzip(None)
        (True, False, False)
    """
    for one in (header or "").lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "").rstrip("0").rstrip(".") not in {"q=", "q"}
    return False


class Options:
    """Answers OPTIONS of a resource with the same methods that a 405 names."""

    def on_options(self, _req: falcon.Request, resp: falcon.Response, **_params: Any) -> None:
        """Tell them; nothing is at the path that a body could describe."""
        methods = sorted(name[3:].upper() for name in dir(self) if name.startswith("on_"))
        resp.set_header("Allow", ", ".join(methods))
        resp.set_header("Content-Length", "0")


class Front(Options):
    """The resource of `/`, the address that users type: it leads to what can be read."""

    def __init__(self) -> None:
        self.on_head = self.on_get

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send them on."""
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
        """Serve it, unless the caller has it."""
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

_STYLE = """
:root { color-scheme: light dark; --text: #1d2430; --soft: #5b6675; --line: #d9dee5;
  --back: #fff; --panel: #f6f8fa; --link: #0b57d0; --get: #1a6fb5; --post: #24763b;
  --patch: #97600a; --put: #97600a; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ee; --soft: #9aa5b4; --line: #333b47;
  --back: #14181e; --panel: #1b2129; --link: #8ab4f8; --get: #6db3f2; --post: #79c78c;
  --patch: #e5b567; --put: #e5b567; --delete: #f2857d; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
code { font: .875em/1.5 ui-monospace, monospace; }
.page { display: grid; grid-template-columns: 15rem minmax(0, 56rem); gap: 3rem;
  margin: 0 auto; padding: 2rem 1.5rem; max-width: 76rem; }
nav { position: sticky; top: 2rem; align-self: start; max-height: calc(100vh - 4rem);
  overflow: auto; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .15rem 0; text-decoration: none; }
h1 { margin: 0 0 .5rem; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.3rem; }
h3 { margin: 1.25rem 0 .4rem; font-size: .95rem; }
.soft { color: var(--soft); }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0;
  background: var(--panel); }
summary { display: flex; flex-wrap: wrap; gap: .2rem .9rem; align-items: baseline;
  padding: .55rem .9rem; cursor: pointer; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
summary code { min-width: 0; overflow-wrap: anywhere; }
summary .says { flex-basis: 100%; color: var(--soft); font-size: .93rem; }
.body { padding: 0 .9rem .9rem; border-top: 1px solid var(--line); }
.method { min-width: 4.2rem; font: 700 .8rem/1.5 ui-monospace, monospace; }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); }
.put { color: var(--put); } .delete { color: var(--delete); }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .93rem; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
tr:last-child td { border-bottom: 0; }
@media (max-width: 50rem) { .page { display: block; padding: 1rem; }
  nav { position: static; max-height: none; margin-bottom: 1.5rem; }
  nav ul { display: flex; flex-wrap: wrap; gap: 0 1rem; } }
"""

POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: its own style, and nothing else."""

_METHODS = ("get", "post", "put", "patch", "delete")


def reference_page(document: Json) -> bytes:
    """Return the page of an OpenAPI document."""
    return "".join(_page(document)).encode()


def _page(document: Json) -> Iterator[str]:
    title = f"{escape(document['info']['title'])} API"
    by_tag = _by_tag(document)
    schemas = document["components"]["schemas"]
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>'
        f'{title}</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{_STYLE}</style></head><body><div class="page"><nav aria-label="Contents"><ul>'
    )
    for tag in by_tag:
        yield f'<li><a href="#{_id("tag", tag)}">{escape(tag)}</a></li>'
    yield '<li><a href="#schemas">Schemas</a></li></ul></nav><main>'
    yield f"<h1>{title}</h1>"
    yield f"<p>{escape(document['info']['description'])}</p>"
    yield (
        f'<p class="soft">Version {escape(document["info"]["version"])}, at '
        f"<code>{escape(document['servers'][0]['url'])}</code>. For programs: "
        '<a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
    )
    for tag, operations in by_tag.items():
        yield f'<section id="{_id("tag", tag)}"><h2>{escape(tag)}</h2>'
        for path, method, operation in operations:
            yield from _operation(path, method, operation)
        yield "</section>"
    yield '<section id="schemas"><h2>Schemas</h2>'
    for name in sorted(schemas):
        yield from _schema(name, schemas[name])
    yield "</section></main></div></body></html>\n"


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
