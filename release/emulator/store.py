"""All that the embedded Azure knows: resources by id, kept in a folder.

In memory for speed, written through to SQLite, so that it survives a restart and
a kill. One process, one thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from release.emulator.ids import ResourceId, parse

_TABLES = """
create table if not exists resource
    (key text primary key, id text, body text, private text, version integer);
create table if not exists fact (name text primary key, value text);
"""


@dataclass(kw_only=True, slots=True)
class Resource:
    """A resource as stored.

    `body` is what Azure shows (id, name, type, location, tags, sku, properties ...);
    `private` is what it keeps to itself (passwords, machine ids).
    Change either, then call `Store.save`.
    """

    id: ResourceId
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    """Goes up with each save; the etag is made of it."""

    @property
    def properties(self) -> dict[str, Any]:
        """The body's properties."""
        found: dict[str, Any] = self.body.setdefault("properties", {})
        return found

    @property
    def state(self) -> str:
        """Its provisioningState."""
        return str(self.properties.get("provisioningState", "Succeeded"))

    @state.setter
    def state(self, value: str) -> None:
        self.properties["provisioningState"] = value

    @property
    def etag(self) -> str:
        """The entity tag, quotes included."""
        return f'"{self.version}"'


class Store:
    """Resources by id, in the order of their creation.

    Args:
        path: The SQLite file; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_TABLES)
        self._resources: dict[str, Resource] = {}
        rows = self._db.execute("select id, body, private, version from resource")
        for text, body, private, version in rows:
            found = Resource(
                id=parse(text),
                body=json.loads(body),
                private=json.loads(private),
                version=version,
            )
            self._resources[found.id.key] = found

    def get(self, resource_id: ResourceId) -> Resource | None:
        """Return the resource, or None."""
        return self._resources.get(resource_id.key)

    def __iter__(self) -> Iterator[Resource]:
        """Yield all resources, oldest first."""
        return iter(list(self._resources.values()))

    def save(self, resource: Resource) -> None:
        """Keep the resource as it is now; its version goes up."""
        resource.version += 1
        self._resources[resource.id.key] = resource
        self._db.execute(
            "insert into resource values (?, ?, ?, ?, ?) on conflict (key) do update"
            " set body = excluded.body, private = excluded.private,"
            " version = excluded.version",
            (
                resource.id.key,
                str(resource.id),
                json.dumps(resource.body),
                json.dumps(resource.private),
                resource.version,
            ),
        )

    def remove(self, resource_id: ResourceId) -> None:
        """Forget a resource and all that lives in it."""
        doomed = [found.id.key for found in self.under(resource_id)]
        for key in (*doomed, resource_id.key):
            self._resources.pop(key, None)
            self._db.execute("delete from resource where key = ?", (key,))

    def under(self, scope: ResourceId) -> Iterator[Resource]:
        """Yield all that lives in `scope`, at any depth, oldest first."""
        prefix = scope.key + "/"
        return iter([r for k, r in self._resources.items() if k.startswith(prefix)])

    def of_type(
        self, full_type: str, scope: ResourceId | None = None
    ) -> list[Resource]:
        """Return resources of one type, in `scope` or everywhere, oldest first."""
        wanted = full_type.lower()
        return [
            found
            for found in list(self._resources.values())
            if found.id.type.lower() == wanted
            and (scope is None or found.id.under(scope))
        ]

    def fact(self, name: str) -> Any | None:
        """Return a value kept by `remember`, or None."""
        row = self._db.execute(
            "select value from fact where name = ?", (name,)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def remember(self, name: str, value: Any) -> None:
        """Keep a value under a name."""
        self._db.execute(
            "insert into fact values (?, ?) on conflict (name) do update"
            " set value = excluded.value",
            (name, json.dumps(value)),
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
