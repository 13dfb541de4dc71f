"""Microsoft.Authorization/locks: kept here; `release.emulator.locks` obeys them."""

from __future__ import annotations

from release.emulator.errors import bad_request
from release.emulator.kinds import Body, Kind, Route, Write
from release.emulator.locks import CAN_NOT_DELETE, LOCK, READ_ONLY


def prepare(write: Write) -> Body:
    """Check a lock: there is something to lock, and a level."""
    parent = write.id.parent
    if parent.pairs or parent.group:
        write.cloud.get(parent)
    properties: Body = write.body.get("properties") or {}
    level = {CAN_NOT_DELETE.lower(): CAN_NOT_DELETE, READ_ONLY.lower(): READ_ONLY}.get(
        str(properties.get("level", "")).lower()
    )
    if level is None:
        raise bad_request(
            "InvalidLockLevel",
            f"The lock level '{properties.get('level', '')}' is none of "
            f"'{CAN_NOT_DELETE}', '{READ_ONLY}'.",
            target="properties.level",
        )
    kept = {"level": level}
    if properties.get("notes"):
        kept["notes"] = str(properties["notes"])
    return {"properties": kept}


KINDS = (Kind(type=LOCK, needs_location=False, prepare=prepare, removes_at_once=True),)
ROUTES: tuple[Route, ...] = ()
