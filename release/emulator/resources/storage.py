"""Microsoft.Storage: accounts and their keys, the blob service, containers.

What an account holds is with the data plane (`release.emulator.blobs`); here is what
the Resource Manager tells of it. Of the endpoints only `blob` is served.
"""

from __future__ import annotations

import base64
import re
import secrets
import ssl
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from release.emulator import blobs
from release.emulator.blobs.records import Container
from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request, conflict
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Kind, Reply, Route, Write
from release.emulator.resources import sas
from release.emulator.store import Resource

ACCOUNT = "Microsoft.Storage/storageAccounts"
SERVICE = f"{ACCOUNT}/blobServices"
CONTAINER = f"{SERVICE}/containers"

_ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER_NAME = re.compile(r"(?!.{64})[a-z0-9](-?[a-z0-9]){2,62}|\$root|\$web")
_SKUS = (
    "Standard_LRS",
    "Standard_ZRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
)
_KINDS = ("StorageV2", "Storage", "BlobStorage", "BlockBlobStorage")
_KEY_BYTES = 64
_DEFAULTS: Body = {
    "accessTier": "Hot",
    "allowBlobPublicAccess": False,
    "minimumTlsVersion": "TLS1_2",
    "supportsHttpsTrafficOnly": True,
    "networkAcls": {
        "bypass": "AzureServices",
        "defaultAction": "Allow",
        "ipRules": [],
        "virtualNetworkRules": [],
    },
    "encryption": {
        "keySource": "Microsoft.Storage",
        "services": {"blob": {"enabled": True, "keyType": "Account"}},
    },
}
_PUBLIC = {"None": "", "Blob": "blob", "Container": "container"}


# --- the data plane -------------------------------------------------------


def data_plane(
    cloud: Cloud,
    *,
    tokens: blobs.Tokens,
    trust: ssl.SSLContext,
    note: Callable[[blobs.Asked], None],
) -> blobs.Service:
    """Return the service that serves the blobs of this cloud's accounts.

    Args:
        cloud: Whose accounts; its `blobs` is the store.
        tokens: Tells who a bearer token is.
        trust: For the sources of copies.
        note: Told of every request.
    """

    def check(method: str, path: str) -> None:
        try:
            cloud.faults.request(method, path)
        except ArmError as error:
            raise blobs.BlobError(
                "ServerBusy", error.message, headers=error.headers
            ) from error

    return blobs.Service(
        store=cloud.blobs,
        accounts=lambda name: account_of(cloud, name),
        tokens=tokens,
        authority=lambda: f"{cloud.arm_origin}/{cloud.identity.tenant}",
        trust=trust,
        check=check,
        note=note,
    )


def account_of(cloud: Cloud, name: str) -> blobs.Account | None:
    """Return the account as its data plane sees it, or None."""
    found = _find_account(cloud, name)
    if found is None or "keys" not in found.private:
        return None
    properties = found.properties
    return blobs.Account(
        name=found.id.name,
        keys=tuple(key["value"] for key in found.private["keys"]),
        shared_key_allowed=properties.get("allowSharedKeyAccess", True) is not False,
        public_allowed=properties.get("allowBlobPublicAccess") is True,
    )


def _find_account(cloud: Cloud, name: str) -> Resource | None:
    accounts = cloud.store.of_type(ACCOUNT)
    return next((a for a in accounts if a.id.name == name.lower()), None)


# --- accounts -------------------------------------------------------------


def prepare_account(write: Write) -> Body:
    """Check an account, fill in Azure's defaults and give it keys."""
    name = write.id.name
    if not _ACCOUNT_NAME.fullmatch(name):
        raise bad_request(
            "AccountNameInvalid",
            f"{name} is not a valid storage account name. Storage account name must be "
            "between 3 and 24 characters in length and use numbers and lower-case "
            "letters only.",
        )
    taken = _find_account(write.cloud, name)
    if taken and write.existing is None:
        raise conflict(
            "StorageAccountAlreadyTaken",
            f"The storage account named {name} is already taken.",
        )
    sku = _chosen("sku", (write.body.get("sku") or {}).get("name"), _SKUS)
    kind = _chosen("kind", write.body.get("kind"), _KINDS)
    if "keys" not in write.private:
        write.private["keys"] = [_new_key("key1"), _new_key("key2")]
    kept = write.existing.properties if write.existing else {}
    given = {k: v for k, v in (write.body.get("properties") or {}).items() if v != ""}
    return {
        "location": write.body["location"],
        "tags": write.body.get("tags") or {},
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "kind": kind,
        "properties": {
            **_DEFAULTS,
            **given,
            "creationTime": kept.get("creationTime") or _now(),
            "primaryLocation": write.body["location"],
            "statusOfPrimary": "available",
            "primaryEndpoints": _endpoints(write.cloud, name),
        },
    }


