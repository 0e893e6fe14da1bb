"""Answers that a client may have already, and the form in which they travel."""


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
