"""From an environment's name to a connection; the only door to the embedded Azure.

For ``cloud = "local"`` the embedded Azure of this checkout is started when it does
not run, and left running: one process with its machines and its balancer, which
``python -m release down`` stops.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from release.azure import clouds
from release.azure.clients import PROBE_S, Azure, Endpoint
from release.azure.surroundings import Surroundings
from release.azure.tokens import Tokens
from release.builds import STATE
from release.errors import EmulatorFailed
from release.settings import Account, Secret, Settings
from release.wait import Seen, wait_until

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30
LOCAL_POLL_S = 0.1
LOCAL_PROBE_S = 0.5
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """A running embedded Azure, as its ``endpoint.json`` says."""

    pid: int
    arm_url: str
    blob_url: str
    authority_url: str
    ca: Path
    tenant: str
    subscription: str
    client_id: str
    client_secret: str
    proxy_url: str
    ssh_port: int
    pace: float

    def __repr__(self) -> str:
        return f"Embedded(pid={self.pid}, arm_url={self.arm_url!r})"


def folder(root: Path) -> Path:
    """Return the state folder of a checkout's embedded Azure."""
    return root / STATE / "emulator"


def running(root: Path) -> Embedded | None:
    """Return the checkout's embedded Azure when it runs and answers, else None."""
    try:
        text = (folder(root) / "endpoint.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    raw = json.loads(text)
    found = Embedded(
        pid=raw["pid"],
        arm_url=raw["arm"],
        blob_url=raw["blob"],
        authority_url=raw["authority"],
        ca=Path(raw["ca"]),
        tenant=raw["tenant"],
        subscription=raw["subscription"],
        client_id=raw["client_id"],
        client_secret=raw["client_secret"],
        proxy_url=raw.get("proxy", ""),
        ssh_port=raw.get("ssh_port", 0),
        pace=raw.get("pace", 0.0),
    )
    health = _ask(found, "/emulator/health")
    return found if health and health.get("pid") == found.pid else None


def requests(embedded: Embedded, *, since: int = 0) -> Mapping[str, Any]:
    """Return what clients asked of the embedded Azure after a number.

    Returns:
        ``{"count": so many in all, "value": [{"number", "method", "path", ...}]}``.

    Raises:
        EmulatorFailed: It does not answer.
    """
    found = _ask(embedded, f"/emulator/requests?since={since}")
    if found is None:
        raise EmulatorFailed(
            f"the embedded Azure at {embedded.arm_url} does not answer",
            fix="run python -m release down, then release again",
        )
    return found


def proxied(embedded: Embedded) -> dict[str, str]:
    """Return the variables that send a client of Azure's own names here.

    Go reads SSL_CERT_FILE, Python's requests REQUESTS_CA_BUNDLE; the last two keep
    Packer from calling home, and everybody from a way around the proxy.

    Raises:
        EmulatorFailed: It was started by a version that had no proxy.
    """
    if not embedded.proxy_url:
        raise EmulatorFailed(
            "the embedded Azure that runs is of an older version, without a proxy",
            fix="python -m release down --env local, then up again",
        )
    return {
        "HTTPS_PROXY": embedded.proxy_url,
        "NO_PROXY": "127.0.0.1,localhost",
        "SSL_CERT_FILE": str(embedded.ca),
        "REQUESTS_CA_BUNDLE": str(embedded.ca),
        "CHECKPOINT_DISABLE": "1",
    }


def up(
    root: Path,
    *,
    pace: float = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Embedded:
    """Return the checkout's embedded Azure, started when it does not run.

    Args:
        root: The project's folder.
        pace: 0 does things at once, 1 takes times like Azure's.
        progress: Told what is waited for.

    Raises:
        EmulatorFailed: It does not come up; with the end of its log.
    """
    state = folder(root)
    state.mkdir(parents=True, exist_ok=True)
    with FileLock(state.parent / "emulator.lock"):
        found = running(root)
        if found:
            return found
        progress("starting the embedded Azure")
        return _start(root, state, pace, progress)


def _start(
    root: Path, state: Path, pace: float, progress: Callable[[str], None]
) -> Embedded:
    log = state / "emulator.log"
    begins_at = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "release.emulator",
                "--state",
                str(state),
                "--pace",
                str(pace),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=state,
            env=_environment(),
            start_new_session=True,
        )

    def look() -> Seen[Embedded]:
        if child.poll() is not None:
            raise EmulatorFailed(
                f"the embedded Azure ended with status {child.returncode} as it "
                f"started:\n{_tail(log, begins_at)}",
                fix=f"read {log}; python -m release doctor --env local says what "
                "is missing",
            )
        return Seen(what="it does not answer yet", value=running(root))

    found = wait_until(
        "embedded Azure",
        look,
        timeout_s=START_TIMEOUT_S,
        interval_s=0.05,
        fix=f"read {log}",
        progress=progress,
    )
    # It outlives this process on purpose: nobody waits for it here.
    child.returncode = 0
    return found


def _environment() -> dict[str, str]:
    """Return the environment for the emulator: this package importable, no secrets."""
    package = str(Path(__file__).resolve().parent.parent)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name
        in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "XDG_RUNTIME_DIR")
    }
    return kept | {"PYTHONPATH": package, "PYTHONUNBUFFERED": "1"}


