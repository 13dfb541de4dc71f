"""Load balancers: frontends, pools, rules, probes, NAT, each a resource too."""

from __future__ import annotations

import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Accepted, Body, Call, Kind, Reply, Write
from release.emulator.resources.network.attachments import (
    attachments,
    key_of,
    keys_of,
    model_configurations,
)
from release.emulator.resources.network.balancer_checks import (
    check_claims,
    check_frontend,
    check_nat_pool,
    check_nat_rule,
    check_outbound,
    check_pool,
    check_probe,
    check_rule,
)
from release.emulator.resources.network.balancer_views import (
    show_frontend,
    show_nat_rule,
    show_pool,
    show_probe,
    users,
)
from release.emulator.resources.network.balancing import balance, balance_the_rest
from release.emulator.resources.network.checks import (
    LOAD_BALANCER,
    one_of,
    referenced,
)
from release.emulator.resources.network.interfaces import leave_lost
from release.emulator.resources.network.nat_ports import mapped_ports, rules_of_pools
from release.emulator.resources.network.nested import (
    Nested,
    arrange,
    check_name,
    show_arrays,
)
from release.emulator.store import Resource

_REFERENCES = ("loadBalancerBackendAddressPools", "loadBalancerInboundNatPools")


async def refresh(cloud: Cloud, part: Resource) -> None:
    """Bring the balancer in line with a part that was written, or that goes."""
    if part.state == "Deleting":
        await balance_the_rest(cloud)
        _leave_lost(cloud, part.id.parent)
    else:
        await balance(cloud, part.id)


def _leave_lost(cloud: Cloud, balancer: ResourceId) -> None:
    """Let no interface refer to a pool or NAT rule that is gone or goes."""
    parts = (*POOLS.all_in(cloud, balancer), *NAT_RULES.all_in(cloud, balancer))
    there = {part.id.key for part in parts if part.state != "Deleting"}
    leave_lost(cloud, balancer, there)


def _refuse_pool(cloud: Cloud, pool: Resource) -> None:
    balancer = cloud.get(pool.id.parent)
    rules = [
        rule
        for array in ("loadBalancingRules", "inboundNatRules", "outboundRules")
        for rule in users(balancer, array, str(pool.id))
    ]
    if rules:
        raise bad_request(
            "BackendAddressPoolInUseByLoadBalancingRule",
            f"Backend address pool {pool.id} cannot be deleted: {', '.join(rules)} "
            "use it.",
        )
    _refuse_lost(cloud, kept=set(), lost={pool.id.key})


def _refuse_lost(cloud: Cloud, *, kept: set[str], lost: set[str]) -> None:
    for scale_set, properties in model_configurations(cloud):
        pools = keys_of(properties.get("loadBalancerBackendAddressPools"))
        nat_pools = keys_of(properties.get("loadBalancerInboundNatPools"))
        for key in (lost - kept) & {*pools, *nat_pools}:
            nat = key in nat_pools
            what = "inbound nat pool" if nat else "backend address pool"
            code = "InboundNatPool" if nat else "BackendAddressPool"
            raise bad_request(
                f"LoadBalancer{code}InUseByVirtualMachineScaleSet",
                f"Cannot remove {what} {key.rpartition('/')[2]} from load balancer "
                f"since it is in use by virtual machine scale set {scale_set.id}.",
            )


def refuse_removal(cloud: Cloud, resource: Resource) -> None:
    """Raise the error for a balancer that a scale set refers to."""
    for scale_set, properties in model_configurations(cloud):
        used = {
            parse(key).name
            for name in (
                "loadBalancerBackendAddressPools",
                "loadBalancerInboundNatPools",
            )
            for key in keys_of(properties.get(name))
            if parse(key).under(resource.id)
        }
        if used:
            raise bad_request(
                "LoadBalancerInUseByVirtualMachineScaleSet",
                f"Cannot delete load balancer {resource.id} since its child resources "
                f"{', '.join(sorted(used))} are in use by virtual machine scale set "
                f"{scale_set.id}.",
            )


async def query_port_mapping(call: Call) -> Reply | Accepted:
    """Answer which frontend ports lead to one IP configuration or address."""
    body = call.body or {}
    wanted = key_of(body.get("ipConfiguration"))
    address = body.get("ipAddress")
    pool = call.target
    balancer = call.cloud.get(pool.id.parent)
    for attachment in attachments(call.cloud):
        if attachment.id.lower() == wanted or attachment.address == address:
            found = mapped_ports(balancer, attachment, str(pool.id))
            return Reply(body={"inboundNatRulePortMappings": found})
    raise ArmError(
        404, "NotFound", f"{wanted or address} is not in the pool {pool.id}."
    )