def _chosen(what: str, value: object, allowed: tuple[str, ...]) -> str:
    for one in allowed:
        if isinstance(value, str) and one.lower() == value.lower():
            return one
    raise bad_request(
        "InvalidValuesForRequestParameters",
        f"Values for request parameters are invalid: {what}. Given '{value}', this "
        f"embedded Azure has {', '.join(allowed)}.",
        target=what,
    )


def _endpoints(cloud: Cloud, name: str) -> Body:
    return {"blob": f"{cloud.blob_origin}/{name}/"}


def _new_key(name: str) -> Body:
    value = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    return {
        "creationTime": _now(),
        "keyName": name,
        "value": value,
        "permissions": "FULL",
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def view_account(cloud: Cloud, account: Resource, _call: Call) -> Body:
    """Show an account; its endpoint is where the data plane listens now."""
    properties = account.properties | {
        "primaryEndpoints": _endpoints(cloud, account.id.name)
    }
    return account.body | {"properties": properties}


async def remove_account(cloud: Cloud, account: Resource) -> None:
    """Delete all that an account holds."""
    cloud.blobs.remove_account(account.id.name)


async def list_keys(call: Call) -> Reply:
    """Answer `listKeys`."""
    if call.target.properties.get("allowSharedKeyAccess") is False:
        raise conflict(
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        )
    return Reply(body={"keys": call.target.private["keys"]})


async def regenerate_key(call: Call) -> Reply:
    """Answer `regenerateKey`: what the old key signed is void at once."""
    account = call.target
    wanted = (call.body or {}).get("keyName")
    keys = account.private["keys"]
    if wanted not in {key["keyName"] for key in keys}:
        raise bad_request("InvalidKeyName", f"There is no key '{wanted}'.")
    account.private["keys"] = [
        _new_key(wanted) if key["keyName"] == wanted else key for key in keys
    ]
    call.cloud.store.save(account)
    return Reply(body={"keys": account.private["keys"]})


async def list_account_sas(call: Call) -> Reply:
    """Answer `ListAccountSas`."""
    key = call.target.private["keys"][0]["value"]
    token = sas.account_token(call.target.id.name, key, call.body or {})
    return Reply(body={"accountSasToken": token})


async def list_service_sas(call: Call) -> Reply:
    """Answer `ListServiceSas`."""
    key = call.target.private["keys"][0]["value"]
    token = sas.service_token(key, call.body or {})
    return Reply(body={"serviceSasToken": token})


async def check_name(call: Call) -> Reply:
    """Answer `checkNameAvailability`."""
    name = str((call.body or {}).get("name", ""))
    if not _ACCOUNT_NAME.fullmatch(name):
        return Reply(
            body={
                "nameAvailable": False,
                "reason": "AccountNameInvalid",
                "message": f"{name} is not a valid storage account name.",
            }
        )
    if _find_account(call.cloud, name):
        return Reply(
            body={
                "nameAvailable": False,
                "reason": "AlreadyExists",
                "message": f"The storage account named {name} is already taken.",
            }
        )
    return Reply(body={"nameAvailable": True})


# --- the blob service -----------------------------------------------------


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


# --- containers -----------------------------------------------------------


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
    return {
        "properties": {
            "publicAccess": public,
            "metadata": properties.get("metadata") or {},
        }
    }


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


def _skus(call: Call) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "tier": name.partition("_")[0],
            "resourceType": "storageAccounts",
            "kind": "StorageV2",
            "locations": [call.query.get("location", "westeurope")],
            "capabilities": [],
            "restrictions": [],
        }
        for name in _SKUS
    ]


async def list_skus(call: Call) -> Reply:
    """List the kinds of replication that an account may have."""
    return Reply(body={"value": _skus(call)})


KINDS = (
    Kind(
        type=ACCOUNT,
        prepare=prepare_account,
        remove=remove_account,
        removes_at_once=True,
        view=view_account,
        actions={
            ("POST", "listkeys"): list_keys,
            ("POST", "regeneratekey"): regenerate_key,
            ("POST", "listaccountsas"): list_account_sas,
            ("POST", "listservicesas"): list_service_sas,
        },
        timing="storage",
    ),
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
ROUTES = (
    Route(
        method="POST",
        pattern="/subscriptions/{subscription}/providers/Microsoft.Storage"
        "/checkNameAvailability",
        answer=check_name,
    ),
    Route(
        method="GET",
        pattern="/subscriptions/{subscription}/providers/Microsoft.Storage/skus",
        answer=list_skus,
    ),
)
