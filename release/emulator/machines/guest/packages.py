"""``apt-get``: a machine uses the host's packages and can add none."""

from __future__ import annotations

import subprocess
import sys

_NOTHING_TO_DO = {
    "update",
    "upgrade",
    "dist-upgrade",
    "full-upgrade",
    "autoremove",
    "autoclean",
    "clean",
    "check",
}
_FAILED = 100


def main(_tool: str, argv: list[str]) -> int:
    """Say yes to what is there already, and explain what is not."""
    words = [word for word in argv if not word.startswith("-")]
    options = {"-o", "-t", "-c"}
    words = [w for before, w in _pairs(argv) if w in words and before not in options]
    verb, packages = (words[0] if words else ""), words[1:]
    if verb in _NOTHING_TO_DO:
        sys.stdout.write(f"{verb}: nothing to do; this machine uses the host's /usr\n")
        return 0
    if verb in ("install", "reinstall"):
        return _install(packages)
    return _fail(f"{verb or 'that'} is not possible: /usr is the host's, read-only")


def _install(packages: list[str]) -> int:
    missing = []
    for package in packages:
        version = _installed(package.partition("=")[0].partition("/")[0])
        if version:
            sys.stdout.write(f"{package} is already the newest version ({version}).\n")
        else:
            missing.append(package)
    if not missing:
        return 0
    names = " ".join(missing)
    return _fail(
        f"Unable to install {names}: a machine of the embedded Azure has no "
        "package archive, it sees the host's /usr.\n"
        f"E: Install it on the host (apt-get install {names}), or bring what you "
        "need as files under /opt."
    )


def _installed(package: str) -> str:
    asked = subprocess.run(
        ["/usr/bin/dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, version = asked.stdout.partition(" ")
    return version if asked.returncode == 0 and state == "installed" else ""


def _pairs(argv: list[str]) -> list[tuple[str, str]]:
    return list(zip(["", *argv], argv, strict=False))


def _fail(text: str) -> int:
    sys.stderr.write(f"E: {text}\n")
    return _FAILED
