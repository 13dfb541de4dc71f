"""What a load balancer's parts show of what is behind and before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from release.emulator.cloud import Cloud
from release.emulator.ids import parse
from release.emulator.kinds import Body
from release.emulator.resources.network.attachments import (
    Attachment,
    attachments,
    keys_of,
)
from release.emulator.resources.network.nat_ports import mapped_ports
from release.emulator.store import Resource


def show_pool(cloud: Cloud, pool: Body) -> Body:
    """Show a pool with its members, and the ports that lead to each alone."""
    balancer = cloud.store.get(parse(pool["id"]).parent)
    members = [a for a in attachments(cloud) if pool["id"].lower() in a.pools]
    given = pool["properties"].get("loadBalancerBackendAddresses") or []
    by_name = {address["name"]: address for address in given}
    shown = [one for one in given if (one.get("properties") or {}).get("ipAddress")]
    for member in members:
        name = backend_name(member)
        kept = (by_name.get(name) or {}).get("properties") or {}
        properties = {
            "networkInterfaceIPConfiguration": {"id": member.id},
            "adminState": kept.get("adminState", "None"),
        }
        mapped = mapped_ports(balancer, member, pool["id"]) if balancer else []
        if mapped:
            properties["inboundNatRulesPortMapping"] = [
                {key: value for key, value in one.items() if key != "protocol"}
                for one in mapped
            ]
        shown.append(
            {"id": f"{pool['id']}/{name}", "name": name, "properties": properties}
        )
    pool["properties"]["loadBalancerBackendAddresses"] = shown
    _refer(pool, "backendIPConfigurations", (member.id for member in members))
    for array in ("loadBalancingRules", "inboundNatRules", "outboundRules"):
        _refer(pool, array, users(balancer, array, pool["id"]))
    return pool


def backend_name(member: Attachment) -> str:
    """Return the name by which a pool shows a member."""
    words = member.id.split("/")
    names = words[4:5] + words[8::2]
    return "_".join(names)


def show_frontend(cloud: Cloud, frontend: Body) -> Body:
    """Show a frontend with the rules that use it."""
    balancer = cloud.store.get(parse(frontend["id"]).parent)
    for array in (
        "loadBalancingRules",
        "inboundNatRules",
        "inboundNatPools",
        "outboundRules",
    ):
        _refer(frontend, array, users(balancer, array, frontend["id"]))
    return frontend


def show_probe(cloud: Cloud, probe: Body) -> Body:
    """Show a probe with the rules that use it."""
    balancer = cloud.store.get(parse(probe["id"]).parent)
    rules = users(balancer, "loadBalancingRules", probe["id"])
    _refer(probe, "loadBalancingRules", rules)
    return probe


def show_nat_rule(cloud: Cloud, rule: Body) -> Body:
    """Show a NAT rule with the IP configuration that it leads to."""
    rule["properties"].pop("backendIPConfiguration", None)
    for attachment in attachments(cloud):
        if rule["id"].lower() in attachment.nat_rules:
            rule["properties"]["backendIPConfiguration"] = {"id": attachment.id}
    return rule


def users(balancer: Resource | None, array: str, wanted: str) -> Iterator[str]:
    """Yield the ids of a balancer's rules that refer to one of its parts."""
    for rule in balancer.properties.get(array) or () if balancer else ():
        values = rule["properties"]
        references = (
            values.get("frontendIPConfiguration"),
            values.get("backendAddressPool"),
            values.get("probe"),
            *(values.get("backendAddressPools") or ()),
            *(values.get("frontendIPConfigurations") or ()),
        )
        if wanted.lower() in keys_of(references):
            yield rule["id"]


def _refer(element: Body, name: str, ids: Iterable[str]) -> None:
    element["properties"].pop(name, None)
    found = [{"id": one} for one in ids]
    if found:
        element["properties"][name] = found
