"""Load balancers as clients see them, and the traffic that they carry."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from release.emulator.cloud import Cloud
from release.emulator.ids import ResourceId, parse
from release.emulator.server import Options
from release.emulator.store import Resource


class Instance(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        body = self.server.server_address[0].encode()
        self.send_response(self.status if self.path == "/healthz" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextlib.contextmanager
def running(address: str, port: int = 0) -> Iterator[int]:
    """Serve at an address; yields the port."""
    with http.server.ThreadingHTTPServer((address, port), Instance) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        return int(listener.getsockname()[1])


def ask(address: str, port: int) -> str:
    with urllib.request.urlopen(f"http://{address}:{port}/", timeout=5) as answer:
        return str(answer.read().decode())


def until_answered(address: str, port: int) -> str:
    """Ask until somebody answers: the first good probe takes a moment."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return ask(address, port)
        except OSError:
            if time.monotonic() > deadline:
                raise


def balancer(
    group,
    *,
    name: str = "web",
    site: int = 8080,
    to: int = 8080,
    pool: dict[str, Any] | None = None,
    nat: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A balancer's properties, with all that it needs made."""
    address = group.put(
        f"publicIPAddresses/{name}",
        {"publicIPAllocationMethod": "Static"},
        sku={"name": "Standard"},
    )
    base = group.at(f"loadBalancers/{name}")
    front = {"id": f"{base}/frontendIPConfigurations/site"}
    behind = {"id": f"{base}/backendAddressPools/all"}
    rule = {
        "protocol": "tcp",
        "frontendPort": site,
        "backendPort": to,
        "frontendIPConfiguration": front,
        "backendAddressPool": behind,
        "probe": {"id": f"{base}/probes/health"},
    }
    probe = {"protocol": "Http", "port": to, "requestPath": "/healthz"}
    ranged = {
        "protocol": "Tcp",
        "frontendIPConfiguration": front,
        "backendAddressPool": behind,
        "frontendPortRangeStart": 50000,
        "frontendPortRangeEnd": 50009,
        "backendPort": to,
    }
    public = {"publicIPAddress": {"id": address["id"]}}
    return {
        "frontendIPConfigurations": [{"name": "site", "properties": public}],
        "backendAddressPools": [{"name": "all", "properties": pool or {}}],
        "probes": [{"name": "health", "properties": probe}],
        "loadBalancingRules": [{"name": "site", "properties": rule}],
        "inboundNatRules": [{"name": "each", "properties": nat or ranged}],
        **more,
    }


def subnet(group) -> dict[str, Any]:
    """A reference to a subnet, with its network made."""
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    inner = {"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}
    group.put("virtualNetworks/web", space | {"subnets": [inner]})
    return {"id": group.at("virtualNetworks/web/subnets/a")}


def member(address: Any, name: str = "one") -> dict[str, Any]:
    """One of a pool's own addresses."""
    return {"name": name, "properties": {"ipAddress": address}}


def put(group, properties: dict[str, Any], name: str = "web") -> dict[str, Any]:
    found: dict[str, Any] = group.put(
        f"loadBalancers/{name}", properties, sku={"name": "Standard"}
    )
    return found


def public_address(group, name: str = "web") -> str:
    return str(group.get(f"publicIPAddresses/{name}")["properties"]["ipAddress"])


def test_parts_are_resources_and_know_who_uses_them(group) -> None:
    made = put(group, balancer(group))["properties"]
    base = group.at("loadBalancers/web")
    rule = [{"id": f"{base}/loadBalancingRules/site"}]
    for path in (
        "frontendIPConfigurations/site",
        "backendAddressPools/all",
        "probes/health",
    ):
        alone = group.get(f"loadBalancers/web/{path}")
        assert alone["properties"]["loadBalancingRules"] == rule
        assert [alone] == made[path.partition("/")[0]]
    shown = group.get("loadBalancers/web/loadBalancingRules/site")["properties"]
    assert shown["protocol"] == "Tcp"
    assert shown["idleTimeoutInMinutes"] == 4
    probe = group.get("loadBalancers/web/probes/health")["properties"]
    assert (probe["intervalInSeconds"], probe["probeThreshold"]) == (15, 1)


def without_etags(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_etags(v) for k, v in value.items() if k != "etag"}
    return [without_etags(v) for v in value] if isinstance(value, list) else value


def test_what_was_shown_can_be_put_again(group) -> None:
    made = put(group, balancer(group))
    again = put(group, made["properties"])
    assert without_etags(again) == without_etags(made)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(
            {"loadBalancingRules.frontendPort": 50003},
            "RulesUseSameFrontendPortProtocolAndFrontendIPConfig",
            id="one-port-twice",
        ),
        pytest.param(
            {"loadBalancingRules.probe": {"id": "/subscriptions/s/no"}},
            "InvalidResourceReference",
            id="no-such-probe",
        ),
        pytest.param(
            {"probes.requestPath": None}, "RequestPathRequiredForHttpProbe", id="path"
        ),
        pytest.param(
            {"probes.intervalInSeconds": 4}, "InvalidRequestFormat", id="too-often"
        ),
        pytest.param(
            {"inboundNatRules.frontendPortRangeEnd": None},
            "MissedInboundNatRuleV2Properties",
            id="half-a-range",
        ),
        pytest.param(
            {"loadBalancingRules.protocol": "Udp"}, "OperationNotSupported", id="udp"
        ),
        pytest.param(
            {"loadBalancingRules.frontendPort": 0},
            "InvalidRequestFormat",
            id="all-ports",
        ),
        pytest.param(
            {"loadBalancingRules.backendPort": 0}, "InvalidRequestFormat", id="no-port"
        ),
    ],
)
def test_a_wrong_balancer_is_refused(group, refused, change, code) -> None:
    properties = balancer(group)
    for path, value in change.items():
        array, _, name = path.partition(".")
        properties[array][0]["properties"][name] = value
    assert refused(lambda: put(group, properties))[:2] == (400, code)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param("web", "'ipAddress' of one in {pool} is 'web'", id="a-name"),
        pytest.param(4, "'ipAddress' of one in {pool} is '4'", id="a-number"),
        pytest.param(
            "127.251.251.4\nglobal",
            "'ipAddress' of one in {pool} is '127.251.251.4\nglobal'",
            id="two-lines",
        ),
    ],
)
def test_a_pool_has_addresses_only(group, refused, given, said) -> None:
    pool = {"loadBalancerBackendAddresses": [member(given)]}
    at = group.at("loadBalancers/web/backendAddressPools/all")
    assert refused(lambda: put(group, balancer(group, pool=pool))) == (
        400,
        "InvalidRequestFormat",
        (
            f"Cannot parse the request: {said.format(pool=at)}; it must be an IPv4 "
            "address."
        ),
    )


