"""One request to the Resource Manager on the wire: body, token, envelope, headers."""

from __future__ import annotations

import logging
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from release.emulator import graph, open_pages
from release.emulator.auth import Authority
from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Reply
from release.emulator.request import Request
from release.emulator.routes import answer
from release.emulator.template import lenient
from release.emulator.traffic import Traffic

log = logging.getLogger(__name__)

RETRY_AFTER = "Retry-After"
MOST_BYTES = 4 * 2**20
"""Of a request (source: "Azure subscription and service limits", Template size)."""


class Wire:
    """Answers requests.

    Args:
        cloud: What they are about.
        authority: Who gives and checks tokens.
        traffic: Where they are noted.
        page_size: Entries on a page of a list.
    """

    def __init__(
        self, cloud: Cloud, authority: Authority, traffic: Traffic, *, page_size: int
    ) -> None:
        self._cloud = cloud
        self._authority = authority
        self._traffic = traffic
        self._page_size = page_size

    def application(self) -> web.Application:
        """Return what serves them, whatever their path."""
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, raw: web.Request) -> web.Response:
        started = time.monotonic()
        body: Any = None
        try:
            body, unreadable = await _body(raw)
            reply = await self._answer(raw, body, unreadable)
        except ArmError as error:
            reply = Reply(
                status=error.status,
                body={"error": error.body()},
                headers=error.headers,
            )
        except Exception:
            log.exception("%s %s broke", raw.method, raw.path)
            reply = Reply(
                status=500,
                body={
                    "error": {
                        "code": "InternalServerError",
                        "message": "The embedded Azure met an error of its own; its "
                        "log has the traceback.",
                    }
                },
            )
        if not raw.path.startswith(open_pages.OWN):
            self._traffic.note(
                method=raw.method,
                path=raw.path,
                query=raw.query_string,
                status=reply.status,
                client=raw.headers.get("User-Agent", ""),
                body=body,
            )
        log.debug(
            "%s %s %d %.3f s",
            raw.method,
            raw.path,
            reply.status,
            time.monotonic() - started,
        )
        if await self._cloud.faults.answer(raw.method, raw.path) and raw.transport:
            raw.transport.abort()
        return _response(raw, reply)

    async def _answer(
        self, raw: web.Request, body: Any, unreadable: ArmError | None
    ) -> Reply:
        request = Request(
            method=raw.method,
            path=raw.path,
            query={name.lower(): value for name, value in raw.query.items()},
            headers={name.lower(): value for name, value in raw.headers.items()},
            body=body,
            origin=f"{raw.scheme}://{raw.host}",
        )
        found = open_pages.answer(self._cloud, self._authority, self._traffic, request)
        if found:
            return found
        token = raw.headers.get("Authorization")
        claims = self._authority.check(token, origin=request.origin)
        for_graph = request.path.startswith(graph.PREFIX)
        if not for_graph:
            self._authority.check_audience(claims, origin=request.origin)
        if unreadable:
            raise unreadable
        if for_graph:
            wanted = request.query.get("$filter", "")
            return graph.answer(
                self._cloud, request.method, request.path, wanted, request.body
            )
        reply = await answer(self._cloud, request, page_size=self._page_size)
        if RETRY_AFTER in reply.headers:
            headers = {**reply.headers, RETRY_AFTER: str(self._cloud.pace.poll_s)}
            return replace(reply, headers=headers)
        return reply


async def _body(raw: web.Request) -> tuple[Any, ArmError | None]:
    """Return what a request brings, or what is wrong with it."""
    try:
        content = await raw.read()
    except web.HTTPRequestEntityTooLarge:
        return None, ArmError(
            413,
            "RequestEntityTooLarge",
            "The request content size exceeds the maximum size of "
            f"{MOST_BYTES // 2**20} MB.",
        )
    if not content.strip():
        return None, None
    try:
        if raw.content_type == "application/x-www-form-urlencoded":
            return dict(urllib.parse.parse_qsl(content.decode())), None
        return lenient.loads(content), None
    except (UnicodeDecodeError, lenient.UnreadableJson) as error:
        return None, bad_request(
            "InvalidRequestContent",
            f"The request content was invalid and could not be deserialized: {error}",
        )


def _response(raw: web.Request, reply: Reply) -> web.Response:
    request_id = str(uuid.uuid4())
    headers = {
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": raw.headers.get(
            "x-ms-correlation-request-id", request_id
        ),
        "x-ms-routing-request-id": f"WESTEUROPE:{request_id}",
        "Cache-Control": "no-cache",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "x-ms-client-request-id": raw.headers.get("x-ms-client-request-id", ""),
        **_rate_limits(raw.method),
        **reply.headers,
    }
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    return web.json_response(reply.body, status=reply.status, headers=headers)


def _rate_limits(method: str) -> Mapping[str, str]:
    """Return the header that counts what is left of Azure's token buckets.

    Nothing is throttled unless a fault asks for it; the numbers are the buckets'
    sizes (https://learn.microsoft.com/azure/azure-resource-manager/management/
    request-limits-and-throttling).
    """
    what = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
    left = {"reads": "249", "deletes": "199", "writes": "199"}[what]
    return {f"x-ms-ratelimit-remaining-subscription-{what}": left}
