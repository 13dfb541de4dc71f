"""Lists of a scale set's instances."""

from __future__ import annotations

import re
from collections.abc import Callable

from release.emulator.errors import bad_request
from release.emulator.kinds import Call, Reply
from release.emulator.resources.compute.instance_views import shown
from release.emulator.resources.compute.instances import instances_of
from release.emulator.resources.compute.statuses import machine_statuses
from release.emulator.store import Resource

_BY_MODEL = re.compile(
    r"properties/latestModelApplied\s+eq\s+(true|false)", re.IGNORECASE
)
_BY_STATUS = re.compile(
    r"startswith\(\s*instanceView/statuses/code\s*,\s*'([^']*)'\s*\)"
    r"\s+eq\s+(true|false)",
    re.IGNORECASE,
)


async def list_instances(call: Call) -> Reply:
    """List instances; ``$filter`` by latestModelApplied or by a status code."""
    keeps = _filter(call.query.get("$filter", ""))
    found = [
        instance
        for instance in instances_of(call.cloud, call.target.id)
        if keeps(call.target, instance)
    ]
    listed = [{**shown(call.cloud, i, call), "etag": i.etag} for i in found]
    return Reply(body={"value": listed})


def _filter(text: str) -> Callable[[Resource, Resource], bool]:
    """Return a ``$filter`` as a function of scale set and instance.

    Raises:
        ArmError: It is none of the two forms that scale sets know.
    """
    if not text.strip():
        return lambda _scale_set, _instance: True
    model = _BY_MODEL.fullmatch(text.strip())
    if model:
        latest = model[1].lower() == "true"
        return lambda scale_set, instance: (
            (instance.private.get("model") == scale_set.private["model"]) == latest
        )
    status = _BY_STATUS.fullmatch(text.strip())
    if status is None:
        raise bad_request(
            "InvalidParameter",
            f"The $filter '{text}' is not supported; this embedded Azure has "
            '"properties/latestModelApplied eq true" and '
            "\"startswith(instanceView/statuses/code,'PowerState') eq true\".",
            target="$filter",
        )
    prefix, wanted = status[1].lower(), status[2].lower() == "true"
    return lambda _scale_set, instance: (
        wanted
        == any(
            found["code"].lower().startswith(prefix)
            for found in machine_statuses(instance)
        )
    )
