"""The blob service of an account, and containers as resources.

A container lives in the data plane alone; both sides see the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from release.emulator.blobs.call import IDENTIFIER
from release.emulator.blobs.records import Container
from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request, conflict
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.storage.plane import ACCOUNT, account_of
from release.emulator.store import Resource

SERVICE = f"{ACCOUNT}/blobServices"
CONTAINER = f"{SERVICE}/containers"

_CONTAINER_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9](-?[a-z0-9])*|\$root|\$web")
_PUBLIC = {"None": "", "Blob": "blob", "Container": "container"}


def find_service(cloud: Cloud, resource_id: ResourceId) -> Resource | None:
    """Find the blob service that every account has."""
    owner = cloud.store.get(resource_id.parent)
    if owner is None or resource_id.name.lower() != "default":
        return None
    found = owner.id.child("blobServices", "default")
    return Resource(
        id=found,
        body={
            "id": str(found),
            "name": "default",
            "type": SERVICE,
            "sku": owner.body["sku"],
            "properties": {
                "cors": {"corsRules": []},
                "deleteRetentionPolicy": {"enabled": False},
            },
        },
    )


def list_services(cloud: Cloud, scope: ResourceId) -> Iterable[Resource]:
    """List the one blob service of an account."""
    found = cloud.find(scope.child("blobServices", "default"))
    return [found] if found else []


def prepare_service(write: Write) -> Body:
    """Refuse what the data plane does not have, rather than forget it."""
    properties = write.body.get("properties") or {}
    for name in ("isVersioningEnabled", "changeFeed", "restorePolicy"):
        value = properties.get(name)
        if value is True or (isinstance(value, dict) and value.get("enabled")):
            raise bad_request(
                "FeatureNotSupportedForAccount",
                f"{name} is not supported for the account: this embedded Azure keeps "
                "no versions of blobs.",
                target=name,
            )
    return {"properties": properties}


def _container_id(account: ResourceId, name: str) -> ResourceId:
    return account.child("blobServices", "default").child("containers", name)


def find_container(cloud: Cloud, resource_id: ResourceId) -> Resource | None:
    """Find a container that was made through the data plane."""
    account = resource_id.parent.parent
    if cloud.store.get(account) is None:
        return None
    kept = cloud.blobs.container(account.name.lower(), resource_id.name)
    return _shown(account, kept) if kept else None


def list_containers(cloud: Cloud, scope: ResourceId) -> Iterable[Resource]:
    """List an account's containers, whoever made them."""
    account = scope.parent
    kept = cloud.blobs.containers(account.name.lower())
    return [_shown(account, container) for container in kept]


def _shown(account: ResourceId, kept: Container) -> Resource:
    found = _container_id(account, kept.name)
    body = {"id": str(found), "name": kept.name, "type": CONTAINER}
    return Resource(id=found, body=body | {"properties": _told(kept)})


def _told(kept: Container) -> Body:
    lease = kept.lease.headers(datetime.now(UTC))
    names = {public: name for name, public in _PUBLIC.items()}
    return {
        "publicAccess": names[kept.public],
        "metadata": kept.metadata,
        "lastModifiedTime": kept.modified_at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        "leaseState": lease["x-ms-lease-state"].capitalize(),
        "leaseStatus": lease["x-ms-lease-status"].capitalize(),
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
        "deleted": False,
        "remainingRetentionDays": 0,
    }


def prepare_container(write: Write) -> Body:
    """Check a container."""
    account = write.id.parent.parent
    name = write.id.name
    if not _CONTAINER_NAME.fullmatch(name):
        raise bad_request(
            "ContainerNameInvalid",
            f"The container name '{name}' is invalid: 3 to 63 lower-case letters, "
            "digits and single hyphens.",
        )
    properties = write.body.get("properties") or {}
    public = properties.get("publicAccess") or "None"
    if public not in _PUBLIC:
        raise bad_request(
            "InvalidRequestPropertyValue",
            f"publicAccess '{public}' is none of {', '.join(_PUBLIC)}.",
        )
    seen = account_of(write.cloud, account.name)
    if _PUBLIC[public] and not (seen and seen.public_allowed):
        raise conflict(
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
        )
    metadata = properties.get("metadata") or {}
    _check_metadata(metadata)
    return {"properties": {"publicAccess": public, "metadata": metadata}}


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict):
        raise bad_request(
            "InvalidRequestContent", "metadata: expected an object.", target="metadata"
        )
    for name, value in metadata.items():
        if not IDENTIFIER.fullmatch(name) or not isinstance(value, str):
            raise bad_request(
                "InvalidMetadata",
                f"metadata '{name}': expected a text, by a name of letters, digits and "
                "underscores that begins with no digit.",
                target="metadata",
            )


def keep_container(cloud: Cloud, resource: Resource) -> None:
    """Make or change a container in the data plane, which is where it lives."""
    if resource.state == "Deleting":
        return
    account = resource.id.parent.parent.name.lower()
    now = datetime.now(UTC)
    store = cloud.blobs
    etag = store.etag(now)
    before = store.container(account, resource.id.name)
    fresh = Container(
        account=account, name=resource.id.name, etag=etag, modified_at=now
    )
    container = replace(
        before or fresh,
        etag=etag,
        modified_at=now,
        public=_PUBLIC[resource.properties["publicAccess"]],
        metadata=resource.properties["metadata"],
    )
    store.save_container(container)


def refuse_container_removal(cloud: Cloud, resource: Resource) -> None:
    """Refuse to delete a leased container."""
    kept = _live(cloud, resource)
    if kept and kept.lease.locked(datetime.now(UTC)):
        raise ArmError(
            409,
            "ContainerOperationFailure",
            "There is currently a lease on the container and no lease ID was specified "
            "in the request.",
        )


def drop_container(cloud: Cloud, resource: Resource) -> None:
    """Delete a container with its blobs."""
    kept = _live(cloud, resource)
    if kept:
        cloud.blobs.remove_container(kept)


def view_container(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show a container as the data plane has it now."""
    kept = _live(cloud, resource)
    if kept is None:
        return resource.body
    return {**resource.body, "etag": kept.etag, "properties": _told(kept)}


def _live(cloud: Cloud, resource: Resource) -> Container | None:
    account = resource.id.parent.parent.name.lower()
    return cloud.blobs.container(account, resource.id.name)


KINDS = (
    Kind(
        type=SERVICE,
        needs_location=False,
        prepare=prepare_service,
        find=find_service,
        enumerate=list_services,
    ),
    Kind(
        type=CONTAINER,
        needs_location=False,
        prepare=prepare_container,
        refuse_removal=refuse_container_removal,
        keep=keep_container,
        drop=drop_container,
        removes_at_once=True,
        view=view_container,
        find=find_container,
        enumerate=list_containers,
    ),
)
