"""Make the disk this machine's own: name, addresses, trust, administrator.

Runs inside the sandbox, before any service. The host never writes to a machine's disk
by itself: a link in an image must not lead it to a file of its own.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .accounts import add_admin, remove

_AGENT = Path("/var/lib/waagent")
_RECORD = _AGENT / "provisioned"
_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
_OWN_CA = Path("/usr/local/share/ca-certificates/embedded-azure.crt")
_FOLDERS = {
    "/run/lock": 0o1777,
    "/run/systemd/system": 0o755,
    "/run/commands": 0o755,
    "/var/tmp": 0o1777,  # noqa: S108 - what every system has
    "/var/log": 0o755,
    "/root": 0o700,
}


@dataclass
class Boot:
    """What the host tells the init at each boot."""

    hostname: str
    address: str
    real_users: bool
    ca_pem: str = ""
    metadata: str = ""
    """Address of its metadata service."""
    resolver: str = ""
    admin: str = ""
    ssh_keys: list[str] = field(default_factory=list)
    custom_data: str = ""
    """Base64."""
    provision: bool = False
    """Whether this machine's disk is new: from a generalized image."""

    @staticmethod
    def parse(text: str) -> Boot:
        """Read what the host wrote."""
        values: dict[str, Any] = json.loads(text)
        return Boot(**values)


def prepare(boot: Boot) -> None:
    """Bring the disk in line with the machine that it is in."""
    for folder, mode in _FOLDERS.items():
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder).chmod(mode)
    _write("/etc/hostname", f"{boot.hostname}\n")
    _write(
        "/etc/hosts",
        f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
        f"{boot.address} {boot.hostname}\n",
    )
    _write("/etc/resolv.conf", boot.resolver)
    if not _text("/etc/machine-id").strip():
        _write("/etc/machine-id", f"{uuid.uuid4().hex}\n")
    _trust(boot.ca_pem)
    if boot.provision:
        _provision(boot)


def _provision(boot: Boot) -> None:
    _AGENT.mkdir(parents=True, exist_ok=True, mode=0o700)
    if boot.custom_data:
        data = base64.b64decode(boot.custom_data)
        for path in (_AGENT / "CustomData", Path("/var/lib/cloud/instance/user-data")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o600)
    if boot.admin:
        add_admin(boot.admin, boot.ssh_keys, real=boot.real_users)
    _RECORD.write_text(f"{boot.admin}\n", encoding="utf-8")


def deprovision(*, user: bool) -> list[str]:
    """Make the disk fit for an image, as ``waagent -deprovision`` does.

    Args:
        user: Whether the administrator goes too (``-deprovision+user``).

    Returns:
        A line for each thing done.
    """
    done = []
    admin = _text(_RECORD).strip()
    if user and admin:
        remove(admin)
        done.append(f"removed the user {admin} and its home")
    for path in (
        *Path("/etc/ssh").glob("ssh_host_*"),
        Path("/root/.bash_history"),
        Path("/var/lib/cloud"),
        Path("/var/lib/dhcp"),
        _AGENT,
    ):
        if not os.path.lexists(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        done.append(f"removed {path}")
    _write("/etc/hostname", "localhost.localdomain\n")
    _write("/etc/machine-id", "")
    _write("/etc/resolv.conf", "")
    done.append("reset host name, machine id and resolver")
    return done


def _trust(ca_pem: str) -> None:
    """Add the embedded Azure's certificate authority to those that are trusted."""
    if not ca_pem:
        return
    _write(_OWN_CA, ca_pem)
    known = _text(_TRUST)
    if ca_pem.strip() not in known:
        _write(_TRUST, f"{known.rstrip()}\n{ca_pem}" if known else ca_pem)


def _write(path: str | Path, text: str) -> None:
    """Replace a file, or a link in its place, by a file with this text."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.write_text(text, encoding="utf-8")


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
