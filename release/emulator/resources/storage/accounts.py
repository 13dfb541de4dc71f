"""Storage accounts and their keys. Of the endpoints only `blob` is served."""

from __future__ import annotations

import base64
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request, conflict
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Kind, Reply, Route, Write
from release.emulator.names import blob_suffix
from release.emulator.resources.managed_identities import check_identity
from release.emulator.resources.storage import sas
from release.emulator.resources.storage.plane import ACCOUNT, find_account
from release.emulator.store import Resource

_ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")
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
SKU_SINCE = "2016-01-01"
_KEY_BYTES = 64
MOST_ACCOUNTS = 250
"""Of a region by default (source: "Scalability targets for standard storage
accounts")."""
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
    taken = find_account(write.cloud, name)
    if write.existing is None and (taken or _elsewhere(write.cloud, name)):
        raise conflict(
            "StorageAccountAlreadyTaken",
            f"The storage account named {name} is already taken.",
        )
    check_identity(write)
    given = {k: v for k, v in (write.body.get("properties") or {}).items() if v != ""}
    sku, kind = _sku_and_kind(write, given.pop("accountType", None))
    if "keys" not in write.private:
        write.private["keys"] = [_new_key("key1"), _new_key("key2")]
    kept = write.existing.properties if write.existing else {}
    return {
        **write.body,
        "tags": write.body.get("tags") or {},
        "sku": {"name": sku, "tier": sku.partition("_")[0]},
        "kind": kind,
        "properties": {
            **_DEFAULTS,
            **given,
            "creationTime": kept.get("creationTime") or _now(),
            "primaryLocation": write.body["location"],
            "statusOfPrimary": "available",
            "primaryEndpoints": _endpoints(write.cloud, name, write.cloud.arm_origin),
        },
    }


def _sku_and_kind(write: Write, account_type: object) -> tuple[str, str]:
    """Return both; until 2016 an account had ``properties.accountType`` instead."""
    old = write.api_version < SKU_SINCE
    named = account_type if old else (write.body.get("sku") or {}).get("name")
    kind = write.body.get("kind") or ("Storage" if old else None)
    return _chosen("sku", named, _SKUS), _chosen("kind", kind, _KINDS)


def _elsewhere(cloud: Cloud, name: str) -> bool:
    """Tell whether somebody else's subscription has an account of that name."""
    return name in cloud.conditions.taken_accounts


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


def _endpoints(cloud: Cloud, name: str, origin: str) -> Body:
    """Return where the data plane is, for a client that calls us by this name."""
    suffix = blob_suffix(origin.partition("://")[2])
    if suffix:
        return {"blob": f"https://{name}.{suffix}/"}
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


def view_account(cloud: Cloud, account: Resource, call: Call) -> Body:
    """Show an account; its endpoint is where the data plane listens now."""
    properties = account.properties | {
        "primaryEndpoints": _endpoints(cloud, account.id.name, call.origin)
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
    body = call.body or {}
    key = _signing_key(call.target, body)
    token = sas.account_token(call.target.id.name, key, body)
    return Reply(body={"accountSasToken": token})


async def list_service_sas(call: Call) -> Reply:
    """Answer `ListServiceSas`."""
    body = call.body or {}
    token = sas.service_token(_signing_key(call.target, body), body)
    return Reply(body={"serviceSasToken": token})


def _signing_key(account: Resource, body: Body) -> str:
    """Return the key that `keyToSign` names, the first one by default."""
    keys: dict[str, str] = {k["keyName"]: k["value"] for k in account.private["keys"]}
    wanted = str(body.get("keyToSign") or "key1")
    if wanted not in keys:
        raise bad_request(
            "InvalidValuesForRequestParameters",
            f"Values for request parameters are invalid: keyToSign. Given '{wanted}', "
            f"this account has {', '.join(keys)}.",
            target="keyToSign",
        )
    return keys[wanted]


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
    if find_account(call.cloud, name) or _elsewhere(call.cloud, name):
        return Reply(
            body={
                "nameAvailable": False,
                "reason": "AlreadyExists",
                "message": f"The storage account named {name} is already taken.",
            }
        )
    return Reply(body={"nameAvailable": True})


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


async def list_usages(call: Call) -> Reply:
    """Tell how many accounts there are in a region, of how many there may be."""
    location = call.names["location"].lower()
    scope = ResourceId(call.names["subscription"])
    accounts = call.cloud.store.of_type(ACCOUNT, scope)
    count = len([one for one in accounts if one.body["location"] == location])
    usage = {
        "unit": "Count",
        "currentValue": count,
        "limit": call.cloud.conditions.limit("StorageAccounts", MOST_ACCOUNTS),
        "name": {"value": "StorageAccounts", "localizedValue": "Storage Accounts"},
    }
    return Reply(body={"value": [usage]})


KINDS = (
    Kind(
        type=ACCOUNT,
        prepare=prepare_account,
        remove=remove_account,
        removes_at_once=True,
        view=view_account,
        creates_with=202,
        changes_at_once=True,
        actions={
            ("POST", "listkeys"): list_keys,
            ("POST", "regeneratekey"): regenerate_key,
            ("POST", "listaccountsas"): list_account_sas,
            ("POST", "listservicesas"): list_service_sas,
        },
        timing="storage",
    ),
)
ROUTES = (
    Route(
        method="GET",
        pattern="/subscriptions/{subscription}/providers/Microsoft.Storage"
        "/locations/{location}/usages",
        answer=list_usages,
    ),
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