def test_no_two_addresses_of_a_pool_have_one_name(group, refused) -> None:
    both = [member("127.251.251.4"), member("127.251.251.5", "ONE")]
    pool = {"loadBalancerBackendAddresses": both}
    at = group.at("loadBalancers/web/backendAddressPools/all")
    assert refused(lambda: put(group, balancer(group, pool=pool))) == (
        400,
        "InvalidRequestFormat",
        (
            f"Cannot parse the request: loadBalancerBackendAddresses of {at} has two "
            "elements of the name 'ONE'."
        ),
    )


def test_the_path_of_a_probe_is_one_line(group, refused) -> None:
    properties = balancer(group)
    properties["probes"][0]["properties"]["requestPath"] = "/\nglobal"
    at = group.at("loadBalancers/web/probes/health")
    assert refused(lambda: put(group, properties)) == (
        400,
        "InvalidRequestFormat",
        (
            f"Cannot parse the request: 'requestPath' of {at} is '/\\nglobal'; other "
            "characters than printable ASCII are written with %."
        ),
    )


def test_a_public_address_is_nothing_else(group, refused) -> None:
    properties = balancer(group)
    made = put(group, properties)
    public = {"publicIPAddress": {"id": made["id"]}}
    properties["frontendIPConfigurations"][0]["properties"] = public
    _, code, _ = refused(lambda: put(group, properties))
    assert code == "InvalidResourceReference"


def test_each_frontend_has_an_address_of_its_own(group, refused) -> None:
    within = {"subnet": subnet(group)}
    public = balancer(group)["frontendIPConfigurations"][0]["properties"]

    def frontends(*given: dict[str, Any]) -> dict[str, Any]:
        named = [{"name": f"f{at}", "properties": one} for at, one in enumerate(given)]
        return {"frontendIPConfigurations": named}

    shown = put(group, frontends(within, within))["properties"]
    first, second = (
        one["properties"]["privateIPAddress"]
        for one in shown["frontendIPConfigurations"]
    )
    assert first != second
    assert refused(lambda: put(group, frontends(public, public))) == (
        400,
        "PublicIPReferencedByMultipleIPConfigs",
        (
            f"Public ip address {public['publicIPAddress']['id']} is referenced by "
            f"multiple ipconfigs in resource {group.at('loadBalancers/web')}."
        ),
    )


