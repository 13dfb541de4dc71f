"""Pages of a list: ``$top``, ``$skiptoken`` and ``nextLink``. Pure."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping

from release.emulator.errors import bad_request
from release.emulator.kinds import Reply
from release.emulator.request import Request

_MOST_DIGITS = 9


def paged(reply: Reply, request: Request, page_size: int) -> Reply:
    """Cut a list into pages with ``nextLink``, as a GET's ``$skiptoken`` asks.

    Raises:
        ArmError: 400: one of the two is no number.
    """
    body = reply.body
    if (
        request.method != "GET"
        or reply.whole
        or not (isinstance(body, dict) and isinstance(body.get("value"), list))
    ):
        return reply
    start = whole_number(request.query, "$skiptoken", 0, least=0)
    size = min(page_size, whole_number(request.query, "$top", page_size, least=1))
    page = {**body, "value": body["value"][start : start + size]}
    if start + size < len(body["value"]):
        query = {**request.query, "$skiptoken": str(start + size)}
        page["nextLink"] = (
            f"{request.origin}{request.path}?{urllib.parse.urlencode(query)}"
        )
    return Reply(status=reply.status, body=page, headers=reply.headers)


def whole_number(query: Mapping[str, str], name: str, usual: int, *, least: int) -> int:
    """Return a number that a query gives, or the usual one.

    Raises:
        ArmError: 400: it is none, or below the least.
    """
    text = query.get(name, "")
    if not text:
        return usual
    sound = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    if not sound or int(text) < least:
        raise bad_request(
            "InvalidParameter",
            f"The value '{text}' of parameter '{name}' is invalid: expected a whole "
            f"number from {least}.",
            target=name,
        )
    return int(text)
