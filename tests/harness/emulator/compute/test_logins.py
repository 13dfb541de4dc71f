"""SSH into what the Resource Manager made: machines, and instances behind NAT."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import asyncssh
import pytest
from azure.core.rest import HttpRequest

USER, PASSWORD = "operator", "Correct-Horse-9"
FIRST_PORT = 50022


@pytest.fixture(scope="module")
def key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def _login(key: asyncssh.SSHKey, *, password_too: bool) -> dict[str, Any]:
    line = key.export_public_key().decode().strip()
    path = f"/home/{USER}/.ssh/authorized_keys"
    return {
        "adminUsername": USER,
        "adminPassword": PASSWORD,
        "linuxConfiguration": {
            "disablePasswordAuthentication": not password_too,
            "ssh": {"publicKeys": [{"path": path, "keyData": line}]},
        },
    }


def _says(address: str, port: int, command: str, **more: Any) -> str:
    """Run a command over SSH, connecting once."""

    async def run() -> str:
        async with asyncssh.connect(
            address,
            port,
            username=USER,
            known_hosts=None,
            config=None,
            agent_path=None,
            **more,
        ) as connection:
            return str((await connection.run(command, check=True)).stdout)

    return asyncio.run(run())


def _address(estate: Any, name: str) -> str:
    interface = estate.azure.resources.send_request(
        HttpRequest(
            "GET",
            f"{estate.network}/networkInterfaces/{name}-nic?api-version=2024-05-01",
        )
    ).json()
    (only,) = interface["properties"]["ipConfigurations"]
    return str(only["properties"]["privateIPAddress"])


@pytest.mark.parametrize("password_too", [True, False])
def test_a_machine_that_was_created_answers_at_once(
    estate: Any, key: asyncssh.SSHKey, *, password_too: bool
) -> None:
    name = f"login-{password_too}"
    body = estate.vm(name)
    login = _login(key, password_too=password_too)
    body["properties"]["osProfile"] = {**login, "computerName": name}
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(estate.group, name, body).result()
    where = (_address(estate, name), estate.azure.endpoint["ssh_port"])
    assert _says(*where, "hostname", client_keys=[key]) == f"{name}\n"
    by_password = {"client_keys": [], "password": PASSWORD}
    if password_too:
        assert _says(*where, "hostname", **by_password) == f"{name}\n"
    else:
        with pytest.raises(asyncssh.PermissionDenied):
            _says(*where, "hostname", **by_password)
    vms.begin_deallocate(estate.group, name).result()
    with pytest.raises(ConnectionRefusedError):
        _says(*where, "hostname", client_keys=[key])
    vms.begin_start(estate.group, name).result()
    assert _says(*where, "hostname", client_keys=[key]) == f"{name}\n"
    vms.begin_delete(estate.group, name).result()


def test_a_nat_pool_leads_to_the_ssh_of_an_instance(
    estate: Any, first: str, key: asyncssh.SSHKey
) -> None:
    balancer = _balancer(estate)
    body = copy.deepcopy(estate.scale_set(first))
    profile = body["properties"]["virtualMachineProfile"]
    profile["osProfile"] = _login(key, password_too=False) | {
        "computerNamePrefix": "nat"
    }
    (interface,) = profile["networkProfile"]["networkInterfaceConfigurations"]
    (configuration,) = interface["properties"]["ipConfigurations"]
    configuration["properties"]["loadBalancerInboundNatPools"] = [
        {"id": f"{balancer}/inboundNatPools/ssh"}
    ]
    estate.deploy("behind-nat", body)
    address = estate.azure.resources.resources.get_by_id(
        f"{estate.network}/publicIPAddresses/logins", api_version="2024-05-01"
    ).properties["ipAddress"]
    said = _says(address, FIRST_PORT, "hostname", client_keys=[key])
    assert said.startswith("nat")
    estate.compute.virtual_machine_scale_sets.begin_delete(
        estate.group, "behind-nat"
    ).result()


def _balancer(estate: Any) -> str:
    """Make a load balancer with a NAT pool; return its id."""
    estate.put(
        "publicIPAddresses/logins",
        {
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        },
    )
    own = f"{estate.network}/loadBalancers/logins"
    front = {"id": f"{own}/frontendIPConfigurations/front"}
    address = {"id": f"{estate.network}/publicIPAddresses/logins"}
    pool = {
        "protocol": "Tcp",
        "frontendIPConfiguration": front,
        "frontendPortRangeStart": FIRST_PORT,
        "frontendPortRangeEnd": FIRST_PORT + 9,
        "backendPort": 22,
    }
    properties = {
        "frontendIPConfigurations": [
            {"name": "front", "properties": {"publicIPAddress": address}}
        ],
        "inboundNatPools": [{"name": "ssh", "properties": pool}],
    }
    made: str = estate.put(
        "loadBalancers/logins",
        {"sku": {"name": "Standard"}, "properties": properties},
    )
    return made
