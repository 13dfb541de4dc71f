"""Instances that are told before they are deleted, and say when it may happen."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

NOTICE = {
    "terminateNotificationProfile": {"enable": True, "notBeforeTimeout": "PT5M"},
}
ASK = """\
import json, os, sys, urllib.request
url = os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"]
url += "/metadata/scheduledevents?api-version=2020-07-01"
data = sys.argv[1].encode() if len(sys.argv) > 1 else None
request = urllib.request.Request(url, data=data, headers={"Metadata": "true"})
print(urllib.request.urlopen(request).read().decode())
"""
APPROVE = f"""\
cat > /tmp/ask.py <<'END'
{ASK}END
cat > /tmp/approve.py <<'END'
import json, subprocess, time
ask = lambda *a: subprocess.run(["python3", "/tmp/ask.py", *a], capture_output=True)
found = []
while not found:
    found = json.loads(ask().stdout)["Events"]
    time.sleep(0.05)
open("/tmp/told.json", "w").write(json.dumps(found))
ask(json.dumps({{"StartRequests": [{{"EventId": e["EventId"]}} for e in found]}}))
END
setsid python3 /tmp/approve.py >/dev/null 2>&1 &
"""


def noticing(estate: Any, image: str, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = estate.scale_set(image, capacity=2, **changes)
    body["properties"]["virtualMachineProfile"]["scheduledEventsProfile"] = NOTICE
    return body


@pytest.fixture
def noticed(estate: Any, web: str, first: str) -> Any:
    """A scale set whose instances are told; it is quiet again afterwards."""
    sets = estate.compute.virtual_machine_scale_sets
    estate.deploy(web, noticing(estate, first))
    sets.begin_update_instances(estate.group, web, {"instanceIds": ["*"]}).result()
    yield web
    quiet = estate.scale_set(first, capacity=2)
    quiet["properties"]["virtualMachineProfile"]["scheduledEventsProfile"] = {
        "terminateNotificationProfile": {"enable": False}
    }
    estate.deploy(web, quiet)
    sets.begin_update_instances(estate.group, web, {"instanceIds": ["*"]}).result()


def run(estate: Any, name: str, instance_id: str, script: str) -> str:
    outcome = estate.compute.virtual_machine_scale_set_vms.begin_run_command(
        estate.group,
        name,
        instance_id,
        {"commandId": "RunShellScript", "script": [script]},
    ).result()
    return str(outcome.value[0].message)


def test_an_instance_that_approves_is_deleted_at_once(
    estate: Any, noticed: str
) -> None:
    doomed = estate.ids(noticed)[-1]
    run(estate, noticed, doomed, APPROVE)
    started = time.monotonic()
    vms = estate.compute.virtual_machine_scale_set_vms
    vms.begin_delete(estate.group, noticed, doomed).result()
    assert time.monotonic() - started < 10
    assert doomed not in estate.ids(noticed)


def test_a_sibling_is_told_which_instance_goes_and_nothing_goes_meanwhile(
    estate: Any, noticed: str
) -> None:
    kept, doomed = estate.ids(noticed)
    vms = estate.compute.virtual_machine_scale_set_vms
    deleting = vms.begin_delete(estate.group, noticed, doomed)
    seen: list[str] = []

    def told() -> bool:
        seen.append(run(estate, noticed, kept, f"python3 - <<'END'\n{ASK}END"))
        return f'"Resources": ["web_{doomed}"]' in seen[-1]

    estate.until(told)
    assert '"EventType": "Terminate"' in seen[-1]
    assert doomed in estate.ids(noticed)
    sets = estate.compute.virtual_machine_scale_sets
    with pytest.raises(HttpResponseError) as raised:
        sets.begin_update(estate.group, noticed, {"sku": {"capacity": 5}})
    assert raised.value.error.code == "AnotherOperationInProgress"
    hurry = threading.Thread(target=run, args=(estate, noticed, kept, APPROVE))
    hurry.start()
    deleting.result()
    hurry.join()
    assert estate.ids(noticed) == [kept]
    assert sets.get(estate.group, noticed).sku.capacity == 1


def test_without_its_header_the_service_tells_nothing(
    estate: Any, noticed: str
) -> None:
    script = (
        "curl -s $AZURE_POD_IDENTITY_AUTHORITY_HOST/metadata/scheduledevents"
        "?api-version=2020-07-01"
    )
    said = run(estate, noticed, estate.ids(noticed)[0], script)
    assert "Bad request: the header Metadata: true is due" in said


def test_a_notice_is_from_five_to_fifteen_minutes(
    estate: Any, web: str, first: str
) -> None:
    body = noticing(estate, first)
    profile = body["properties"]["virtualMachineProfile"]["scheduledEventsProfile"]
    profile["terminateNotificationProfile"] = {
        "enable": True,
        "notBeforeTimeout": "PT20M",
    }
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy(web, body)
    assert raised.value.error.message == (
        "The value 'PT20M' of parameter 'scheduledEventsProfile."
        "terminateNotificationProfile.notBeforeTimeout' is invalid: from PT5M to PT15M."
    )


def test_protection_from_actions_covers_protection_from_scale_in(
    estate: Any, web: str
) -> None:
    one = estate.instances(web)[0]
    one.protection_policy = {
        "protectFromScaleIn": False,
        "protectFromScaleSetActions": True,
    }
    vms = estate.compute.virtual_machine_scale_set_vms
    with pytest.raises(HttpResponseError) as raised:
        vms.begin_update(estate.group, web, one.instance_id, one)
    assert raised.value.error.message == (
        "protectFromScaleIn cannot be false where protectFromScaleSetActions is true: "
        "it is part of it."
    )
