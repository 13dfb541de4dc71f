"""See what an environment runs: four reading requests, none when there is nothing.

A scale set in Uniform mode tells its instances with their instance view; the load
balancer's backend pool tells the port on which each instance answers alone (source:
"Inbound NAT rules", version 2: one rule with a range of ports on a backend pool).
"""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.compute import models

from release.azure.clients import Azure
from release.azure.ids import part, resource_id
from release.azure.operations import call
from release.azure.tags import BUILD, REPAIRS, SUSPENDED
from release.deploy.deployed import ACTIONS, SCALE_IN, Deployed, Instance
from release.settings import Environment

NETWORK_API = "2024-05-01"
HTTP_PORT = 80


def observe(azure: Azure, env: Environment) -> Deployed | None:
    """Return what the scale set is to run and what its instances say of themselves.

    Returns:
        None when there is no scale set.

    Raises:
        AzureError: Azure refused to tell.
    """
    found = _scale_set(azure, env)
    if found is None:
        return None
    host = _site_host(azure, env)
    addresses = _addresses(azure, found, host)
    profile = found.virtual_machine_profile
    repairs = found.automatic_repairs_policy
    labels = found.tags or {}
    sku = found.sku
    return Deployed(
        image_id=_image_id(profile),
        build=labels.get(BUILD, ""),
        capacity=int((sku.capacity if sku else None) or 0),
        size=(sku.name if sku else None) or env.instance_size,
        repairs=bool(repairs and repairs.enabled) or labels.get(REPAIRS) == SUSPENDED,
        ssh_key=_ssh_key(profile),
        site_url=site_url(host, env.site_port) if host else "",
        instances=instances(azure, env, addresses),
        tags=dict(labels),
        policy=found.upgrade_policy.as_dict() if found.upgrade_policy else {},
        noticed=_noticed(profile),
    )


def instances(
    azure: Azure, env: Environment, addresses: dict[str, str] | None = None
) -> tuple[Instance, ...]:
    """Return the instances with model and health, by rising id. One request a page.

    Args:
        azure: Where.
        env: Names the scale set.
        addresses: ``host:port`` by instance id, as far as known.
    """
    found = call(
        azure,
        f"listing instances of {env.scale_set}",
        lambda: list(
            azure.compute.virtual_machine_scale_set_vms.list(
                env.resource_group, env.scale_set, expand="instanceView"
            )
        ),
    )
    return tuple(
        sorted(
            (
                _instance(machine, addresses or {})
                for machine in found
                if _state(machine) != "Deleting"
            ),
            key=lambda instance: (len(instance.id), instance.id),
        )
    )


def capacity(azure: Azure, env: Environment) -> int:
    """Return how many instances there are to be now, as autoscale has left it."""
    found = _scale_set(azure, env)
    return int((found.sku.capacity if found and found.sku else None) or 0)


def site_url(host: str, port: int) -> str:
    """Return the address of the site, without the port where it is HTTP's own."""
    return f"http://{host}" if port == HTTP_PORT else f"http://{host}:{port}"


def balancer_part_id(azure: Azure, env: Environment, kind: str, name: str) -> str:
    """Return the id of one of the network resources that azuredeploy.json names."""
    return resource_id(azure.subscription, env.resource_group, kind, name)


def _scale_set(azure: Azure, env: Environment) -> models.VirtualMachineScaleSet | None:
    def request() -> models.VirtualMachineScaleSet | None:
        try:
            return azure.compute.virtual_machine_scale_sets.get(
                env.resource_group, env.scale_set
            )
        except ResourceNotFoundError:
            return None

    return call(azure, f"reading scale set {env.scale_set}", request)


def _instance(
    machine: models.VirtualMachineScaleSetVM, addresses: dict[str, str]
) -> Instance:
    identifier = machine.instance_id or ""
    profile = machine.os_profile
    name = (profile.computer_name if profile else None) or machine.name or identifier
    return Instance(
        id=identifier,
        name=name,
        latest_model=bool(machine.latest_model_applied),
        health=_health(machine.instance_view),
        address=addresses.get(identifier, ""),
        protection=_protection(machine.protection_policy),
        image_id=_image_of(machine.storage_profile),
        size=(machine.sku.name if machine.sku else None) or "",
        settled=_state(machine) in ("Succeeded", "Failed"),
    )


