"""One session of Azure's SDKs for Python, of any generation; prints what it saw.

The generations differ in how they sign in, in that later ones say ``begin_`` before
what takes long, and in their blob clients. Bodies are JSON, which all of them read.
Nothing of this project is imported: it runs in an environment that has the SDKs alone.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

LOCATION = "westeurope"
GROUP = "sdks"
ACCOUNT = "sdksession"
FLEET = "fleet"
ENDPOINT = json.loads(os.environ["ENDPOINT"])
SUBSCRIPTION = ENDPOINT["subscription"]
SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
OLDEST = os.environ["GENERATION"] == "track-1"


def credential() -> Any:
    """Sign in at Microsoft's own address, which the proxy sends here."""
    own = (ENDPOINT["tenant"], ENDPOINT["client_id"], ENDPOINT["client_secret"])
    if OLDEST:
        identity = importlib.import_module("azure.common.credentials")
        return identity.ServicePrincipalCredentials(
            tenant=own[0], client_id=own[1], secret=own[2]
        )
    return importlib.import_module("azure.identity").ClientSecretCredential(*own)


def client(module: str, name: str) -> Any:
    kind = getattr(importlib.import_module(f"azure.mgmt.{module}"), name)
    if OLDEST:
        made = kind(CREDENTIAL, SUBSCRIPTION, base_url=ENDPOINT["arm"])
        made.config.long_running_operation_timeout = 0.05
        return made
    return kind(
        CREDENTIAL,
        SUBSCRIPTION,
        base_url=ENDPOINT["arm"],
        polling_interval=0.05,
        retry_total=0,
    )


def done(operations: Any, name: str, *given: Any, **named: Any) -> Any:
    """Do something, and wait for its end if it is long."""
    begin = getattr(operations, f"begin_{name}", None) or getattr(operations, name)
    found = begin(*given, **named)
    return found.result() if hasattr(found, "result") else found


def refused(operations: Any, name: str, *given: Any) -> list[Any]:
    """Do what fails; return status and code of the refusal."""
    try:
        done(operations, name, *given)
    except Exception as error:  # noqa: BLE001 - each generation has its own
        told = getattr(error, "error", None)
        code = getattr(told, "code", None) or getattr(told, "error", None)
        return [(getattr(error, "response", None) or error).status_code, code]
    return []


def plain(value: Any) -> Any:
    """Return what a client keeps of a resource, without its entity tags."""
    if hasattr(value, "as_dict"):
        return plain(value.as_dict())
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items() if name != "etag"}
    return [plain(one) for one in value] if isinstance(value, list) else value


def some_of(instance_ids: list[str]) -> Any:
    """Return instances as a generation names them: a list, or a body with one."""
    return instance_ids if OLDEST else {"instanceIds": instance_ids}


CREDENTIAL = credential()
resources = client("resource", "ResourceManagementClient")
network = client("network", "NetworkManagementClient")
compute = client("compute", "ComputeManagementClient")
storage = client("storage", "StorageManagementClient")
monitor = client("monitor", "MonitorManagementClient")
saw: dict[str, Any] = {}


def balanced_network() -> tuple[str, str]:
    """Make a network and a balancer; return the ids of subnet and pool."""
    rules = done(
        network.network_security_groups,
        "create_or_update",
        GROUP,
        "nsg",
        {"location": LOCATION},
    )
    saw["default rules"] = len(rules.default_security_rules)
    inner = {
        "name": "machines",
        "properties": {
            "addressPrefix": "10.0.0.0/24",
            "networkSecurityGroup": {"id": rules.id},
        },
    }
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    properties = {"addressSpace": space, "subnets": [inner]}
    networks = network.virtual_networks
    body = {"location": LOCATION, "properties": properties}
    made = done(networks, "create_or_update", GROUP, "net", body)
    again = done(networks, "create_or_update", GROUP, "net", networks.get(GROUP, "net"))
    saw["network kept"] = plain(again) == plain(made)
    address = done(
        network.public_ip_addresses,
        "create_or_update",
        GROUP,
        "site",
        {
            "location": LOCATION,
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        },
    )
    front = {"name": "site", "properties": {"publicIPAddress": {"id": address.id}}}
    balancer = done(
        network.load_balancers,
        "create_or_update",
        GROUP,
        "lb",
        {
            "location": LOCATION,
            "sku": {"name": "Standard"},
            "properties": {
                "frontendIPConfigurations": [front],
                "backendAddressPools": [{"name": "all"}],
            },
        },
    )
    saw["network states"] = [made.provisioning_state, balancer.provisioning_state]
    return made.subnets[0].id, balancer.backend_address_pools[0].id


