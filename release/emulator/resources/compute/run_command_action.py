"""The run command action (v1): one script, the end of its output in the answer.

https://learn.microsoft.com/azure/virtual-machines/linux/run-command
"""

from __future__ import annotations

from release.emulator.errors import bad_request
from release.emulator.kinds import Accepted, Body, Call
from release.emulator.resources.compute.actions import begin
from release.emulator.resources.compute.profiles import list_of, required
from release.emulator.resources.compute.scripts import (
    Progress,
    Script,
    check_running,
    execute,
    script_parameters,
)

SHELL = "RunShellScript"


def described_command(location: str) -> Body:
    """Return the one run command as a region lists it."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2016-11-17/"
        "runcommands.json",
        "id": SHELL,
        "osType": "Linux",
        "label": "Run a shell script",
        "description": f"Runs a shell script on a Linux machine in {location}.",
    }


def run_command(call: Call) -> Accepted:
    """Run a script in a virtual machine or an instance of a scale set.

    Raises:
        ArmError: It is no shell script, or the machine does not run.
    """
    body = call.body or {}
    required(body, "script")
    command = str(required(body, "commandId"))
    if command.lower() != SHELL.lower():
        raise bad_request(
            "InvalidParameter",
            f"The entity was not found: '{command}' is no run command of this embedded "
            f"Azure; it has {SHELL}.",
            target="commandId",
        )
    lines = list_of(body, "script", str)
    parameters = script_parameters(body, "parameters")
    script = Script(
        text="\n".join(lines) + "\n",
        parameters=(*parameters, *({"value": p["value"]} for p in parameters)),
    )
    check_running(call.target)

    async def work() -> Body:
        progress = Progress()
        await execute(call.cloud, call.target, script, progress)
        return _answer(progress)

    return begin(
        call.cloud,
        call.target,
        "runCommand",
        work,
        timing="runcommand",
        show_output=True,
    )


def _answer(progress: Progress) -> Body:
    ended = (
        "Enable succeeded: "
        if progress.exit_code == 0
        else f"Enable failed: failed to execute command: command terminated with exit "
        f"status={progress.exit_code}"
    )
    streams = (
        f"\n[stdout]\n{progress.text('stdout')}\n[stderr]\n{progress.text('stderr')}"
    )
    return {
        "value": [
            {
                "code": "ProvisioningState/succeeded"
                if progress.exit_code == 0
                else "ProvisioningState/failed/0",
                "level": "Info" if progress.exit_code == 0 else "Error",
                "displayStatus": "Provisioning succeeded"
                if progress.exit_code == 0
                else "Provisioning failed",
                "message": ended + streams,
            }
        ]
    }
