"""Which frontend port of a NAT rule or pool leads to which instance.

A port is given once and kept as long as its instance is there: so what a client
learned from one answer stays true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Body
from release.emulator.resources.network.attachments import Attachment, key_of
from release.emulator.store import Resource


def assign(
    kept: Mapping[str, int], members: Sequence[str], first: int, last: int
) -> dict[str, int]:
    """Give each member a port: the one that it has, else the lowest free one.

    Args:
        kept: Ports given before.
        members: Who shall have one; in the order in which they came.
        first: Lowest port.
        last: Highest port.

    Returns:
        Ports by member; a member is missing when no port was left.
    """
    ports = {m: kept[m] for m in members if first <= kept.get(m, 0) <= last}
    taken = set(ports.values())
    free = (port for port in range(first, last + 1) if port not in taken)
    for member in members:
        if member not in ports and (port := next(free, None)) is not None:
            ports[member] = port
    return ports


def ranged_rules(balancer: Resource) -> Iterator[Body]:
    """Yield the rules and pools that have a range of ports, not a single one."""
    for array in ("inboundNatRules", "inboundNatPools"):
        for rule in balancer.properties.get(array) or ():
            if rule["properties"].get("frontendPortRangeStart"):
                yield rule


def behind(rule: Body, found: Iterable[Attachment]) -> list[Attachment]:
    """Return those that a ranged rule or pool leads to."""
    own = rule["id"].lower()
    pool = key_of(rule["properties"].get("backendAddressPool"))
    return [
        attachment
        for attachment in found
        if attachment.owner
        and (own in attachment.nat_pools or pool in attachment.pools)
    ]


def assign_ports(cloud: Cloud, balancer: Resource, found: Sequence[Attachment]) -> None:
    """Bring the ports of a balancer's ranged rules up to date, and keep them.

    Raises:
        ArmError: A range is too short. The ports that there are have been given.
    """
    before = balancer.private.get("ports", {})
    after, short = {}, []
    for rule in ranged_rules(balancer):
        members = [attachment.id.lower() for attachment in behind(rule, found)]
        values = rule["properties"]
        first, last = values["frontendPortRangeStart"], values["frontendPortRangeEnd"]
        name = rule["id"].lower()
        after[name] = assign(before.get(name, {}), members, first, last)
        if len(after[name]) < len(members):
            short.append((rule, len(members), last - first + 1))
    if after != before:
        balancer.private["ports"] = after
        cloud.store.save(balancer)
    for rule, wanted, there in short:
        raise bad_request(
            "InboundNatRuleFrontendPortRangeExhausted",
            f"{rule['id']} has {there} frontend ports for {wanted} instances.",
        )


def port_of(balancer: Resource, rule: Body, attachment: Attachment) -> int | None:
    """Return the port that leads to an IP configuration; None when there is none."""
    ports = balancer.private.get("ports", {}).get(rule["id"].lower(), {})
    found: int | None = ports.get(attachment.id.lower())
    return found


def mapped_ports(
    balancer: Resource, attachment: Attachment, pool: str
) -> list[dict[str, object]]:
    """Return the ports of a pool's NAT rules that lead to one member, as shown."""
    found: list[dict[str, object]] = []
    for rule in ranged_rules(balancer):
        values = rule["properties"]
        port = port_of(balancer, rule, attachment)
        if port and key_of(values.get("backendAddressPool")) == pool.lower():
            found.append(
                {
                    "inboundNatRuleName": rule["name"],
                    "protocol": values["protocol"],
                    "frontendPort": port,
                    "backendPort": values["backendPort"],
                }
            )
    return found


def rule_of_pool(pool: ResourceId, instance: str) -> str:
    """Return the id of the rule that is shown for an instance of a NAT pool."""
    return f"{pool.parent}/inboundNatRules/{pool.name}.{instance}"


def rules_of_pools(balancer: Resource, found: Iterable[Attachment]) -> Iterator[Body]:
    """Yield the rules that Azure shows for the instances of a NAT pool."""
    members = list(found)
    for pool in balancer.properties.get("inboundNatPools") or ():
        for attachment in behind(pool, members):
            port = port_of(balancer, pool, attachment)
            if port is None:
                continue
            own = rule_of_pool(parse(pool["id"]), attachment.instance)
            kept = ("frontendIPConfiguration", "protocol", "backendPort")
            values = pool["properties"]
            yield {
                "id": own,
                "name": own.rpartition("/")[2],
                "type": "Microsoft.Network/loadBalancers/inboundNatRules",
                "properties": {
                    "provisioningState": "Succeeded",
                    **{key: values[key] for key in kept},
                    "frontendPort": port,
                    "enableFloatingIP": False,
                    "idleTimeoutInMinutes": values["idleTimeoutInMinutes"],
                    "backendIPConfiguration": {"id": attachment.id},
                },
            }