def fleet(subnet: str, pool: str) -> dict[str, Any]:
    place = {
        "subnet": {"id": subnet},
        "loadBalancerBackendAddressPools": [{"id": pool}],
    }
    addressed = [{"name": "ip", "properties": place}]
    interface = {"primary": True, "ipConfigurations": addressed}
    return {
        "location": LOCATION,
        "sku": {"name": "Standard_B2s", "tier": "Standard", "capacity": 2},
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "upgradePolicy": {"mode": "Manual"},
            "overprovision": False,
            "virtualMachineProfile": {
                "osProfile": {
                    "computerNamePrefix": "sdk",
                    "adminUsername": "operator",
                    "adminPassword": "Correct-Horse-9",
                },
                "storageProfile": {
                    "imageReference": {
                        "publisher": "Debian",
                        "offer": "debian-12",
                        "sku": "12-gen2",
                        "version": "latest",
                    },
                    "osDisk": {"createOption": "FromImage"},
                },
                "networkProfile": {
                    "networkInterfaceConfigurations": [
                        {"name": "nic", "properties": interface}
                    ]
                },
            },
        },
    }


def scale_set(subnet: str, pool: str) -> None:
    sets = compute.virtual_machine_scale_sets
    instances = compute.virtual_machine_scale_set_vms
    made = done(sets, "create_or_update", GROUP, FLEET, fleet(subnet, pool))
    saw["fleet"] = [made.provisioning_state, made.sku.capacity, made.identity.type]
    again = done(sets, "create_or_update", GROUP, FLEET, sets.get(GROUP, FLEET))
    saw["fleet kept"] = plain(again) == plain(made)
    done(sets, "update", GROUP, FLEET, {"tags": {"by": "sdks"}})
    saw["tags"] = sets.get(GROUP, FLEET).tags
    done(sets, "update", GROUP, FLEET, {"sku": {"name": "Standard_B2s", "capacity": 3}})
    there = list(instances.list(GROUP, FLEET, expand="instanceView"))
    saw["latest"] = [one.latest_model_applied for one in there]
    saw["codes"] = sorted({s.code for one in there for s in one.instance_view.statuses})
    ids = sorted(one.instance_id for one in there)
    done(sets, "update_instances", GROUP, FLEET, some_of(ids))
    for action in ("restart", "power_off", "start", "deallocate", "start", "reimage"):
        done(instances, action, GROUP, FLEET, ids[0])
    ran = done(
        instances,
        "run_command",
        GROUP,
        FLEET,
        ids[0],
        {"commandId": "RunShellScript", "script": ["echo told"]},
    )
    saw["ran"] = "told" in ran.value[0].message
    view = sets.get_instance_view(GROUP, FLEET)
    summary = view.virtual_machine.statuses_summary
    saw["summary"] = {one.code: one.count for one in summary}
    saw["history"] = len(list(sets.get_os_upgrade_history(GROUP, FLEET)))
    done(sets, "delete_instances", GROUP, FLEET, some_of(ids[:1]))
    saw["left"] = sets.get(GROUP, FLEET).sku.capacity


