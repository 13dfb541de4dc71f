"""A group with a network, an image that serves a page, and bodies to write."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.compute import ComputeManagementClient

LOCATION = "westeurope"
NETWORK_API = "2024-05-01"
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBzH0V1GgqrYc0Cm0Uo6lkXJ3vYpUq8xkq test"
DEBIAN = {
    "publisher": "Debian",
    "offer": "debian-12",
    "sku": "12-gen2",
    "version": "latest",
}
SERVICE = """\
set -e
mkdir -p /srv/web
echo '{"ApplicationHealthState": "Healthy"}' > /srv/web/healthz
echo one > /srv/web/build
cat > /srv/web.py <<'PY'
WEB_PY
PY
cat > /etc/systemd/system/web.service <<'UNIT'
[Service]
ExecStart=/usr/bin/python3 -IS /srv/web.py
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable web
waagent -force -deprovision+user
""".replace("WEB_PY", Path(__file__).with_name("web.py").read_text())
Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Where the tests of compute resources build."""

    azure: Any
    group: str
    network: str
    """Id up to the provider of network resources."""

    @property
    def compute(self) -> ComputeManagementClient:
        client: ComputeManagementClient = self.azure.compute
        return client

    @property
    def here(self) -> str:
        """Id up to the provider of compute resources."""
        return self.network.replace("Microsoft.Network", "Microsoft.Compute")

    def put(self, tail: str, body: Body) -> str:
        """Write a network resource; return its id."""
        made = f"{self.network}/{tail}"
        self.azure.resources.resources.begin_create_or_update_by_id(
            made, {"location": LOCATION, **body}, api_version=NETWORK_API
        ).result()
        return made

    def interface(self, name: str) -> str:
        subnet = {"id": f"{self.network}/virtualNetworks/net/subnets/machines"}
        configuration = {"name": "only", "properties": {"subnet": subnet}}
        return self.put(
            f"networkInterfaces/{name}",
            {"properties": {"ipConfigurations": [configuration]}},
        )

    def vm(self, name: str, *, image: Body | None = None) -> Body:
        """Return the body of a virtual machine; its interface is made."""
        return {
            "location": LOCATION,
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_B2s"},
                "storageProfile": {
                    "imageReference": image or dict(DEBIAN),
                    "osDisk": {"createOption": "FromImage", "deleteOption": "Delete"},
                },
                "osProfile": login() | {"computerName": name},
                "networkProfile": {
                    "networkInterfaces": [
                        {
                            "id": self.interface(f"{name}-nic"),
                            "properties": {"deleteOption": "Delete"},
                        }
                    ]
                },
            },
        }

    def bake(self, name: str, script: str, *, image: Body | None = None) -> str:
        """Make a generalized machine with what a script does; return its id."""
        vms = self.compute.virtual_machines
        made = vms.begin_create_or_update(
            self.group, name, self.vm(name, image=image)
        ).result()
        outcome = vms.begin_run_command(
            self.group, name, {"commandId": "RunShellScript", "script": [script]}
        ).result()
        assert outcome.value[0].message.startswith("Enable succeeded"), outcome
        vms.begin_deallocate(self.group, name).result()
        vms.generalize(self.group, name)
        return str(made.id)

    def publish(self, version: str, machine_id: str, **profile: Any) -> str:
        """Make a gallery version of a machine; return its id."""
        body = {
            "location": LOCATION,
            "properties": {
                "storageProfile": {"source": {"virtualMachineId": machine_id}},
                "publishingProfile": {"targetRegions": [{"name": LOCATION}], **profile},
            },
        }
        made = self.compute.gallery_image_versions.begin_create_or_update(
            self.group, "shelf", "web", version, body
        ).result()
        return str(made.id)

    def scale_set(self, image_id: str, *, capacity: int = 1, **changes: Any) -> Body:
        """Return the body of a scale set whose health is asked for."""
        subnet = {"id": f"{self.network}/virtualNetworks/net/subnets/machines"}
        properties: Body = {
            "upgradePolicy": {"mode": "Manual"},
            "virtualMachineProfile": {
                "storageProfile": {
                    "imageReference": {"id": image_id},
                    "osDisk": {"createOption": "FromImage"},
                },
                "osProfile": login() | {"computerNamePrefix": "web"},
                "networkProfile": {
                    "networkInterfaceConfigurations": [
                        {
                            "name": "nic",
                            "properties": {
                                "ipConfigurations": [
                                    {"name": "ip", "properties": {"subnet": subnet}}
                                ]
                            },
                        }
                    ]
                },
                "extensionProfile": {"extensions": [health_extension()]},
            },
        }
        return {
            "location": LOCATION,
            "sku": {"name": "Standard_B2s", "capacity": capacity},
            "properties": properties | changes,
        }

    def deploy(self, name: str, body: Body) -> Any:
        """Write a scale set and wait for the end."""
        sets = self.compute.virtual_machine_scale_sets
        return sets.begin_create_or_update(
            self.group, name, copy.deepcopy(body)
        ).result()

    def instances(self, name: str) -> list[Any]:
        vms = self.compute.virtual_machine_scale_set_vms
        return list(vms.list(self.group, name, expand="instanceView"))

    def health(self, name: str) -> dict[str, str]:
        """Return the health of each instance by its id; "" while unknown."""
        return {
            i.instance_id: i.instance_view.vm_health.status.code.rpartition("/")[2]
            if i.instance_view.vm_health
            else ""
            for i in self.instances(name)
        }

    def all_become(self, name: str, health: str) -> None:
        """Wait until all instances have a health."""
        self.until(lambda: set(self.health(name).values()) == {health})

    @staticmethod
    def until(holds: Callable[[], bool], within_s: float = 20) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, "it did not come true"
            time.sleep(0.05)

    def ids(self, name: str) -> list[str]:
        vms = self.compute.virtual_machine_scale_set_vms
        return [i.instance_id for i in vms.list(self.group, name)]

    def latest(self, name: str) -> dict[str, bool]:
        """Tell of each instance whether it has the latest model, by its id."""
        vms = self.compute.virtual_machine_scale_set_vms
        return {
            i.instance_id: i.latest_model_applied for i in vms.list(self.group, name)
        }

    def builds(self, name: str) -> dict[str, str]:
        """Return what each instance says of its build, by instance id."""
        found = {}
        vms = self.compute.virtual_machine_scale_set_vms
        for instance in self.instances(name):
            outcome = vms.begin_run_command(
                self.group,
                name,
                instance.instance_id,
                {"commandId": "RunShellScript", "script": ["cat /srv/web/build"]},
            ).result()
            message = outcome.value[0].message
            found[instance.instance_id] = message.split("[stdout]\n")[1].split("\n")[0]
        return found


