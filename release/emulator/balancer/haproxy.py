"""HAProxy's own formats. Pure: values in, text out, and back again.

A server is started as down and taken in by its first good probe. HAProxy 2.6 has
no setting for that, so every configuration comes with a server-state file which
says "stopped" for new servers and repeats for the others what was known of them.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping

from release.emulator.balancer.desired import (
    Distribution,
    Frontend,
    Health,
    Probe,
    Protocol,
    Server,
    ServerState,
)
from release.emulator.balancer.errors import AddressTaken

# The columns of a server-state file, version 1, up to HAProxy 2.6 and later ones.
_COLUMNS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight srv_time_since_last_change srv_check_status srv_check_result "
    "srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id "
    "srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
# What a probe changes, and so what a server keeps over a new configuration.
_KEPT = (
    "srv_op_state",
    "srv_check_status",
    "srv_check_result",
    "srv_check_health",
)
_STOPPED = {
    "srv_op_state": "0",
    "srv_check_status": "1",
    "srv_check_result": "0",
    "srv_check_health": "0",
}
_LONGEST_MS = 2**31 - 1
"""HAProxy takes no longer time: 24 days."""
# Old connections may outlive a change of the configuration by this long.
_DRAIN_LIMIT = "30m"

_CANNOT_BIND = re.compile(r"cannot bind socket \(([^)]+)\).*\[([0-9.]+):(\d+)\]")

Known = Mapping[tuple[str, str], Mapping[str, str]]


def render(
    desired: Iterable[Frontend], *, socket: str, states: str, max_connections: int
) -> str:
    """Write HAProxy's configuration.

    Args:
        desired: What shall be balanced.
        socket: Path of the control socket, relative to HAProxy's working folder.
        states: Path of the server-state file, relative likewise.
        max_connections: Connections open at a time, over all frontends.

    Returns:
        The text of the configuration file.
    """
    lines = [
        "global",
        f"    maxconn {max_connections}",
        "    nbthread 1",
        "    no strict-limits",
        # Two balancers on one address are a mistake, not a way to share load.
        "    noreuseport",
        f"    hard-stop-after {_DRAIN_LIMIT}",
        f"    stats socket unix@{socket} mode 600 level admin expose-fd listeners",
        f"    server-state-file {states}",
        "    log stderr format raw local0 notice",
        "defaults",
        "    mode tcp",
        "    log global",
        # As Azure's: a connection that an instance refuses is not tried elsewhere.
        "    retries 0",
        "    timeout connect 5s",
        "    load-server-state-from-file global",
    ]
    for frontend in desired:
        lines += _render_frontend(frontend)
    return "\n".join(lines) + "\n"


def _render_frontend(frontend: Frontend) -> Iterator[str]:
    name = token(frontend.name)
    yield f"frontend {name}"
    yield f"    bind {frontend.address}:{frontend.port}"
    yield f"    timeout client {_milliseconds(frontend.idle_timeout_s)}"
    yield f"    default_backend {name}"
    yield f"backend {name}"
    yield f"    timeout server {_milliseconds(frontend.idle_timeout_s)}"
    if frontend.distribution is Distribution.SOURCE:
        yield "    balance source"
        yield "    hash-type consistent"
    else:
        yield "    balance roundrobin"
    if frontend.probe:
        yield from _render_probe(frontend.probe)
    for server in frontend.servers:
        yield "    " + _render_server(server, frontend.probe)


def _render_probe(probe: Probe) -> Iterator[str]:
    yield f"    timeout check {_milliseconds(probe.timeout_s)}"
    eager_s = probe.eager_interval_s or probe.interval_s
    yield (
        f"    default-server inter {_milliseconds(probe.interval_s)}"
        f" downinter {_milliseconds(eager_s)}"
        f" rise {probe.threshold} fall {probe.threshold}"
    )
    if probe.protocol is not Protocol.TCP:
        # Azure takes 200 and nothing else for healthy, and sends this agent's name:
        # learn.microsoft.com/azure/load-balancer/load-balancer-custom-probe-overview
        yield "    option httpchk"
        yield (
            f"    http-check send meth GET uri {_quoted(probe.path)} ver HTTP/1.1"
            ' hdr Host instance hdr User-Agent "Load Balancer Agent"'
            " hdr Connection close"
        )
        yield "    http-check expect status 200"


def _render_server(server: Server, probe: Probe | None) -> str:
    words = ["server", token(server.name), f"{server.address}:{server.port}"]
    if server.draining:
        words += ["weight", "0"]
    if probe:
        words += ["check", "port", str(probe.port)]
        if probe.protocol is Protocol.HTTPS:
            words += ["check-ssl", "verify", "none"]
    return " ".join(words)


def render_states(desired: Iterable[Frontend], known: Known) -> str:
    """Write the server-state file that goes with a configuration.

    Args:
        desired: What shall be balanced.
        known: The lines of `parse_states`, of servers that were probed already.

    Returns:
        The text of the file: one line for each server with a probe.
    """
    lines = ["1", f"# {_COLUMNS}"]
    for frontend in desired:
        if frontend.probe is None:
            continue
        for server in frontend.servers:
            key = (token(frontend.name), token(server.name))
            lines.append(_state_line(frontend, server, known.get(key, _STOPPED)))
    return "\n".join(lines) + "\n"


def _state_line(frontend: Frontend, server: Server, state: Mapping[str, str]) -> str:
    weight = "0" if server.draining else "1"
    values = {
        "be_id": "1",
        "be_name": token(frontend.name),
        "srv_id": "1",
        "srv_name": token(server.name),
        "srv_addr": server.address,
        "srv_uweight": weight,
        "srv_iweight": weight,
        "srv_check_state": "6",
        "srv_fqdn": "-",
        "srv_port": str(server.port),
        "srvrecord": "-",
        "srv_check_addr": "-",
        "srv_agent_addr": "-",
        **{column: state[column] for column in _KEPT},
    }
    return " ".join(values.get(column, "0") for column in _COLUMNS.split())


def parse_states(
    text: str, running: Iterable[Frontend]
) -> dict[tuple[str, str], dict[str, str]]:
    """Read the answer to ``show servers state``.

    Args:
        text: The answer.
        running: What was balanced when it was given. A server without a probe is
            left out: nothing is known of it.

    Returns:
        The columns of each server by (backend, server), as `token` writes names.
    """
    probed = {token(frontend.name) for frontend in running if frontend.probe}
    columns = _COLUMNS.split()
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < len(columns) or line.startswith("#"):
            continue
        row = dict(zip(columns, words, strict=False))
        if row["be_name"] in probed:
            found[row["be_name"], row["srv_name"]] = row
    return found


def parse_stat(text: str, desired: Iterable[Frontend]) -> tuple[ServerState, ...]:
    """Read the answer to ``show stat`` for the servers that are balanced."""
    names = {
        (token(frontend.name), token(server.name)): (frontend, server)
        for frontend in desired
        for server in frontend.servers
    }
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return tuple(
        _server_state(*names[row["pxname"], row["svname"]], row)
        for row in rows
        if (row["pxname"], row["svname"]) in names
    )


def _server_state(
    frontend: Frontend, server: Server, row: Mapping[str, str]
) -> ServerState:
    # "DOWN 1/2" has one of two good answers; "DRAIN" is up with a weight of 0, and
    # down when its last probe failed.
    alive = row["check_health"] not in {"", "0"} if row["status"] == "DRAIN" else None
    up = alive if alive is not None else row["status"].startswith("UP")
    probed = frontend.probe is not None
    health = Health.UNPROBED if not probed else Health.UP if up else Health.DOWN
    seen = (row["last_chk"] or row["check_desc"]) if probed else "no probe"
    return ServerState(
        frontend=frontend.name,
        server=server.name,
        health=health,
        last_probe=seen,
        connections=int(row["scur"]),
        connections_total=int(row["stot"]),
    )


def find_taken(lines: Iterable[str]) -> AddressTaken | None:
    """Find in HAProxy's last lines the address that it could not listen on."""
    for line in lines:
        if match := _CANNOT_BIND.search(line):
            reason, address, port = match.groups()
            return AddressTaken(address=address, port=int(port), reason=reason)
    return None


def token(name: str) -> str:
    """Turn any name into a word of HAProxy's that no other name turns into."""
    word = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-")[-60:]
    return f"{word}-{zlib.crc32(name.encode(errors='surrogatepass')):08x}"


def _milliseconds(seconds: float) -> str:
    return f"{min(max(1, round(seconds * 1000)), _LONGEST_MS)}ms"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
