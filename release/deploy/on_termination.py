"""Runs on an instance: drains it when Azure tells that it will be deleted.

Sent there as it stands, so it needs nothing but Python's own library, which Azure's
agent needs as well. Told through the metadata service, Azure waits with the deletion
until it is approved or its time is up (source: "Terminate notification for Azure
Virtual Machine Scale Set instances"). Every instance of a scale set sees the events of
all: each approves its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

SETTINGS = Path(__file__).with_suffix(".json")
HOST = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254")
URL = f"{HOST}/metadata/scheduledevents?api-version=2020-07-01"
TIMEOUT_S = 150
"""The first question may be answered after two minutes."""
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main() -> None:
    """Ask again and again; drain and approve once."""
    settings = json.loads(SETTINGS.read_text("utf-8"))
    while not (event := _ours(settings["vm"])):
        time.sleep(settings["interval_s"])
    time.sleep(settings["before_s"])
    subprocess.run(settings["command"], shell=True, check=False)  # noqa: S602 - ours
    time.sleep(settings["after_s"])
    _ask({"StartRequests": [{"EventId": event}]})


def _ours(vm: str) -> str:
    """Return the id of the event that this machine is deleted by, or ""."""
    try:
        events = _ask()["Events"]
    except (OSError, ValueError) as error:
        sys.stderr.write(f"scheduled events: {error}\n")
        return ""
    for event in events:
        if event["EventType"] == "Terminate" and vm in event["Resources"]:
            return str(event["EventId"])
    return ""


def _ask(body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL, data, {"Metadata": "true"})  # noqa: S310
    with DIRECT.open(request, timeout=TIMEOUT_S) as answer:
        return json.loads(answer.read() or b"null")


if __name__ == "__main__":
    main()