def login() -> Body:
    return {
        "adminUsername": "operator",
        "linuxConfiguration": {
            "disablePasswordAuthentication": True,
            "ssh": {
                "publicKeys": [
                    {
                        "path": "/home/operator/.ssh/authorized_keys",
                        "keyData": SSH_KEY,
                    }
                ]
            },
        },
    }


def health_extension(**settings: Any) -> Body:
    return {
        "name": "health",
        "properties": {
            "publisher": "Microsoft.ManagedServices",
            "type": "ApplicationHealthLinux",
            "typeHandlerVersion": "1.0",
            "autoUpgradeMinorVersion": True,
            "settings": {
                "protocol": "http",
                "port": 8080,
                "requestPath": "/healthz",
                **settings,
            },
        },
    }


@pytest.fixture(scope="session")
def estate(azure: Any) -> Estate:
    """A group with a network and a gallery."""
    return _built(azure)


@pytest.fixture(scope="session")
def build() -> Callable[[Any], Estate]:
    """Make such a group in another embedded Azure."""
    return _built


@pytest.fixture(scope="session")
def service() -> str:
    """The script that makes a machine serve build one."""
    return SERVICE


def _built(azure: Any) -> Estate:
    group = "compute"
    azure.resources.resource_groups.create_or_update(group, {"location": LOCATION})
    subscription = azure.endpoint["subscription"]
    found = Estate(
        azure=azure,
        group=group,
        network=f"/subscriptions/{subscription}/resourceGroups/{group}"
        "/providers/Microsoft.Network",
    )
    subnet = {"name": "machines", "properties": {"addressPrefix": "10.0.0.0/24"}}
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    found.put(
        "virtualNetworks/net",
        {"properties": {"addressSpace": space, "subnets": [subnet]}},
    )
    compute = azure.compute
    compute.galleries.begin_create_or_update(
        group, "shelf", {"location": LOCATION}
    ).result()
    definition = {
        "osType": "Linux",
        "osState": "Generalized",
        "identifier": {"publisher": "roc", "offer": "web", "sku": "web"},
    }
    compute.gallery_images.begin_create_or_update(
        group, "shelf", "web", {"location": LOCATION, "properties": definition}
    ).result()
    return found


@pytest.fixture(scope="session")
def first(estate: Estate) -> str:
    """Id of a gallery version that serves build one."""
    return estate.publish("1.0.0", estate.bake("first", SERVICE))


@pytest.fixture(scope="session")
def second(estate: Estate, first: str) -> str:
    """Id of a gallery version that serves build two."""
    script = "echo two > /srv/web/build; waagent -force -deprovision+user"
    machine = estate.bake("second", script, image={"id": first})
    version = estate.publish("1.1.0", machine)
    estate.compute.virtual_machines.begin_delete(estate.group, "second").result()
    return version


@pytest.fixture
def web(estate: Estate, first: str) -> str:
    """A scale set of two healthy instances of build one, with Manual upgrades.

    One for the session: each test finds it as if it were new, but for its ids.
    """
    name = "web"
    estate.deploy(name, estate.scale_set(first, capacity=2))
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update_instances(estate.group, name, {"instanceIds": ["*"]}).result()
    estate.all_become(name, "healthy")
    return name


@pytest.fixture
def fast(estate: Estate) -> Iterator[None]:
    """Let ten of Azure's minutes take a second."""
    pace = estate.azure.server.cloud.pace
    pace.scale = 1 / 600
    yield
    pace.scale = 0