def autoscale() -> None:
    capacity = {"minimum": "1", "maximum": "5", "default": "1"}
    body = {
        "location": LOCATION,
        "properties": {
            "targetResourceUri": f"{SCOPE}/providers/Microsoft.Compute"
            f"/virtualMachineScaleSets/{FLEET}",
            "profiles": [{"name": "usual", "capacity": capacity, "rules": []}],
        },
    }
    settings = monitor.autoscale_settings
    made = settings.create_or_update(GROUP, "auto", body)
    saw["autoscale"] = made.profiles[0].capacity.maximum
    settings.delete(GROUP, "auto")


def account_key() -> str:
    accounts = storage.storage_accounts
    body = {
        "location": LOCATION,
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    made = done(accounts, "create", GROUP, ACCOUNT, body)
    change = {"properties": {"accessTier": "Cool"}}
    changed = accounts.update(GROUP, ACCOUNT, change)
    saw["account"] = [made.provisioning_state, changed.provisioning_state]
    found: str = accounts.list_keys(GROUP, ACCOUNT).keys[0].value
    return found


def blobs_of_2019(key: str) -> None:
    blob = importlib.import_module("azure.storage.blob")
    service = blob.BlockBlobService(
        account_name=ACCOUNT,
        account_key=key,
        custom_domain=f"{ENDPOINT['blob'].partition('://')[2]}/{ACCOUNT}",
    )
    service.create_container("box")
    for name in ("dir/one", "two"):
        service.create_blob_from_text("box", name, name, metadata={"by": "sdks"})
    found = service.get_blob_to_text("box", "dir/one")
    saw["blob"] = [found.content, found.metadata["by"]]
    names = [one.name for one in service.list_blobs("box", delimiter="/")]
    saw["blobs"] = sorted(names)
    service.acquire_blob_lease("box", "two", 15)
    saw["leased"] = refused(service, "delete_blob", "box", "two")[:1]
    service.break_blob_lease("box", "two", 0)
    service.delete_container("box")


def blobs(key: str) -> None:
    blob = importlib.import_module("azure.storage.blob")
    service = blob.BlobServiceClient(
        f"{ENDPOINT['blob']}/{ACCOUNT}", credential=key, retry_total=0
    )
    box = service.create_container("box")
    for name in ("dir/one", "two"):
        box.upload_blob(name, name.encode(), metadata={"by": "sdks"})
    one = box.get_blob_client("dir/one")
    signature = blob.generate_blob_sas(
        ACCOUNT,
        "box",
        "dir/one",
        account_key=key,
        permission="r",
        expiry=datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1),
    )
    reader = blob.BlobClient.from_blob_url(f"{one.url}?{signature}")
    content = reader.download_blob().readall().decode()
    saw["blob"] = [content, one.get_blob_properties().metadata["by"]]
    saw["blobs"] = sorted(one.name for one in box.walk_blobs())
    two = box.get_blob_client("two")
    lease = two.acquire_lease(15)
    saw["leased"] = refused(two, "delete_blob")[:1]
    lease.release()
    box.delete_blobs("dir/one", "two")
    saw["emptied"] = list(box.list_blobs()) == []
    service.delete_container("box")


groups = resources.resource_groups
groups.create_or_update(GROUP, {"location": LOCATION})
saw["exists"] = groups.check_existence(GROUP)
saw["providers"] = "Microsoft.Compute" in [
    one.namespace for one in resources.providers.list()
]
scale_set(*balanced_network())
autoscale()
(blobs_of_2019 if OLDEST else blobs)(account_key())
saw["absent"] = refused(compute.virtual_machines, "get", GROUP, "nobody")
kinds = {one.type for one in resources.resources.list_by_resource_group(GROUP)}
saw["kinds"] = sorted(kind.partition("/")[2] for kind in kinds)
done(groups, "delete", GROUP)
saw["exists still"] = groups.check_existence(GROUP)
json.dump(saw, sys.stdout)
