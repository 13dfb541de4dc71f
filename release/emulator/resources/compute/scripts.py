"""Scripts in a machine: run, with what they say on both streams."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, field

from release.emulator.cloud import Cloud
from release.emulator.errors import conflict
from release.emulator.kinds import Body
from release.emulator.machines.errors import MachineError, NotStarted
from release.emulator.resources.compute.blob_output import BlobOutput
from release.emulator.resources.compute.profiles import invalid, list_of
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource

SHOWN_BYTES = 4096
"""An instance view has the last 4 KiB of a stream."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What to run in a machine, and as whom."""

    text: str
    parameters: tuple[Body, ...] = ()
    """``{"name", "value"}``: a named one is an environment variable, one without a
    name an argument."""
    timeout_s: float = 5400
    user: str | None = None
    output_url: str | None = None
    error_url: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The named parameters."""
        return {p["name"]: str(p["value"]) for p in self.parameters if p.get("name")}

    @property
    def command(self) -> str:
        """The script, wrapped when it takes arguments."""
        arguments = [str(p["value"]) for p in self.parameters if not p.get("name")]
        if not arguments:
            return self.text
        return (
            "#!/bin/sh\nscript=$(mktemp) && printf %s "
            f"{shlex.quote(self.text)} > $script && chmod 700 $script\n"
            f'head -c 2 $script | grep -q "#!" && exec $script '
            f"{shlex.join(arguments)}\nexec /bin/sh $script {shlex.join(arguments)}\n"
        )


def script_parameters(body: Body, name: str) -> list[Body]:
    """Return a script's parameters as a body gives them.

    Raises:
        ArmError: 400: one of them has no value.
    """
    found = list_of(body, name, dict)
    for at, parameter in enumerate(found):
        if "value" not in parameter:
            raise invalid(f"{name}[{at}]", parameter, "expected a value")
    return found


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a script is, and what it said last."""

    state: str = "Pending"
    started_at: str = ""
    ended_at: str = ""
    exit_code: int = 0
    message: str = ""
    streams: dict[str, bytearray] = field(
        default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()}
    )

    def take(self, stream: str, data: bytes) -> None:
        """Keep the end of a stream."""
        kept = self.streams[stream]
        kept += data
        del kept[:-SHOWN_BYTES]

    def text(self, stream: str) -> str:
        """Return the end of a stream."""
        return self.streams[stream].decode(errors="replace")

    def view(self) -> Body:
        """Return it as the instance view of a run command."""
        shown = {
            "executionState": self.state,
            "executionMessage": self.message,
            "exitCode": self.exit_code,
            "output": self.text("stdout"),
            "error": self.text("stderr"),
            "startTime": self.started_at,
            "endTime": self.ended_at,
            "statuses": [],
        }
        return {name: value for name, value in shown.items() if value != ""}


async def execute(
    cloud: Cloud, machine: Resource, script: Script, progress: Progress
) -> None:
    """Run a script to its end; `progress` tells how it goes.

    Raises:
        ArmError: 409, the machine does not run.
    """
    check_running(machine)
    progress.state, progress.started_at = "Running", timestamp()
    output = BlobOutput(script.output_url, cloud)
    errors = BlobOutput(script.error_url, cloud)

    def on_output(stream: str, data: bytes) -> None:
        progress.take(stream, data)
        (output if stream == "stdout" else errors).write(data)

    try:
        async with output, errors, asyncio.timeout(script.timeout_s):
            progress.exit_code = await cloud.machines.run(
                machine.private["machine"],
                script.command,
                env=script.environment,
                on_output=on_output,
                timeout_s=script.timeout_s + 60,
                user=script.user,
            )
        progress.state = "Failed" if progress.exit_code else "Succeeded"
    except TimeoutError:
        progress.state, progress.exit_code = "TimedOut", -1
        progress.message = f"It did not end within {script.timeout_s:g} seconds."
    except NotStarted as error:
        progress.state, progress.exit_code = "Failed", -1
        progress.message = error.what
        progress.take("stderr", f"{error.what}\n".encode())
    except MachineError as error:
        progress.state, progress.exit_code = "Failed", -1
        progress.message = error.what
        raise
    except asyncio.CancelledError:
        progress.state, progress.exit_code = "Canceled", -1
        raise
    finally:
        progress.ended_at = timestamp()
        progress.message = progress.message or output.problem or errors.problem


def check_running(machine: Resource) -> None:
    """Raise the 409 when a machine is not there to run anything."""
    if machine.private.get("power") != "running":
        raise conflict(
            "OperationNotAllowed",
            "The operation requires the VM to be running (or set to run).",
        )
