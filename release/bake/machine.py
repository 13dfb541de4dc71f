"""Run the recipe's steps on the builder machine, and follow what it prints.

Through a managed run command: no port is open and no key is used, it may run for
long, and its output goes to an append blob while it runs; the action-style run
command would keep the last 4,096 bytes only (source: "Run scripts in your Linux VM
by using managed Run Commands").
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from azure.mgmt.compute import models

from release.azure.clients import Azure
from release.azure.operations import CUT_OFF, call, collect
from release.azure.storage import Container
from release.bake.provision import MARK
from release.errors import AzureError, BakeFailed
from release.redaction import Lines
from release.wait import Seen, wait_until

COMMAND = "provision"
LAST_LINES = 12
ENDED = ("Succeeded", "Failed", "Canceled")
EXTRA_S = 300
"""What Azure may need around the script's own time, and at most as long as that."""

FAILED = re.compile(
    re.escape(MARK) + r" failed at (?P<step>(\d+/\d+ )?(?P<title>.+?)): (?P<why>.+)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What the machine is told.

    Attributes:
        payload: Blob of the payload.
        payload_sha256: Its SHA-256, in hexadecimal.
        build: Build id, for /etc/release.env.
        commit: The same.
        digest: The same.
        location: Region of the machine.
        timeout_s: Seconds that the steps may take.
    """

    payload: str
    payload_sha256: str
    build: str
    commit: str
    digest: str
    location: str
    timeout_s: float


def provision(
    azure: Azure,
    group: str,
    vm_name: str,
    container: Container,
    order: Order,
    *,
    progress: Callable[[str], None],
    output: Callable[[str], None],
) -> None:
    """Do the recipe's steps on a machine.

    Args:
        azure: Where.
        group: The machine's group.
        vm_name: The machine.
        container: Holds the payload, and gets the log.
        order: What to do.
        progress: Told each step.
        output: Told each line that the steps print.

    Raises:
        BakeFailed: A step failed; the error has its name and last lines.
        WaitTimedOut: It took too long.
        AzureError: Azure refused or failed.
    """
    log = f"log/{order.build}.txt"
    container.create_log(log)
    last: deque[str] = deque(maxlen=LAST_LINES)
    failed: list[re.Match[str]] = []
    printed = Lines()

    def told(line: str) -> None:
        found = FAILED.fullmatch(line)
        if found:
            failed.append(found)
        elif line.startswith(MARK):
            progress(line.removeprefix(MARK).strip())
            last.clear()
        else:
            last.append(printed.redact(line))
            output(last[-1])

    tail = container.tail(log, told)
    lasts = timedelta(seconds=order.timeout_s + EXTRA_S)
    body = run_command(
        order,
        payload_url=container.signed_url(order.payload, "r", lasts=lasts),
        log_url=container.signed_url(log, "racw", lasts=lasts),
    )
    doing = f"provisioning {group}/{vm_name}"
    run_commands = azure.compute.virtual_machine_run_commands
    timeout_s = order.timeout_s + min(EXTRA_S, order.timeout_s)

    def outcome() -> models.VirtualMachineRunCommand:
        return call(
            azure,
            f"reading the outcome of {doing}",
            lambda: run_commands.get_by_virtual_machine(
                group, vm_name, COMMAND, expand="instanceView"
            ),
        )

    def look() -> Seen[bool]:
        tail.look()
        state = outcome().provisioning_state or ""
        return Seen(what=state, value=True if state in ENDED else None)

    try:
        poller = call(
            azure,
            doing,
            lambda: run_commands.begin_create_or_update(
                group, vm_name, COMMAND, body, retry_read=0
            ),
        )
        collect(
            azure,
            doing,
            poller,
            timeout_s=timeout_s,
            progress=progress,
            meanwhile=tail.look,
        )
    except AzureError as error:
        if error.code != CUT_OFF:
            raise
        # Sent twice it would run twice, and its steps are not made for that.
        wait_until(
            f"end of {doing}",
            look,
            timeout_s=timeout_s,
            interval_s=azure.poll_s,
            fix="look at the resource group's activity log",
            progress=progress,
        )
    seen = outcome()
    tail.finish()
    view = seen.instance_view
    if failed or view is None or view.exit_code != 0:
        raise failure(failed[-1] if failed else None, view, list(last))


def run_command(
    order: Order, *, payload_url: str, log_url: str
) -> models.VirtualMachineRunCommand:
    """Return the body of the run command. Pure, but for reading the script.

    What is secret in the addresses goes into protected parameters, which Azure
    encrypts for the machine and never shows again.
    """
    plain = {
        "RELEASE_PAYLOAD_SHA256": order.payload_sha256,
        "RELEASE_BUILD": order.build,
        "RELEASE_COMMIT": order.commit,
        "RELEASE_DIGEST": order.digest,
    }
    return models.VirtualMachineRunCommand(
        location=order.location,
        properties=models.VirtualMachineRunCommandProperties(
            source=models.VirtualMachineRunCommandScriptSource(script=script()),
            parameters=[
                models.RunCommandInputParameter(name=name, value=value)
                for name, value in plain.items()
            ],
            protected_parameters=[
                models.RunCommandInputParameter(
                    name="RELEASE_PAYLOAD_URL", value=payload_url
                )
            ],
            output_blob_uri=log_url,
            timeout_in_seconds=int(order.timeout_s),
            async_execution=False,
            treat_failure_as_deployment_failure=False,
        ),
    )


def script() -> str:
    """Return the script that a machine runs: sh, then the text of `provision`."""
    text = Path(__file__).with_name("provision.py").read_text("utf-8")
    return (
        "#!/bin/sh\n"
        "exec 2>&1\n"
        "exec /usr/bin/python3 -u - <<'RELEASE_PROVISION_END'\n"
        f"{text}"
        "RELEASE_PROVISION_END\n"
    )


def failure(
    marked: re.Match[str] | None,
    view: models.VirtualMachineRunCommandInstanceView | None,
    last: list[str],
) -> BakeFailed:
    """Say why the steps failed. Pure.

    Args:
        marked: The line, matched by `FAILED`, that names the step; None without one.
        view: What Azure knows of the run command.
        last: The last lines that were printed.
    """
    if marked:
        what = f"step {marked['step']} failed: {marked['why']}"
        fix = f"mend {marked['title'].split()[-1]} of the recipe"
    elif view is not None and view.execution_state == "TimedOut":
        what = "the recipe's steps did not end in time"
        fix = "raise bake_timeout_s, or mend the step that hangs"
    else:
        state = view.execution_state if view else "unknown"
        state = getattr(state, "value", state)
        message = (view.execution_message if view else "") or "no message"
        code = view.exit_code if view else None
        what = f"the run command ended as {state} with exit code {code}: {message}"
        fix = "read the build's log; the builder machine is gone"
    lines = "".join(f"\n  | {line}" for line in last)
    return BakeFailed(f"{what}{lines}", fix=fix)
