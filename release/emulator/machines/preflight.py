"""Find out whether and how this computer can make sandboxes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from release.emulator.machines import child
from release.emulator.machines.errors import NoSandbox
from release.emulator.machines.sandbox import PYTHON, Mode, privileges

_LIMITS = (
    "kernel/apparmor_restrict_unprivileged_userns",
    "kernel/unprivileged_userns_clone",
    "user/max_user_namespaces",
)
_APPARMOR_PROFILE = (
    "printf 'abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) "
    "{\\n  userns,\\n}\\n' | sudo tee /etc/apparmor.d/bwrap && "
    "sudo apparmor_parser -r /etc/apparmor.d/bwrap"
)


async def find_mode(folder: Path) -> Mode:
    """Return what the emulator may do here, by trying it.

    Args:
        folder: Where a scratch file may be written.

    Raises:
        NoSandbox: bubblewrap or Python is missing, or the kernel forbids it.
    """
    if shutil.which("bwrap") is None:
        raise NoSandbox(
            "bubblewrap is not installed: there is no program bwrap on PATH",
            fix="sudo apt-get install bubblewrap (its name on other systems, too)",
        )
    if not os.access(PYTHON, os.X_OK):
        raise NoSandbox(
            f"{PYTHON} is missing: machines of the embedded Azure run on it",
            fix="sudo apt-get install python3",
        )
    said = ""
    modes = [Mode.ROOT, Mode.USER] if os.geteuid() == 0 else [Mode.USER]
    for mode in modes:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as scratch:
            code, said = await child.run(_trial(mode), Path(scratch.name))
        if code == 0:
            return mode
    raise explain(said, limits())


def _trial(mode: Mode) -> list[str]:
    return [
        "bwrap",
        *privileges(mode),
        *("--unshare-pid", "--unshare-uts", "--unshare-ipc"),
        *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"),
        *("--tmpfs", "/run", "--", "/bin/true"),
    ]


def limits() -> dict[str, str]:
    """Return the kernel's settings on user namespaces, as far as it has them."""
    found = {}
    for name in _LIMITS:
        path = Path("/proc/sys", name)
        if path.is_file():
            found[name] = path.read_text(encoding="ascii").strip()
    return found


def explain(said: str, kernel: Mapping[str, str]) -> NoSandbox:
    """Turn bubblewrap's words and the kernel's settings into a reason and a fix.

    Args:
        said: What bubblewrap printed.
        kernel: Settings by name, such as ``user/max_user_namespaces``.
    """
    what = f"bubblewrap cannot make a sandbox here: {said or 'it gave no reason'}"
    if kernel.get("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return NoSandbox(
            f"{what}. AppArmor forbids user namespaces to ordinary programs "
            "(kernel.apparmor_restrict_unprivileged_userns = 1, as on Ubuntu 24.04)",
            fix=f"allow them to bubblewrap alone: {_APPARMOR_PROFILE}",
        )
    if kernel.get("kernel/unprivileged_userns_clone") == "0":
        return NoSandbox(
            f"{what}. The kernel forbids user namespaces to ordinary users "
            "(kernel.unprivileged_userns_clone = 0)",
            fix="sudo sysctl -w kernel.unprivileged_userns_clone=1",
        )
    if kernel.get("user/max_user_namespaces") == "0":
        return NoSandbox(
            f"{what}. The kernel allows no user namespace "
            "(user.max_user_namespaces = 0)",
            fix="sudo sysctl -w user.max_user_namespaces=10000",
        )
    if "proc" in said:
        return NoSandbox(
            f"{what}. A container hides parts of /proc, so that no sandbox in it can "
            "have its own",
            fix="run outside the container, or start it with "
            "--security-opt systempaths=unconfined --security-opt seccomp=unconfined",
        )
    return NoSandbox(
        what,
        fix="run outside a container, or start the container with "
        "--security-opt seccomp=unconfined --security-opt apparmor=unconfined",
    )
