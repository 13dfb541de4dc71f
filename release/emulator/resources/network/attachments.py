"""What hangs on the network: the IP configurations of machines and instances.

One view over network interfaces and over the instances of scale sets, which have
none of their own: who has which address, in which subnet, behind which pool. All
that Azure shows as a back-reference is computed from it; nothing is kept twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from release.emulator.cloud import Cloud
from release.emulator.ids import parse
from release.emulator.kinds import Body
from release.emulator.store import Resource

INTERFACE = "Microsoft.Network/networkInterfaces"
INSTANCE = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """One IP configuration. Ids of other resources are in lower case.

    Args:
        id: The IP configuration's own id, as spelled.
        interface: Id of its network interface, as spelled.
        owner: Id of the machine or instance that has it; "" for a free interface.
        machine: What tells that machine from any other, also from a later one of
            the same id.
        address: Its private address.
        public_address: Id of its public address.
        leaving: Whether its machine is being deleted.
    """

    id: str
    interface: str
    owner: str = ""
    machine: str = ""
    address: str
    subnet: str
    security_group: str = ""
    public_address: str = ""
    pools: tuple[str, ...] = ()
    nat_rules: tuple[str, ...] = ()
    nat_pools: tuple[str, ...] = ()
    leaving: bool = False

    @property
    def of_scale_set(self) -> bool:
        """Whether it belongs to an instance of a scale set."""
        return bool(self.owner) and self.interface.startswith(self.owner + "/")

    @property
    def scale_set(self) -> str:
        """Id of the scale set, as spelled."""
        return self.owner.rpartition("/virtualMachines/")[0]

    @property
    def instance(self) -> str:
        """Number of the instance in its scale set."""
        return self.owner.rpartition("/")[2]


def attachments(cloud: Cloud) -> Iterator[Attachment]:
    """Yield all IP configurations that there are, oldest first."""
    for interface in cloud.store.of_type(INTERFACE):
        yield from _of_interface(cloud, interface)
    for instance in cloud.store.of_type(INSTANCE):
        yield from _of_instance(instance)


def _of_interface(cloud: Cloud, interface: Resource) -> Iterator[Attachment]:
    owner = (interface.properties.get("virtualMachine") or {}).get("id", "")
    machine = cloud.store.get(parse(owner)) if owner else None
    for configuration in interface.properties["ipConfigurations"]:
        yield _attachment(
            f"{interface.id}/ipConfigurations/{configuration['name']}",
            str(interface.id),
            configuration["properties"],
            owner=owner,
            machine=machine,
            address=configuration["properties"]["privateIPAddress"],
            group=interface.properties.get("networkSecurityGroup"),
        )


def _of_instance(instance: Resource) -> Iterator[Attachment]:
    for interface in interface_configurations(instance):
        base = f"{instance.id}/networkInterfaces/{interface['name']}"
        for configuration in interface["properties"]["ipConfigurations"]:
            yield _attachment(
                f"{base}/ipConfigurations/{configuration['name']}",
                base,
                configuration.get("properties") or {},
                owner=str(instance.id),
                machine=instance,
                address=instance.private.get("address", ""),
                group=interface["properties"].get("networkSecurityGroup"),
            )


def interface_configurations(instance: Resource) -> list[Body]:
    """Return the network interface configurations that an instance was made with."""
    profile = instance.properties.get("networkProfileConfiguration") or {}
    found: list[Body] = profile.get("networkInterfaceConfigurations") or []
    return found


def _attachment(
    own: str,
    interface: str,
    properties: Body,
    *,
    owner: str,
    machine: Resource | None,
    address: str,
    group: Body | None,
) -> Attachment:
    return Attachment(
        id=own,
        interface=interface,
        owner=owner,
        machine=machine.private.get("machine", owner) if machine else owner,
        address=address,
        subnet=key_of(properties.get("subnet")),
        security_group=key_of(group),
        public_address=key_of(properties.get("publicIPAddress")),
        pools=keys_of(properties.get("loadBalancerBackendAddressPools")),
        nat_rules=keys_of(properties.get("loadBalancerInboundNatRules")),
        nat_pools=keys_of(properties.get("loadBalancerInboundNatPools")),
        leaving=machine is not None and machine.state == "Deleting",
    )


def model_configurations(cloud: Cloud) -> Iterator[tuple[Resource, Body]]:
    """Yield scale sets with each IP configuration of their model."""
    for scale_set in cloud.store.of_type(SCALE_SET):
        profile = scale_set.properties.get("virtualMachineProfile") or {}
        network = profile.get("networkProfile") or {}
        for interface in network.get("networkInterfaceConfigurations") or ():
            for configuration in interface["properties"]["ipConfigurations"]:
                yield scale_set, configuration.get("properties") or {}


def key_of(reference: Body | None) -> str:
    """Return the id of a ``{"id": ...}`` in lower case; "" for none."""
    return str((reference or {}).get("id") or "").lower()


def keys_of(references: Iterable[Body] | None) -> tuple[str, ...]:
    """Return the ids of a list of references, in lower case."""
    return tuple(key_of(reference) for reference in references or ())