def test_a_basic_balancer_takes_no_standard_address(group, refused) -> None:
    properties = balancer(group)
    _, code, _ = refused(lambda: group.put("loadBalancers/web", properties))
    assert code == "PublicIPAndLBSkuDoNotMatch"


def test_a_pool_of_addresses_is_balanced_at_the_public_address(group) -> None:
    with running("127.251.251.4") as port:
        to_one = {
            "loadBalancerBackendAddresses": [
                {"name": "one", "properties": {"ipAddress": "127.251.251.4"}}
            ]
        }
        site = free_port("127.0.0.1")
        put(group, balancer(group, site=site, to=port, pool=to_one))
        address = public_address(group)
        assert until_answered(address, site) == "127.251.251.4"
        with running("127.251.251.5", port):
            group.put(
                "loadBalancers/web/backendAddressPools/all",
                {
                    "loadBalancerBackendAddresses": [
                        {"name": "two", "properties": {"ipAddress": "127.251.251.5"}}
                    ]
                },
            )
            assert until_answered(address, site) == "127.251.251.5"
        group.delete("loadBalancers/web")
        with pytest.raises(urllib.error.URLError):
            ask(address, site)


def test_a_port_in_use_fails_the_write_and_names_it(group, refused) -> None:
    properties = balancer(group)
    address = public_address(group)
    with socket.create_server((address, 0)) as listener:
        port = listener.getsockname()[1]
        properties["loadBalancingRules"][0]["properties"]["frontendPort"] = port
        _, code, message = refused(lambda: put(group, properties))
    assert code == "AddressInUse"
    assert message == (
        f"The load balancer cannot listen on {address}:{port}: Address already in use."
        f" To mend it: end what listens there (ss -ltnp 'sport = :{port}' shows it), "
        "or choose another frontend port; ports below 1024 may need root."
    )
    shown = group.get("loadBalancers/web")["properties"]
    assert shown["provisioningState"] == "Failed"
    assert put(group, properties)["properties"]["provisioningState"] == "Succeeded"


def test_a_port_in_use_hinders_nothing_else(group, refused) -> None:
    with running("127.251.251.4") as port:
        pool = {"loadBalancerBackendAddresses": [member("127.251.251.4")]}
        stuck = balancer(group, to=port, pool=pool)
        other = balancer(group, name="other", to=port, pool=pool)
        rule = stuck["loadBalancingRules"][0]
        free = free_port("127.0.0.1")
        at = {"frontendPort": free}
        more = {"name": "more", "properties": rule["properties"] | at}
        stuck["loadBalancingRules"].append(more)
        with socket.create_server((public_address(group), 0)) as listener:
            rule["properties"]["frontendPort"] = listener.getsockname()[1]
            _, code, _ = refused(lambda: put(group, stuck))
            assert code == "AddressInUse"
            put(group, other, "other")
            group.put("loadBalancers/web/backendAddressPools/second")
            group.delete("loadBalancers/web/inboundNatRules/each")
            assert until_answered(public_address(group), free) == "127.251.251.4"
            assert until_answered(public_address(group, "other"), 8080)
            group.delete("loadBalancers/web")
        assert group.names("loadBalancers") == ["other"]


@pytest.fixture
def scale_set(azure, loop, group) -> Iterator[Any]:
    """Put instances of a scale set into the store, as the compute part does."""
    store = azure.server.cloud.store
    owner = parse(group.id + "/providers/Microsoft.Compute/virtualMachineScaleSets/web")
    made: list[ResourceId] = []

    def in_loop(act: Any, value: Any) -> None:
        async def there() -> None:
            act(value)

        asyncio.run_coroutine_threadsafe(there(), loop).result(10)

    def add(number: int, **properties: Any) -> str:
        own = owner.child("virtualMachines", str(number))
        inner = {"name": "only", "properties": properties}
        nic = {"name": "nic", "properties": {"ipConfigurations": [inner]}}
        profile = {"networkInterfaceConfigurations": [nic]}
        body = {
            "id": str(own),
            "name": f"web_{number}",
            "location": "westeurope",
            "properties": {"networkProfileConfiguration": profile},
        }
        private = {"address": f"127.251.252.{number}", "machine": f"vmss-{number}"}
        in_loop(store.save, Resource(id=own, body=body, private=private))
        made.append(own)
        return f"{own}/networkInterfaces/nic/ipConfigurations/only"

    yield add
    for one in made:
        in_loop(store.remove, one)


