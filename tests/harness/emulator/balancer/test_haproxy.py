"""What HAProxy is told and how its answers are read: no process runs here."""

from __future__ import annotations

import pytest

from release.emulator.balancer import (
    AddressTaken,
    Distribution,
    Frontend,
    Health,
    Probe,
    Protocol,
    Server,
    ServerState,
)
from release.emulator.balancer.haproxy import (
    find_taken,
    parse_stat,
    parse_states,
    render,
    render_states,
    token,
)

ONE = Server(name="web_0", address="127.9.0.4", port=8080)
TWO = Server(name="web_1", address="127.9.0.5", port=8080, draining=True)
HTTP = Probe(
    protocol=Protocol.HTTP,
    port=8081,
    path="/healthz?of='web'",
    interval_s=0.25,
    timeout_s=5,
    threshold=2,
)
SITE = Frontend(
    name="web/http",
    address="127.9.200.1",
    port=80,
    servers=(ONE, TWO),
    probe=HTTP,
    idle_timeout_s=60,
)
SSH = Frontend(
    name="web/ssh",
    address="127.9.200.1",
    port=50000,
    servers=(Server(name="web_0", address="127.9.0.4", port=22),),
    distribution=Distribution.SOURCE,
)
STATES = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight ...
3 {site} 1 {one} 127.9.0.4 2 0 1 1 9 6 3 3 6 0 0 0 - 8080 - 0 8081 - - 0
4 {ssh} 1 {one} 127.9.0.4 2 0 1 1 9 1 0 1 6 0 0 0 - 22 - 0 0 - - 0

"""


def config(*desired: Frontend) -> list[str]:
    text = render(desired, socket="7.sock", states="states", max_connections=100)
    lines = text.splitlines()
    assert "    stats socket unix@7.sock mode 600 level admin" in text
    assert "    server-state-file states" in lines
    assert "    maxconn 100" in lines
    return lines[lines.index("    load-server-state-from-file global") + 1 :]


def test_nothing_desired_is_a_configuration_without_frontends() -> None:
    assert config() == []


def test_a_probed_frontend_is_rendered_whole() -> None:
    name = token("web/http")
    assert config(SITE) == [
        f"frontend {name}",
        "    bind 127.9.200.1:80",
        "    timeout client 60000ms",
        f"    default_backend {name}",
        f"backend {name}",
        "    timeout server 60000ms",
        "    balance roundrobin",
        "    timeout check 5000ms",
        "    default-server inter 250ms downinter 250ms rise 2 fall 2",
        "    option httpchk",
        (
            "    http-check send meth GET uri '/healthz?of='\\''web'\\''' ver HTTP/1.1"
            ' hdr Host instance hdr User-Agent "Load Balancer Agent"'
            " hdr Connection close"
        ),
        "    http-check expect status 200",
        f"    server {token('web_0')} 127.9.0.4:8080 check port 8081",
        f"    server {token('web_1')} 127.9.0.5:8080 weight 0 check port 8081",
    ]


def test_a_frontend_without_probe_checks_nothing_and_may_stick_to_a_source() -> None:
    assert config(SSH)[-4:] == [
        "    timeout server 240000ms",
        "    balance source",
        "    hash-type consistent",
        f"    server {token('web_0')} 127.9.0.4:22",
    ]


def test_a_probe_is_no_rarer_than_haproxy_can_count() -> None:
    rare = Probe(protocol=Protocol.TCP, port=1, interval_s=2.0**31, timeout_s=5)
    lines = config(Frontend(name="a", address="b", port=1, servers=(), probe=rare))
    longest = "2147483647ms"
    line = f"    default-server inter {longest} downinter {longest} rise 1 fall 1"
    assert line in lines


def test_names_that_differ_only_in_odd_letters_stay_apart() -> None:
    assert token("a/b") != token("a_b") != token("a b")
    assert token("a/b") == token("a/b")
    assert token("\ud800") != token("\ud801")


def test_a_new_server_is_written_as_stopped() -> None:
    text = render_states((SITE, SSH), {})
    assert text.splitlines()[2:] == [
        (
            f"1 {token('web/http')} 1 {token('web_0')} 127.9.0.4"
            " 0 0 1 1 0 1 0 0 6 0 0 0 - 8080 - 0 0 - - 0"
        ),
        (
            f"1 {token('web/http')} 1 {token('web_1')} 127.9.0.5"
            " 0 0 0 0 0 1 0 0 6 0 0 0 - 8080 - 0 0 - - 0"
        ),
    ]


def test_a_known_server_keeps_what_its_probes_said() -> None:
    answer = STATES.format(
        site=token("web/http"), ssh=token("web/ssh"), one=token("web_0")
    )
    known = parse_states(answer, (SITE, SSH))
    assert set(known) == {(token("web/http"), token("web_0"))}
    assert render_states((SITE,), known).splitlines()[2].split()[5:13] == [
        "2",
        "0",
        "1",
        "1",
        "0",
        "6",
        "3",
        "3",
    ]


@pytest.mark.parametrize(
    ("status", "health", "expected"),
    [
        pytest.param("UP", "1", Health.UP, id="up"),
        pytest.param("UP 1/2", "2", Health.UP, id="one-bad-answer"),
        pytest.param("DOWN", "0", Health.DOWN, id="down"),
        pytest.param("DOWN 1/2", "1", Health.DOWN, id="one-good-answer"),
        pytest.param("DRAIN", "1", Health.UP, id="draining"),
        pytest.param("DRAIN", "0", Health.DOWN, id="draining-and-down"),
    ],
)
def test_a_servers_health_is_read(status: str, health: str, expected: Health) -> None:
    text = (
        "# pxname,svname,scur,stot,status,check_health,last_chk,check_desc,\n"
        f"{token('web/http')},FRONTEND,9,9,OPEN,,,,\n"
        f"{token('web/http')},{token('web_0')},2,5,{status},{health},,Layer4 timeout,\n"
        f"{token('web/http')},BACKEND,9,9,UP,,,,\n"
    )
    assert parse_stat(text, (SITE,)) == (
        ServerState(
            frontend="web/http",
            server="web_0",
            health=expected,
            last_probe="Layer4 timeout",
            connections=2,
            connections_total=5,
        ),
    )


def test_a_taken_address_is_found_in_the_last_lines() -> None:
    taken = find_taken(
        [
            "[NOTICE]   (13992) : haproxy version is 2.6.12-1+deb12u4",
            (
                "[ALERT]    (13992) : Starting frontend web: cannot bind socket "
                "(Address already in use) [127.9.200.1:80]"
            ),
        ]
    )
    assert isinstance(taken, AddressTaken)
    assert str(taken) == (
        "The load balancer cannot listen on 127.9.200.1:80: Address already in use.\n"
        "  fix: end what listens there (ss -ltnp 'sport = :80' shows it), or choose"
        " another frontend port; ports below 1024 may need root"
    )
    assert find_taken(["[ALERT] all is lost"]) is None
