"""From load balancers and what is behind them to what HAProxy shall do.

`desired` reads the store and changes nothing but the ports that NAT rules gave.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial

from release.emulator.balancer import (
    AddressTaken,
    BalancerError,
    Distribution,
    Frontend,
    Probe,
    Protocol,
    Server,
)
from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Body
from release.emulator.resources.network.attachments import (
    Attachment,
    attachments,
    key_of,
    keys_of,
)
from release.emulator.resources.network.balancer_views import backend_name
from release.emulator.resources.network.checks import LOAD_BALANCER
from release.emulator.resources.network.nat_ports import (
    assign_ports,
    behind,
    port_of,
    ranged_rules,
)
from release.emulator.store import Resource

log = logging.getLogger(__name__)

# A probe that is not answered within its interval and 30 s has failed:
# https://learn.microsoft.com/azure/load-balancer/load-balancer-custom-probe-overview
_LONGEST_PROBE_S = 30.0


SSH_PORT = 22
"""What NAT rules lead to; where it cannot be had, machines have another."""
BY_HOST = ("AddressInUse", "BalancerFailed")
"""Codes of what this computer keeps the balancer from, and Azure knows not."""


async def restore(cloud: Cloud) -> None:
    """Balance what was balanced before, and keep it in line from now on."""
    cloud.refresh_network = partial(follow, cloud)
    # The resources are there and can be mended; the next write says it again.
    await balance_the_rest(cloud)


async def follow(cloud: Cloud) -> None:
    """Bring the balancer in line, as far as this computer lets it.

    What a load balancer cannot do is told to whoever writes the load balancer.

    Raises:
        ArmError: A NAT rule has too few ports.
    """
    for error in (await _refresh(cloud)).values():
        if error.code not in BY_HOST:
            raise error
        _log(error)


async def balance(cloud: Cloud, written: ResourceId) -> None:
    """Bring the balancer in line after a write of a load balancer or a part of one.

    Raises:
        ArmError: In what was written another program has a frontend's address and
            port, or a NAT rule has too few ports. All that can be balanced is.
    """
    for concerned, error in (await _refresh(cloud)).items():
        if _one_in_the_other(concerned, written.key):
            raise error
        _log(error)


async def balance_the_rest(cloud: Cloud) -> None:
    """Bring the balancer in line when something goes: no frontend hinders that."""
    for error in (await _refresh(cloud)).values():
        _log(error)


def _one_in_the_other(one: str, other: str) -> bool:
    one, other = f"{one}/", f"{other}/"
    return one.startswith(other) or other.startswith(one)


def _log(error: ArmError) -> None:
    log.warning("The load balancer cannot do all that it should: %s", error.message)


async def _refresh(cloud: Cloud) -> dict[str, ArmError]:
    """Bring the balancer in line with the resources, as far as can be.

    Returns:
        What cannot be done, by the id in lower case of the load balancer or the rule
        that it concerns; "" for all of them.
    """
    problems = {}
    found = list(attachments(cloud))
    for balancer in _balancers(cloud):
        try:
            assign_ports(cloud, balancer, found)
        except ArmError as error:
            problems[balancer.id.key] = error
    return problems | await _listen(cloud)


async def _listen(cloud: Cloud) -> dict[str, ArmError]:
    """Balance at all addresses but those that are taken; return why not there."""
    taken: dict[tuple[str, int], ArmError] = {}
    while True:
        wanted = desired(cloud)
        free = tuple(f for f in wanted if (f.address, f.port) not in taken)
        try:
            await cloud.balancer.apply(free)
        except AddressTaken as error:
            at = (error.address, error.port)
            if at in taken:
                return {"": _by_host(error)}
            taken[at] = _by_host(error)
        except BalancerError as error:
            return {"": _by_host(error)}
        else:
            return {
                frontend.name.partition(":")[0]: taken[frontend.address, frontend.port]
                for frontend in set(wanted) - set(free)
            }


def _by_host(error: BalancerError) -> ArmError:
    code = BY_HOST[0 if isinstance(error, AddressTaken) else 1]
    return ArmError(409, code, f"{error.what} To mend it: {error.fix}.")


def _balancers(cloud: Cloud) -> list[Resource]:
    found = cloud.store.of_type(LOAD_BALANCER)
    return [balancer for balancer in found if balancer.state != "Deleting"]


def desired(cloud: Cloud) -> tuple[Frontend, ...]:
    """Return what shall be balanced now."""
    found = [a for a in attachments(cloud) if a.owner]
    return tuple(
        frontend
        for balancer in _balancers(cloud)
        for frontend in _frontends(cloud, balancer, found)
    )


def _frontends(
    cloud: Cloud, balancer: Resource, found: Sequence[Attachment]
) -> Iterator[Frontend]:
    for rule in _in_force(balancer, "loadBalancingRules"):
        yield from _balanced(cloud, balancer, rule, found)
    for rule in ranged_rules(balancer):
        if rule["properties"].get("provisioningState") == "Deleting":
            continue
        for attachment in behind(rule, found):
            port = port_of(balancer, rule, attachment)
            if port:
                yield from _translated(cloud, balancer, rule, port, attachment)
    for rule in _in_force(balancer, "inboundNatRules"):
        port = rule["properties"].get("frontendPort")
        for attachment in found:
            if port and rule["id"].lower() in attachment.nat_rules:
                yield from _translated(cloud, balancer, rule, port, attachment)


def _in_force(balancer: Resource, array: str) -> Iterator[Body]:
    for rule in balancer.properties.get(array) or ():
        if rule["properties"].get("provisioningState") != "Deleting":
            yield rule


def _balanced(
    cloud: Cloud, balancer: Resource, rule: Body, found: Sequence[Attachment]
) -> Iterator[Frontend]:
    values = rule["properties"]
    address = _address(cloud, balancer, values)
    if not address:
        return
    port = values["frontendPort"]
    to = port if values.get("enableFloatingIP") else values["backendPort"]
    sticky = values["loadDistribution"] != "Default"
    yield Frontend(
        name=rule["id"].lower(),
        address=address,
        port=port,
        servers=tuple(_servers(balancer, values, to, found)),
        probe=_probe(cloud, balancer, values),
        distribution=Distribution.SOURCE if sticky else Distribution.FLOW,
        idle_timeout_s=60.0 * values["idleTimeoutInMinutes"],
    )


def _translated(
    cloud: Cloud, balancer: Resource, rule: Body, port: int, attachment: Attachment
) -> Iterator[Frontend]:
    values = rule["properties"]
    address = _address(cloud, balancer, values)
    inside = values["backendPort"]
    if inside == SSH_PORT:
        inside = cloud.machines.ssh_port
    if address:
        yield Frontend(
            name=f"{rule['id'].lower()}:{port}",
            address=address,
            port=port,
            servers=(_server(attachment, inside),),
            idle_timeout_s=60.0 * values["idleTimeoutInMinutes"],
        )


def _address(cloud: Cloud, balancer: Resource, values: Body) -> str:
    wanted = key_of(values.get("frontendIPConfiguration"))
    for frontend in balancer.properties.get("frontendIPConfigurations") or ():
        if frontend["id"].lower() != wanted:
            continue
        public = frontend["properties"].get("publicIPAddress")
        if public:
            resource = cloud.store.get(parse(public["id"]))
            return str(resource.private["address"]) if resource else ""
        return str(frontend["properties"].get("privateIPAddress", ""))
    return ""


def _probe(cloud: Cloud, balancer: Resource, values: Body) -> Probe | None:
    wanted = key_of(values.get("probe"))
    for probe in balancer.properties.get("probes") or ():
        if probe["id"].lower() == wanted:
            found = probe["properties"]
            interval_s = found["intervalInSeconds"]
            return Probe(
                protocol=Protocol(found["protocol"]),
                port=found["port"],
                path=found.get("requestPath") or "/",
                interval_s=cloud.pace.interval(interval_s),
                eager_interval_s=cloud.pace.eager_interval(interval_s),
                timeout_s=min(interval_s, _LONGEST_PROBE_S),
                threshold=found["probeThreshold"],
            )
    return None


def _servers(
    balancer: Resource, values: Body, port: int, found: Sequence[Attachment]
) -> Iterator[Server]:
    wanted = set(keys_of(values.get("backendAddressPools")))
    for pool in balancer.properties.get("backendAddressPools") or ():
        key = pool["id"].lower()
        if key not in wanted:
            continue
        given = pool["properties"].get("loadBalancerBackendAddresses") or ()
        states = {a["name"]: a.get("properties") or {} for a in given}
        for attachment in found:
            if key in attachment.pools:
                state = states.get(backend_name(attachment), {})
                yield _server(attachment, port, admin_state=state.get("adminState"))
        for name, properties in states.items():
            if properties.get("ipAddress"):
                yield Server(
                    name=f"{key}/{name}",
                    address=properties["ipAddress"],
                    port=port,
                    draining=properties.get("adminState") == "Down",
                )


def _server(
    attachment: Attachment, port: int, *, admin_state: str | None = None
) -> Server:
    return Server(
        name=f"{attachment.machine}/{attachment.id.rpartition('/')[2]}",
        address=attachment.address,
        port=port,
        draining=attachment.leaving or admin_state == "Down",
    )
