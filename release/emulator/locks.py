"""Management locks: what must not be deleted, and what must not be changed.

A lock holds its scope and all below. ``CanNotDelete`` refuses deletes, ``ReadOnly``
writes and actions as well.
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from __future__ import annotations

from dataclasses import dataclass

from release.emulator.errors import conflict
from release.emulator.ids import ResourceId
from release.emulator.store import Resource, Store

LOCK = "Microsoft.Authorization/locks"
READ_ONLY, CAN_NOT_DELETE = "ReadOnly", "CanNotDelete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Locks:
    """The locks that there are.

    Args:
        store: Holds them.
    """

    store: Store

    def check_delete(self, doomed: ResourceId) -> None:
        """Refuse to delete what is locked, itself, from above or in a part.

        Raises:
            ArmError: 409 ``ScopeLocked``.
        """
        if doomed.type.lower() == LOCK.lower():
            return
        inside = [lock for lock in self._all() if lock.id.under(doomed)]
        self._refuse("delete", doomed, inside + self._over(doomed))

    def check_write(self, changed: ResourceId) -> None:
        """Refuse to change what is read-only.

        Raises:
            ArmError: 409 ``ScopeLocked``.
        """
        if changed.type.lower() == LOCK.lower():
            return
        over = self._over(changed)
        read_only = [one for one in over if one.properties["level"] == READ_ONLY]
        self._refuse("write", changed, read_only)

    def _all(self) -> list[Resource]:
        return self.store.of_type(LOCK)

    def _over(self, resource_id: ResourceId) -> list[Resource]:
        return [
            lock
            for lock in self._all()
            if f"{resource_id.key}/".startswith(f"{lock.id.parent.key}/")
        ]

    def _refuse(self, verb: str, scope: ResourceId, locks: list[Resource]) -> None:
        if locks:
            scopes = ", ".join(dict.fromkeys(str(lock.id.parent) for lock in locks))
            raise conflict(
                "ScopeLocked",
                f"The scope '{scope}' cannot perform {verb} operation because "
                f"following scope(s) are locked: '{scopes}'. Please remove the lock "
                "and try again.",
            )
