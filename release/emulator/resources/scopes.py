"""What a path's first part is an id of: a subscription, a group or a resource."""

from __future__ import annotations

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.ids import ResourceId, split


def scope_of(cloud: Cloud, text: str) -> ResourceId:
    """Return the id of something that is there.

    Raises:
        ArmError: 404: it is no id, or there is nothing.
    """
    found = split(text)
    if found is None or found[1]:
        raise ArmError(404, "NotFound", f"'{text}' is no id of a resource.")
    scope = found[0]
    return cloud.get(scope).id if scope.pairs or scope.group else scope
