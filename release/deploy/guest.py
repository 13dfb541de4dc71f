"""Run a short script on an instance: to drain it, and to ask why it is unwell.

Through the action-style run command, which Uniform scale sets have for each
instance, leaves no resource behind and returns the last 4,096 bytes; on Azure it
takes some twenty seconds (source: "Run scripts in your Linux VM by using action Run
Commands").
"""

from __future__ import annotations

from azure.core.polling import LROPoller
from azure.mgmt.compute import models

from release.azure.clients import Azure
from release.azure.operations import call, collect
from release.deploy.deployed import Instance
from release.errors import AzureError
from release.settings import Environment

TIMEOUT_S = 300.0

DIAGNOSIS = """\
for link in /etc/systemd/system/*.wants/*; do
  unit=$(readlink -f "$link")
  case $unit in /etc/systemd/system/*) ;; *) continue ;; esac
  systemctl --no-pager --full --lines=0 status "${unit##*/}" 2>&1 | head -6
  journalctl --no-pager --output=cat --lines=12 --unit="${unit##*/}" 2>&1
done
"""
"""Tells the state and the last words of the services that the image brought."""


def begin(
    azure: Azure, env: Environment, instance: Instance, script: str
) -> LROPoller[models.RunCommandResult]:
    """Begin to run a script, as root, with sh."""
    return call(
        azure,
        f"running a command on {instance.name}",
        lambda: azure.compute.virtual_machine_scale_set_vms.begin_run_command(
            env.resource_group,
            env.scale_set,
            instance.id,
            models.RunCommandInput(command_id="RunShellScript", script=[script]),
        ),
    )


def finish(
    azure: Azure, instance: Instance, poller: LROPoller[models.RunCommandResult]
) -> str:
    """Wait for a script that was begun; return its standard output.

    Raises:
        AzureError: It could not be run, or ended with another exit code than 0.
        WaitTimedOut: It was not over in time.
    """
    result = collect(
        azure, f"the command on {instance.name}", poller, timeout_s=TIMEOUT_S
    )
    statuses = (result.value or [])[:1]
    if any("failed" in (status.code or "").lower() for status in statuses):
        raise AzureError(
            f"the command on {instance.name} failed: {statuses[0].message}",
            fix="try the command on an instance by hand",
            code="CommandFailed",
        )
    return standard_output(statuses)


def standard_output(statuses: list[models.InstanceViewStatus]) -> str:
    """Read what was printed out of the message of a finished command. Pure.

    The message has a line ``[stdout]``, the output, a line ``[stderr]``, the errors.
    """
    message = (statuses[0].message if statuses else None) or ""
    _, _, printed = message.partition("[stdout]\n")
    return printed.partition("\n[stderr]")[0].strip()
