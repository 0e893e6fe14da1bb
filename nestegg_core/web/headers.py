"""Headers that every answer has, whoever writes it: an operation, an error, the server itself."""

from collections.abc import Mapping

CONSTANT: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers that are the same in every answer of every server."""

DEFAULTS: Mapping[str, str] = {
    # What nobody thought about is private: it shall rest on no disk. Who keeps an ETag by
    # themselves, as apps do, still gets 304 for it.
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer that says nothing else."""

READABLE = (
    "Allow",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)
"""Headers of answers that say something to apps: those in browsers may read them too."""

_YEAR = 365 * 24 * 60 * 60


def constant_headers(base_url: str) -> dict[str, str]:
    """Return the headers that every answer of a server has.

    Args:
        base_url: `APP_BASE_URL`; where it is https, browsers shall not come by http again.
    """
    if not base_url.startswith("https://"):
        return dict(CONSTANT)
    # Its subdomains are other people's: they are not spoken for.
    return {**CONSTANT, "Strict-Transport-Security": f"max-age={_YEAR}"}
