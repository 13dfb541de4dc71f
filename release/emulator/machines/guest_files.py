"""The guest's programs, copied to where every user of a machine can read them.

A copy, since a checkout may be closed to others, and may change while machines run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from release.emulator.machines.guest.standins import TOOLS
from release.emulator.machines.sandbox import PYTHON

_SOURCE = Path(__file__).parent / "guest"
_TOOL = f"""\
#!{PYTHON} -ISB
import sys
sys.path.insert(0, "/run/guest/lib")
from guest.standins import main
sys.exit(main({{name!r}}, sys.argv[1:]))
"""


def tools() -> tuple[str, ...]:
    """Return the names of the tools that stand before the host's own."""
    return tuple(sorted(TOOLS))


def install(folder: Path) -> Path:
    """Copy the guest's programs unless this version of them is there.

    Args:
        folder: Where each version is kept.

    Returns:
        The version's folder, with ``lib/`` and ``bin/``.
    """
    sources = sorted(_SOURCE.glob("*.py"))
    digest = hashlib.sha256(_TOOL.encode())
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    target = folder / digest.hexdigest()[:16]
    if target.is_dir():
        return target
    shutil.rmtree(folder, ignore_errors=True)
    making = folder / "making"
    library, programs = making / "lib/guest", making / "bin"
    for path in (folder, making, making / "lib", library, programs):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
    for path in sources:
        _write(library / path.name, path.read_bytes(), 0o644)
    for name in tools():
        _write(programs / name, _TOOL.format(name=name).encode(), 0o755)
    _compile(making / "lib")
    making.rename(target)
    return target


def _write(path: Path, data: bytes, mode: int) -> None:
    path.write_bytes(data)
    path.chmod(mode)


def _compile(library: Path) -> None:
    """Compile with the machines' own Python: a boot then need not."""
    subprocess.run(
        [PYTHON, "-I", "-S", "-m", "compileall", "-q", library],
        check=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", "")},
        umask=0o022,
    )