def _state(machine: models.VirtualMachineScaleSetVM) -> str:
    return machine.provisioning_state or ""


def _protection(policy: models.VirtualMachineScaleSetVMProtectionPolicy | None) -> str:
    """Read ``protectionPolicy`` (source: "Instance protection")."""
    if policy and policy.protect_from_scale_set_actions:
        return ACTIONS
    return SCALE_IN if policy and policy.protect_from_scale_in else ""


def _health(view: models.VirtualMachineScaleSetVMInstanceView | None) -> str:
    """Read ``HealthState/healthy`` (source: "Application Health extension")."""
    health = view.vm_health if view else None
    status = health.status if health else None
    code = (status.code if status else None) or ""
    return code.rpartition("/")[2].lower() or "unknown"


def _site_host(azure: Azure, env: Environment) -> str:
    address = _generic(
        azure,
        balancer_part_id(
            azure, env, "Microsoft.Network/publicIPAddresses", f"{env.scale_set}-ip"
        ),
    )
    return str(address.get("ipAddress") or "")


def _addresses(
    azure: Azure, scale_set: models.VirtualMachineScaleSet, host: str
) -> dict[str, str]:
    pool_id = _pool_id(scale_set)
    if not pool_id or not host:
        return {}
    return ports(_generic(azure, pool_id), host)


def ports(pool: dict[str, Any], host: str) -> dict[str, str]:
    """Read where each instance answers alone from a backend pool. Pure.

    Args:
        pool: Its properties.
        host: Address of the load balancer's frontend.

    Returns:
        ``host:port`` by instance id.
    """
    found = {}
    for entry in pool.get("loadBalancerBackendAddresses") or ():
        properties = entry.get("properties") or {}
        interface = (properties.get("networkInterfaceIPConfiguration") or {}).get("id")
        mapping = properties.get("inboundNatRulesPortMapping") or ()
        instance = part(interface or "", "virtualMachines")
        if instance and mapping:
            found[instance] = f"{host}:{mapping[0]['frontendPort']}"
    return found


def _generic(azure: Azure, identifier: str) -> dict[str, Any]:
    def request() -> dict[str, Any]:
        try:
            found = azure.resources.resources.get_by_id(
                identifier, api_version=NETWORK_API
            )
        except ResourceNotFoundError:
            return {}
        return dict(found.properties or {})

    return call(azure, f"reading {identifier.rpartition('/')[2]}", request)


def _pool_id(scale_set: models.VirtualMachineScaleSet) -> str:
    profile = scale_set.virtual_machine_profile
    network = profile.network_profile if profile else None
    for interface in (
        network.network_interface_configurations if network else ()
    ) or ():
        for configuration in interface.ip_configurations or ():
            for pool in configuration.load_balancer_backend_address_pools or ():
                return pool.id or ""
    return ""


def _image_id(profile: models.VirtualMachineScaleSetVMProfile | None) -> str:
    return _image_of(profile.storage_profile if profile else None)


def _image_of(
    storage: models.VirtualMachineScaleSetStorageProfile | models.StorageProfile | None,
) -> str:
    image = storage.image_reference if storage else None
    return (image.id if image else None) or ""


def _noticed(profile: models.VirtualMachineScaleSetVMProfile | None) -> bool:
    events = profile.scheduled_events_profile if profile else None
    notice = events.terminate_notification_profile if events else None
    return bool(notice and notice.enable)


def _ssh_key(profile: models.VirtualMachineScaleSetVMProfile | None) -> str:
    system = profile.os_profile if profile else None
    linux = system.linux_configuration if system else None
    keys = (linux.ssh.public_keys if linux and linux.ssh else None) or ()
    return next((key.key_data for key in keys if key.key_data), "")