def test_each_instance_has_a_port_of_its_own(group, scale_set) -> None:
    members = [{"id": group.at("loadBalancers/web/backendAddressPools/all")}]
    with running("127.251.252.7") as port, running("127.251.252.8", port):
        put(group, balancer(group, site=free_port("127.0.0.1"), to=port))
        ids = [
            scale_set(number, loadBalancerBackendAddressPools=members)
            for number in (7, 8)
        ]
        group.put("loadBalancers/web/backendAddressPools/more")
        pool = group.get("loadBalancers/web/backendAddressPools/all")["properties"]
        assert [one["id"] for one in pool["backendIPConfigurations"]] == ids
        seen = {}
        for shown in pool["loadBalancerBackendAddresses"]:
            (mapped,) = shown["properties"]["inboundNatRulesPortMapping"]
            assert mapped["inboundNatRuleName"] == "each"
            assert mapped["backendPort"] == port
            own = shown["properties"]["networkInterfaceIPConfiguration"]["id"]
            seen[own] = ask(public_address(group), mapped["frontendPort"])
        assert seen == {ids[0]: "127.251.252.7", ids[1]: "127.251.252.8"}
        asked = group.ask(
            "POST",
            group.at(
                "loadBalancers/web/backendAddressPools/all"
                "/queryInboundNatRulePortMapping"
            ),
            {"ipConfiguration": {"id": ids[1]}},
        )
        assert asked["inboundNatRulePortMappings"] == [
            {
                "inboundNatRuleName": "each",
                "protocol": "Tcp",
                "frontendPort": 50001,
                "backendPort": port,
            }
        ]


def test_a_nat_pool_shows_a_rule_for_each_instance(group, scale_set) -> None:
    base = group.at("loadBalancers/web")
    front = {"id": f"{base}/frontendIPConfigurations/site"}
    pool = {
        "protocol": "Tcp",
        "frontendIPConfiguration": front,
        "frontendPortRangeStart": 51000,
        "frontendPortRangeEnd": 51001,
        "backendPort": 22,
    }
    own = scale_set(
        9, loadBalancerInboundNatPools=[{"id": f"{base}/inboundNatPools/ssh"}]
    )
    put(
        group,
        balancer(
            group,
            inboundNatRules=[],
            inboundNatPools=[{"name": "ssh", "properties": pool}],
        ),
    )
    shown = group.get("loadBalancers/web")["properties"]
    (rule,) = shown["inboundNatRules"]
    assert rule["name"] == "ssh.9"
    assert rule["properties"]["frontendPort"] == 51000
    assert rule["properties"]["backendIPConfiguration"] == {"id": own}
    again = put(group, shown | {"resourceGuid": "other"})["properties"]
    assert [one["name"] for one in again["inboundNatRules"]] == ["ssh.9"]
    assert again["resourceGuid"] == shown["resourceGuid"]
    behind = group.ask("GET", own)["properties"]
    assert behind["loadBalancerInboundNatRules"] == [{"id": rule["id"]}]
    assert "loadBalancerInboundNatPools" not in behind


def interface(group, *pools: str, rules: tuple[str, ...] = ()) -> list[str]:
    """Put an interface behind pools and NAT rules; return what it is behind."""
    behind = {
        "loadBalancerBackendAddressPools": pools,
        "loadBalancerInboundNatRules": rules,
    }
    only = {"subnet": subnet(group)} | {
        array: [{"id": group.at(f"loadBalancers/{path}")} for path in paths]
        for array, paths in behind.items()
    }
    body = {"ipConfigurations": [{"name": "only", "properties": only}]}
    group.put("networkInterfaces/web", body)
    return shown_behind(group)


def shown_behind(group) -> list[str]:
    """The names of the pools and NAT rules that the interface is behind."""
    shown = group.get("networkInterfaces/web")["properties"]["ipConfigurations"][0]
    return [
        reference["id"].partition("/loadBalancers/")[2]
        for array in ("loadBalancerBackendAddressPools", "loadBalancerInboundNatRules")
        for reference in shown["properties"].get(array, ())
    ]


