"""The instance metadata service, as far as machines need it: scheduled events.

On Azure it is http://169.254.169.254. A machine here has the host's network, where
nobody may take that address, so each is told one of its own, in the variable with
which azure-identity can be told of another metadata service.
https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events
"""

from __future__ import annotations

import json

from aiohttp import web

from release.emulator.cloud import Cloud
from release.emulator.resources.compute.terminations import approve, scheduled_events

PATH = "/{machine}/metadata/scheduledevents"


def application(cloud: Cloud) -> web.Application:
    """Return the service; a machine's own name is the first part of its paths."""

    async def tell(request: web.Request) -> web.Response:
        _check(request)
        return web.json_response(scheduled_events(cloud, request.match_info["machine"]))

    async def start(request: web.Request) -> web.Response:
        _check(request)
        try:
            wanted = json.loads(await request.text())["StartRequests"]
            event_ids = [str(each["EventId"]) for each in wanted]
        except (ValueError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text="no StartRequests with an EventId") from error
        approve(cloud, request.match_info["machine"], event_ids)
        return web.Response()

    app = web.Application()
    app.router.add_get(PATH, tell)
    app.router.add_post(PATH, start)
    return app


def _check(request: web.Request) -> None:
    """Refuse what Azure refuses: no ``Metadata: true``, no version."""
    if request.headers.get("Metadata", "").lower() != "true":
        raise web.HTTPBadRequest(text="Bad request: the header Metadata: true is due")
    if not request.query.get("api-version"):
        raise web.HTTPBadRequest(text="Bad request: api-version was not specified")
