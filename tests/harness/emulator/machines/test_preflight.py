"""Computers that cannot make sandboxes, and what each is told."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from release.emulator.machines import MachineError, Machines, NoSandbox
from release.emulator.machines.preflight import explain


def test_a_missing_bubblewrap_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with asyncio.Runner() as runner, pytest.raises(NoSandbox) as caught:
        runner.run(Machines(tmp_path / "state", ca_pem=b"").base_image())
    assert str(caught.value) == (
        "bubblewrap is not installed: there is no program bwrap on PATH\n"
        "  fix: sudo apt-get install bubblewrap (its name on other systems, too)"
    )


@pytest.mark.parametrize(
    ("kernel", "what", "fix"),
    [
        pytest.param(
            {"kernel/apparmor_restrict_unprivileged_userns": "1"},
            "AppArmor forbids user namespaces to ordinary programs "
            "(kernel.apparmor_restrict_unprivileged_userns = 1, as on Ubuntu 24.04)",
            "allow them to bubblewrap alone: printf 'abi <abi/4.0>,\\nprofile bwrap "
            "/usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n' | sudo tee "
            "/etc/apparmor.d/bwrap && sudo apparmor_parser -r /etc/apparmor.d/bwrap",
            id="apparmor",
        ),
        pytest.param(
            {"kernel/unprivileged_userns_clone": "0"},
            "The kernel forbids user namespaces to ordinary users "
            "(kernel.unprivileged_userns_clone = 0)",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1",
            id="debian",
        ),
        pytest.param(
            {"user/max_user_namespaces": "0"},
            "The kernel allows no user namespace (user.max_user_namespaces = 0)",
            "sudo sysctl -w user.max_user_namespaces=10000",
            id="none-left",
        ),
    ],
)
def test_forbidden_namespaces_are_told_apart(
    kernel: dict[str, str], what: str, fix: str
) -> None:
    said = "bwrap: setting up uid map: Permission denied"
    found = explain(said, kernel)
    assert (found.what, found.fix) == (
        f"bubblewrap cannot make a sandbox here: {said}. {what}",
        fix,
    )


def test_a_container_is_recognized_by_its_hidden_proc() -> None:
    said = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
    assert explain(said, {"user/max_user_namespaces": "1000"}).fix.startswith(
        "run outside the container, or start it with --security-opt systempaths="
    )


def test_a_computer_without_namespaces_says_so(tmp_path: Path) -> None:
    """The trial itself, in a sandbox that may make no other."""
    program = (
        "import asyncio, pathlib, sys\n"
        "from release.emulator.machines import Machines, NoSandbox\n"
        "try: asyncio.run(Machines(pathlib.Path(sys.argv[1]), ca_pem=b'').images())\n"
        "except NoSandbox as error: print(error.what)\n"
    )
    ran = subprocess.run(
        [
            *("bwrap", "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"),
            *("--uid", "1234", "--", sys.executable, "-c", program, tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith("bubblewrap cannot make a sandbox here: bwrap: ")


def test_an_error_says_what_and_what_to_do() -> None:
    assert str(MachineError("it broke", fix="mend it")) == "it broke\n  fix: mend it"