def test_an_interface_lists_its_balancers(group) -> None:
    put(group, balancer(group))
    interface(group, "web/backendAddressPools/all")
    assert group.names("networkInterfaces/web/loadBalancers") == ["web"]


def test_what_a_balancer_no_longer_has_leaves_the_interfaces(group) -> None:
    front = {"id": group.at("loadBalancers/web/frontendIPConfigurations/site")}
    single = {
        "protocol": "Tcp",
        "frontendIPConfiguration": front,
        "frontendPort": free_port("127.0.0.1"),
        "backendPort": 22,
    }
    properties = balancer(group, nat=single)
    pools = properties["backendAddressPools"]
    pools += [{"name": name} for name in ("put", "deleted")]
    put(group, properties)
    put(group, balancer(group, name="other"), "other")
    stays = "other/backendAddressPools/all"
    own = [f"web/backendAddressPools/{pool['name']}" for pool in pools]
    rule = "web/inboundNatRules/each"
    assert interface(group, stays, *own, rules=(rule,)) == [stays, *own, rule]
    group.delete(f"loadBalancers/{rule}")
    assert shown_behind(group) == [stays, *own]
    group.delete("loadBalancers/web/backendAddressPools/deleted")
    assert shown_behind(group) == [stays, *own[:2]]
    put(group, properties | {"backendAddressPools": pools[:1], "inboundNatRules": []})
    assert shown_behind(group) == [stays, own[0]]
    group.delete("loadBalancers/web")
    assert shown_behind(group) == [stays]
    assert group.names("networkInterfaces/web/loadBalancers") == ["other"]


def test_interfaces_of_instances_are_shown(group, scale_set) -> None:
    own = scale_set(7, subnet={"id": "/subscriptions/s"})
    base = group.id + "/providers/Microsoft.Compute/virtualMachineScaleSets/web"
    (listed,) = group.ask("GET", f"{base}/virtualMachines/7/networkInterfaces")["value"]
    assert listed == group.ask("GET", f"{base}/virtualMachines/7/networkInterfaces/nic")
    (inner,) = listed["properties"]["ipConfigurations"]
    assert inner["id"] == own
    assert inner["properties"]["privateIPAddress"] == "127.251.252.7"
    assert listed["properties"]["virtualMachine"] == {"id": f"{base}/virtualMachines/7"}


def test_a_restart_balances_as_before(loop, serve, tmp_path) -> None:
    options = Options(folder=tmp_path)
    first = serve(options)
    at = f"/subscriptions/{first.endpoint['subscription']}/resourceGroups/g"
    balancers = f"{at}/providers/Microsoft.Network/loadBalancers/web"
    addresses = f"{at}/providers/Microsoft.Network/publicIPAddresses/site"

    async def write(cloud: Cloud, path: str, body: dict[str, Any]) -> Resource:
        written = cloud.put(
            parse(path), {"location": "westeurope", **body}, api_version="2024-05-01"
        )
        if written.operation:
            await cloud.operations.wait(written.operation)
        return written.resource

    def run(act: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(act, loop).result(30)

    with running("127.251.253.4") as port:
        site = free_port("127.0.0.1")
        run(write(first.cloud, at, {}))
        made = run(
            write(
                first.cloud,
                addresses,
                {
                    "sku": {"name": "Standard"},
                    "properties": {"publicIPAllocationMethod": "Static"},
                },
            )
        )
        front = {"id": f"{balancers}/frontendIPConfigurations/f"}
        behind = {"id": f"{balancers}/backendAddressPools/p"}
        member = {"name": "one", "properties": {"ipAddress": "127.251.253.4"}}
        rule = {
            "protocol": "Tcp",
            "frontendPort": site,
            "backendPort": port,
            "frontendIPConfiguration": front,
            "backendAddressPool": behind,
        }
        properties = {
            "frontendIPConfigurations": [
                {"name": "f", "properties": {"publicIPAddress": {"id": addresses}}}
            ],
            "backendAddressPools": [
                {"name": "p", "properties": {"loadBalancerBackendAddresses": [member]}}
            ],
            "loadBalancingRules": [{"name": "r", "properties": rule}],
        }
        body = {"sku": {"name": "Standard"}, "properties": properties}
        run(write(first.cloud, balancers, body))
        address = made.private["address"]
        assert ask(address, site) == "127.251.253.4"
        run(first.close())
        with pytest.raises(urllib.error.URLError):
            ask(address, site)
        serve(options)
        assert ask(address, site) == "127.251.253.4"
