"""Automatic repairs through the SDK, on a clock that runs fast."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

STOP = {"commandId": "RunShellScript", "script": ["systemctl stop web"]}


def repaired(action: str) -> dict[str, Any]:
    return {
        "automaticRepairsPolicy": {
            "enabled": True,
            "gracePeriod": "PT10M",
            "repairAction": action,
        }
    }


def state(estate: Any, web: str) -> str:
    sets = estate.compute.virtual_machine_scale_sets
    view = sets.get_instance_view(estate.group, web)
    return str(view.orchestration_services[0].service_state.value)


@pytest.mark.usefixtures("fast")
def test_what_stays_unhealthy_is_replaced_unless_repairs_are_suspended(
    estate: Any, web: str, first: str
) -> None:
    one, two = estate.ids(web)
    assert state(estate, web) == "NotRunning"
    estate.deploy(web, estate.scale_set(first, capacity=2, **repaired("Replace")))
    assert state(estate, web) == "Running"
    sets = estate.compute.virtual_machine_scale_sets
    service = {"serviceName": "AutomaticRepairs"}
    sets.begin_set_orchestration_service_state(
        estate.group, web, {**service, "action": "Suspend"}
    ).result()
    assert state(estate, web) == "Suspended"
    vms = estate.compute.virtual_machine_scale_set_vms
    vms.begin_run_command(estate.group, web, one, STOP).result()
    estate.until(lambda: estate.health(web)[one] == "unhealthy")
    sets.begin_set_orchestration_service_state(
        estate.group, web, {**service, "action": "Resume"}
    ).result()
    estate.until(lambda: one not in estate.ids(web))
    estate.until(lambda: len(estate.ids(web)) == 2)
    assert estate.ids(web)[0] == two
    estate.all_become(web, "healthy")
    off = {"automaticRepairsPolicy": {"enabled": False}}
    estate.deploy(web, estate.scale_set(first, capacity=2, **off))


def test_repairs_that_are_off_cannot_be_suspended(estate: Any, web: str) -> None:
    sets = estate.compute.virtual_machine_scale_sets
    with pytest.raises(HttpResponseError) as raised:
        sets.begin_set_orchestration_service_state(
            estate.group, web, {"serviceName": "AutomaticRepairs", "action": "Suspend"}
        )
    assert raised.value.error.message == (
        "The orchestration service AutomaticRepairs is not running: "
        "automaticRepairsPolicy is not enabled on this Virtual Machine Scale Set."
    )
