"""Runs on the builder machine, not here: turns it into what the recipe says.

Needs /usr/bin/python3 (3.9 or newer) and sh, nothing else, and imports nothing of
the harness: its text is sent as a run command. What to do comes in the environment,
which is how managed run commands hand over named parameters (source: Azure's
run-command-handler-linux, internal/exec/exec.go):

RELEASE_PAYLOAD_URL, RELEASE_PAYLOAD_SHA256   the payload, and what it must be
RELEASE_BUILD, RELEASE_COMMIT, RELEASE_DIGEST  identity, kept in /etc/release.env

It prints ``[release] 2/7 shell install.sh`` before each step, and on a failure
``[release] failed at 2/7 shell install.sh: exit code 3`` last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

MARK = "[release]"
IDENTITY = ("RELEASE_BUILD", "RELEASE_COMMIT", "RELEASE_DIGEST")
FETCH_ATTEMPTS = 6
FETCH_TIMEOUT_S = 120


class StepFailed(Exception):
    """A step ended with an exit code, or could not start."""


def say(text: str) -> None:
    """Print a line for the release's log."""
    sys.stdout.write(f"{MARK} {text}\n")
    sys.stdout.flush()


def fetch(url: str, sha256: str, target: Path) -> None:
    """Download a file over verified TLS; it must have the digest given.

    Outbound traffic may need some seconds after the machine is up, so a failing
    connection is tried again.
    """
    for attempt in range(1, FETCH_ATTEMPTS + 1):
        try:
            with (
                urllib.request.urlopen(  # noqa: S310 - the harness chose it: https
                    url, timeout=FETCH_TIMEOUT_S
                ) as answer,
                target.open("wb") as file,
            ):
                shutil.copyfileobj(answer, file)
            break
        except urllib.error.HTTPError as error:
            # Not the address: it carries a signature.
            error.close()
            raise StepFailed(f"the payload was refused: HTTP {error.code}") from None
        except OSError as error:
            if attempt == FETCH_ATTEMPTS:
                raise StepFailed(f"the payload cannot be fetched: {error}") from None
            say(f"no payload yet ({error}); trying again")
            time.sleep(attempt * 2)
    with target.open("rb") as file:
        found = hashlib.sha256(file.read()).hexdigest()
    if found != sha256:
        raise StepFailed(f"the payload is not what was sent: SHA-256 {found}")


def unpack(archive: Path, folder: Path) -> list[dict[str, str]]:
    """Unpack the payload, and return its steps."""
    with tarfile.open(archive) as packed:
        for entry in packed.getmembers():
            path = os.path.normpath(entry.name)
            if not entry.isfile() or path.startswith(("/", "..")):
                raise StepFailed(f"the payload holds {entry.name}, which is refused")
        # Every entry was looked at; newer Pythons want to be told a filter too.
        if hasattr(tarfile, "data_filter"):
            packed.extraction_filter = tarfile.data_filter
        packed.extractall(folder)  # noqa: S202
    steps: list[dict[str, str]] = json.loads((folder / "steps.json").read_text())
    return steps


def write_identity(target: Path, environment: dict[str, str]) -> None:
    """Write who this image is, for the service's unit to read."""
    lines = [f"{name}={environment.get(name, '')}\n" for name in IDENTITY]
    target.write_text("".join(lines), encoding="utf-8")
    target.chmod(0o644)


def perform(step: dict[str, str], folder: Path, environment: dict[str, str]) -> None:
    """Do one step.

    Raises:
        StepFailed: It ended with another exit code than 0.
    """
    source = folder / step["source"]
    if step["kind"] == "file":
        place(source, Path(step["destination"]), step["mode"])
        return
    if step["kind"] == "ansible":
        program = shutil.which("ansible-playbook", path=environment.get("PATH"))
        if program is None:
            raise StepFailed(
                "ansible-playbook is not on the machine's PATH: an earlier step, or "
                "the base image, must bring ansible-core"
            )
        command = [program, "-c", "local", "-i", "localhost,", str(source)]
        extra = {
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
        }
    else:
        command = ["/bin/sh", "-eu", str(source)]
        extra = {}
    sys.stdout.flush()
    done = subprocess.run(
        command,
        cwd=source.parent,
        env={**environment, **extra},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise StepFailed(f"exit code {done.returncode}")


def place(source: Path, destination: Path, mode: str) -> None:
    """Copy a file, or the content of a folder, to its destination."""
    if source.is_dir():
        shutil.copytree(source, destination, dirs_exist_ok=True)
        placed = [path for path in destination.rglob("*") if path.is_file()]
    else:
        if str(destination).endswith("/") or destination.is_dir():
            destination = destination / source.name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, destination)
        placed = [destination]
    if mode:
        for path in placed:
            path.chmod(int(mode, 8))


def surroundings(folder: Path) -> dict[str, str]:
    """Return the environment of the steps: identity, but no address and no secret."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RELEASE_PAYLOAD")
    }
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        **kept,
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "PYTHONUNBUFFERED": "1",
        "RELEASE_PAYLOAD": str(folder),
    }


def main() -> int:
    """Fetch the payload, do its steps, clean up, deprovision; return the status."""
    # Under /var, because scripts and libraries in /run or /tmp may not be executed.
    work = Path(tempfile.mkdtemp(prefix="release-", dir="/var/tmp"))
    doing = "fetch payload"
    try:
        say(doing)
        archive = work / "payload.tar.gz"
        fetch(
            os.environ["RELEASE_PAYLOAD_URL"],
            os.environ["RELEASE_PAYLOAD_SHA256"],
            archive,
        )
        folder = work / "payload"
        folder.mkdir()
        steps = unpack(archive, folder)
        environment = surroundings(folder)
        write_identity(Path("/etc/release.env"), environment)
        for number, step in enumerate(steps, 1):
            doing = f"{number}/{len(steps)} {step['title']}"
            say(doing)
            perform(step, folder, environment)
        doing = "deprovision"
        say(doing)
        shutil.rmtree(work)
        deprovision(environment)
    except (StepFailed, OSError) as error:
        say(f"failed at {doing}: {error}")
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say("done")
    return 0


def deprovision(environment: dict[str, str]) -> None:
    """Take away what makes this machine this machine, its administrator included.

    Source: "Remove machine-specific information by deprovisioning or generalizing
    a VM before creating an image".
    """
    done = subprocess.run(
        ["waagent", "-force", "-deprovision+user"],
        env={**environment, "HISTSIZE": "0"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise StepFailed(f"waagent ended with exit code {done.returncode}")
    os.sync()


if __name__ == "__main__":
    sys.exit(main())
