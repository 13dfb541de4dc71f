"""The load generators that are compared, each started as its own users start it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USERS = 20
LONGEST_S = 60
"""Seconds after which each ends by itself, whatever becomes of the benchmark."""
VISITORS = """
from locust import {user}, task

class Visitor({user}):
    @task
    def visit(self):
        self.client.get("/")
"""
OURS = """
import sys
from pathlib import Path
from release.load.profile import Profile
from release.load.run import run

profile = Profile(
    locustfile=Path(sys.argv[1]),
    users=int(sys.argv[4]),
    spawn_rate=float(sys.argv[4]),
    time_s=float(sys.argv[5]),
    warmup_s=1,
)
run(profile, host=sys.argv[2], folder=Path(sys.argv[3]))
"""
JMETER_HOME = Path("/usr/share/jmeter")
XSTREAM = Path("/usr/share/java/xstream.jar")
FORBIDS = "com/thoughtworks/xstream/security/NoTypePermission.class"


@dataclass(frozen=True, kw_only=True, slots=True)
class Generator:
    """One of them."""

    name: str
    command: Callable[[str, Path], Sequence[str]]
    """From the site's address and an empty folder."""
    is_harness: bool = False
    """Whether the generator is a child of the command, not the command itself."""


def ours(url: str, folder: Path) -> Sequence[str]:
    """Run a load as a release does: Locust as a child, with the recorder."""
    locustfile = _locustfile(folder, "FastHttpUser")
    arguments = (str(locustfile), url, str(folder / "load"), str(USERS), str(LONGEST_S))
    return [sys.executable, "-c", OURS, *arguments]


def fast(url: str, folder: Path) -> Sequence[str]:
    """Run Locust's fastest client alone."""
    return _locust(_locustfile(folder, "FastHttpUser"), url)


def plain(url: str, folder: Path) -> Sequence[str]:
    """Run Locust's usual client alone."""
    return _locust(_locustfile(folder, "HttpUser"), url)


def hey(url: str, _folder: Path) -> Sequence[str]:
    """Run hey; it uses every core."""
    return ["hey", "-z", f"{LONGEST_S}s", "-c", str(USERS), f"{url}/"]


def jmeter(url: str, folder: Path) -> Sequence[str]:
    """Run JMeter 2.13 without its window, from a mended classpath.

    Debian's XStream is newer than JMeter 2.13 and forbids it to read its own test
    plans, whatever they hold. The one method that forbids it comes first on the
    classpath here, and forbids nothing.
    """
    mended = folder / "mended"
    _mend(mended / FORBIDS)
    return [
        *("java", "-cp", f"{mended}:{JMETER_HOME / 'bin' / 'ApacheJMeter.jar'}"),
        *(f"-Djmeter.home={JMETER_HOME}", "org.apache.jmeter.NewDriver"),
        *("-n", "-t", str(Path(__file__).with_name("plan.jmx"))),
        *("-l", str(folder / "results.jtl"), "-j", str(folder / "jmeter.log")),
        *(f"-Jusers={USERS}", f"-Jtime_s={LONGEST_S}"),
        f"-Jport={url.rpartition(':')[2]}",
    ]


def _mend(path: Path) -> None:
    """Write the class whose only method is `throw new ForbiddenClassException(type)`.

    Its nine bytes become seven of doing nothing and `return true`.
    """
    with zipfile.ZipFile(XSTREAM) as jar:
        code = jar.read(FORBIDS)
    forbids = re.compile(rb"\xbb..\x59\x2b\xb7..\xbf", re.DOTALL)
    mended, count = forbids.subn(b"\x00" * 7 + b"\x04\xac", code)
    if count != 1:
        raise SystemExit(f"{XSTREAM} is another one than Debian 12's: cannot mend it")
    path.parent.mkdir(parents=True)
    path.write_bytes(mended)


GENERATORS = (
    Generator(name="ours, recorder on", command=ours, is_harness=True),
    Generator(name="bare FastHttpUser", command=fast),
    Generator(name="plain HttpUser", command=plain),
    Generator(name="JMeter 2.13", command=jmeter),
    Generator(name="hey", command=hey),
)


@contextmanager
def running(
    generator: Generator, url: str, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a generator until the block ends."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            list(generator.command(url, folder)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=kept,
        ) as child,
    ):
        try:
            yield child
        finally:
            child.terminate()


def _locustfile(folder: Path, user: str) -> Path:
    path = folder / "locustfile.py"
    path.write_text(VISITORS.format(user=user), encoding="utf-8")
    return path


def _locust(locustfile: Path, url: str) -> list[str]:
    return [
        *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
        *("-f", str(locustfile), "--host", url),
        *("--users", str(USERS), "--spawn-rate", str(USERS)),
        *("--run-time", f"{LONGEST_S}s"),
    ]