FRONTENDS = Nested(
    parent=LOAD_BALANCER,
    name="frontendIPConfigurations",
    check=check_frontend,
    show=show_frontend,
    writable=False,
)
POOLS = Nested(
    parent=LOAD_BALANCER,
    name="backendAddressPools",
    check=check_pool,
    show=show_pool,
    refuse_removal=_refuse_pool,
    changed=refresh,
    actions={("POST", "queryinboundnatruleportmapping"): query_port_mapping},
)
PROBES = Nested(
    parent=LOAD_BALANCER,
    name="probes",
    check=check_probe,
    show=show_probe,
    writable=False,
)
RULES = Nested(
    parent=LOAD_BALANCER, name="loadBalancingRules", check=check_rule, writable=False
)
NAT_RULES = Nested(
    parent=LOAD_BALANCER,
    name="inboundNatRules",
    check=check_nat_rule,
    check_all=check_claims,
    show=show_nat_rule,
    changed=refresh,
)
NAT_POOLS = Nested(
    parent=LOAD_BALANCER, name="inboundNatPools", check=check_nat_pool, writable=False
)
OUTBOUND_RULES = Nested(
    parent=LOAD_BALANCER, name="outboundRules", check=check_outbound, writable=False
)
ARRAYS = (FRONTENDS, POOLS, PROBES, RULES, NAT_RULES, NAT_POOLS, OUTBOUND_RULES)


def prepare(write: Write) -> Body:
    """Check a load balancer and all of its parts."""
    check_name(write.id.name)
    sku = write.body.setdefault("sku", {"name": "Basic"}) or {}
    one_of(sku, "name", ("Basic", "Standard", "Gateway"), of=write.id)
    sku.setdefault("tier", "Regional")
    write.body["sku"] = sku
    properties: Body = write.body.setdefault("properties", {})
    before = write.existing.properties if write.existing else {}
    properties["resourceGuid"] = before.get("resourceGuid") or str(uuid.uuid4())
    _forget_shown_rules(properties)
    arrange(write, ARRAYS)
    for frontend in properties["frontendIPConfigurations"]:
        _check_sku(write, frontend)
    if write.existing:
        lost, kept = (
            {
                e["id"].lower()
                for a in (POOLS, NAT_POOLS)
                for e in body.get(a.name) or ()
            }
            for body in (write.existing.properties, properties)
        )
        _refuse_lost(write.cloud, kept=kept, lost=lost)
    return write.body


def _forget_shown_rules(properties: Body) -> None:
    """Drop the NAT rules that were shown for a NAT pool's instances."""
    pools = [pool.get("name") for pool in properties.get("inboundNatPools") or ()]
    properties["inboundNatRules"] = [
        rule
        for rule in properties.get("inboundNatRules") or ()
        if str(rule.get("name")).rpartition(".")[0] not in pools
    ]


def _check_sku(write: Write, frontend: Body) -> None:
    reference = frontend["properties"].get("publicIPAddress")
    address = referenced(write.cloud, reference, by=write.id)
    if address is None:
        return
    ours, theirs = write.body["sku"]["name"], address.body["sku"]["name"]
    if (ours == "Basic") != (theirs == "Basic"):
        raise bad_request(
            "PublicIPAndLBSkuDoNotMatch",
            f"{ours} sku load balancer {write.id} cannot reference {theirs} sku "
            f"publicIP {address.id}.",
        )


def view(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show a balancer with what is behind it."""
    body = show_arrays(cloud, resource, ARRAYS)
    shown = rules_of_pools(resource, attachments(cloud))
    body["properties"]["inboundNatRules"] += [
        {**rule, "etag": resource.etag} for rule in shown
    ]
    return body


async def list_interfaces(call: Call) -> Reply:
    """List the network interfaces behind a balancer, those of instances as well."""
    cloud, pools = call.cloud, f"{call.target.id.key}/backendaddresspools/"
    behind = dict.fromkeys(
        one.interface
        for one in attachments(cloud)
        if any(pool.startswith(pools) for pool in one.pools)
    )
    interfaces = [cloud.get(parse(text)) for text in behind]
    return Reply(body={"value": [cloud.show(one, call) for one in interfaces]})


async def apply(cloud: Cloud, resource: Resource, _before: Body | None) -> None:
    """Balance as written."""
    _leave_lost(cloud, resource.id)
    await balance(cloud, resource.id)


async def remove(cloud: Cloud, resource: Resource) -> None:
    """Stop balancing; the resource is marked as leaving already."""
    await balance_the_rest(cloud)
    leave_lost(cloud, resource.id, there=set())


KINDS = (
    Kind(
        type=LOAD_BALANCER,
        prepare=prepare,
        apply=apply,
        refuse_removal=refuse_removal,
        remove=remove,
        view=view,
        actions={("GET", "networkinterfaces"): list_interfaces},
        timing="network",
    ),
    *(array.kind for array in ARRAYS),
)