def down(root: Path, *, forget: bool = False) -> bool:
    """Stop the checkout's embedded Azure; tell whether it ran.

    Args:
        root: The project's folder.
        forget: Also delete its state: resources, images, machines.

    Raises:
        WaitTimedOut: It does not end.
    """
    found = running(root)
    if found:
        process = psutil.Process(found.pid)
        process.send_signal(signal.SIGTERM)
        wait_until(
            "end of the embedded Azure",
            lambda: Seen(
                what=f"process {found.pid} still runs",
                value=None if _alive(process) else True,
            ),
            timeout_s=STOP_TIMEOUT_S,
            interval_s=0.05,
            fix=f"end process {found.pid} by hand",
        )
    if forget:
        shutil.rmtree(folder(root), ignore_errors=True)
    return found is not None


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _ask(embedded: Embedded, path: str) -> dict[str, Any] | None:
    try:
        context = ssl.create_default_context(cafile=embedded.ca)
        with urllib.request.urlopen(  # noqa: S310 - an https URL of our own
            embedded.arm_url + path, context=context, timeout=5
        ) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, urllib.error.URLError, ValueError):
        return None


def _tail(log: Path, begins_at: int, lines: int = 12) -> str:
    """Return the last lines that a log has since a position."""
    with log.open("rb") as file:
        file.seek(begins_at)
        text = file.read().decode(errors="replace").rstrip()
    return "\n".join(text.splitlines()[-lines:])


def connect(
    settings: Settings,
    *,
    progress: Callable[[str], None] = lambda _: None,
    admit: Callable[[], None] = lambda: None,
    tokens: Tokens | None = None,
) -> Azure:
    """Return the Azure of an environment.

    Args:
        settings: ``env.cloud`` decides; "local" starts the embedded Azure.
        progress: Told what is waited for.
        admit: Called before each request that may change something.
        tokens: Of earlier connections to it, if any.

    Raises:
        EmulatorFailed: The embedded Azure does not come up.
        ReleaseError: No credential can be had.
    """
    if settings.env.cloud == "local":
        embedded = up(settings.root, progress=progress)
        return _connect_local(embedded, settings.env.subscription, admit)
    endpoint = clouds.endpoint(settings)
    return _signed_in(settings.account, endpoint, admit, tokens)


def subscription_of(settings: Settings) -> str:
    """Return the subscription of an environment whose Azure is up."""
    if settings.env.subscription or settings.env.cloud != "local":
        return settings.env.subscription
    return up(settings.root).subscription


def _connect_local(
    embedded: Embedded, subscription: str, admit: Callable[[], None]
) -> Azure:
    endpoint = Endpoint(
        subscription=subscription or embedded.subscription,
        arm_url=embedded.arm_url,
        audience=embedded.arm_url,
        authority_url=embedded.authority_url,
        blob_url=embedded.blob_url + "/{account}",
        known=False,
        ca=embedded.ca,
        polling_interval_s=LOCAL_POLL_S,
        probe_s=max(LOCAL_PROBE_S, PROBE_S * embedded.pace),
    )
    return _signed_in(_account(embedded), endpoint, admit)


def _signed_in(
    account: Account,
    endpoint: Endpoint,
    admit: Callable[[], None],
    tokens: Tokens | None = None,
) -> Azure:
    from release.azure.credential import credential  # noqa: PLC0415 - slow

    return Azure(endpoint, credential(account, endpoint, tokens), admit)


def surroundings(settings: Settings, variables: Mapping[str, str]) -> Surroundings:
    """Return what a client of Azure that is not ours needs, such as Packer.

    The embedded Azure is reached under Azure's own names through its proxy, and knows
    its own principal only: what the shell holds for the real one is not for it.

    Args:
        settings: ``env.cloud`` decides; "local" starts the embedded Azure.
        variables: The process environment.

    Raises:
        EmulatorFailed: The embedded Azure does not come up.
    """
    if settings.env.cloud == "local":
        found = up(settings.root)
        kept = {
            name: text
            for name, text in variables.items()
            if not name.startswith(("ARM_", "AZURE_"))
            and name.lower() not in PROXY_VARIABLES
        }
        ours = _signing_in(_account(found), found.subscription)
        return Surroundings(
            environment={**kept, **proxied(found), **ours}, ssh_port=found.ssh_port
        )
    ours = _signing_in(settings.account, settings.env.subscription)
    return Surroundings(environment={**variables, **ours})


def _signing_in(account: Account, subscription: str) -> dict[str, str]:
    """Return the variables of who signs in, as far as they are known."""
    known = {
        "ARM_TENANT_ID": account.tenant_id,
        "ARM_CLIENT_ID": account.client_id,
        "ARM_CLIENT_SECRET": account.client_secret.get_secret_value(),
        "ARM_SUBSCRIPTION_ID": subscription,
    }
    return {name: text for name, text in known.items() if text}


def _account(embedded: Embedded) -> Account:
    return Account(
        tenant_id=embedded.tenant,
        client_id=embedded.client_id,
        client_secret=Secret(embedded.client_secret),
    )
