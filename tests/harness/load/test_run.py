import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from release.errors import LoadFailed
from release.load.live import Live
from release.load.measurements import Measurements, read
from release.load.profile import Profile
from release.load.run import run
from release.wait import Seen, wait_until

Write = Callable[..., Profile]


def failure(profile: Profile, site: str, folder: Path, **more: Any) -> str:
    with pytest.raises(LoadFailed) as caught:
        run(profile, host=site, folder=folder, **more)
    return str(caught.value)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A whole run: what was measured, what was told, what it left."""

    found: Measurements
    told: list[Live]
    folder: Path
    left: list[psutil.Process]


VISITORS = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def visit(self):
        self.client.get("/")
        self.client.get("/slow")
        self.client.get("/broken", name="GET /broken")

class Patient(FastHttpUser):
    fixed_count = 2

    @task
    def wait(self):
        self.client.get("/hang")
"""


@pytest.fixture(scope="module")
def sent(site: str, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """One run that several tests look at: each takes some seconds."""
    folder = tmp_path_factory.mktemp("sent")
    locustfile = folder / "locustfile.py"
    locustfile.write_text(VISITORS)
    plan = Profile(
        locustfile=locustfile,
        users=4,
        spawn_rate=20,
        time_s=1.5,
        warmup_s=0.2,
        answer_s=1,
    )
    told: list[Live] = []
    with pytest.MonkeyPatch.context() as patch:
        # Variables for Locust do not change the load.
        patch.setenv("LOCUST_HOST", "http://127.0.0.1:1")
        patch.setenv("LOCUST_TAGS", "none")
        found = run(plan, host=site, folder=folder / "load", progress=told.append)
    left = [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE and "locust" in child.cmdline()
    ]
    return Sent(found=found, told=told, folder=folder / "load", left=left)


def test_a_run_measures_each_endpoint_without_the_warm_up(sent: Sent) -> None:
    found = sent.found
    assert list(found.endpoints) == [
        "*",
        "GET /",
        "GET /broken",
        "GET /hang",
        "GET /slow",
    ]
    slow = found.endpoints["GET /slow"]
    assert 200 <= slow.percentile_ms(50) < 400
    assert slow.percentile_ms(50) != round(slow.percentile_ms(50), 1)
    broken = found.endpoints["GET /broken"]
    assert (broken.good, broken.error_ratio) == (0, 1)
    assert "503" in next(iter(broken.failures))
    # Two users, about 4 visits a second each, for 1.5 s, and none of the warm-up.
    assert 4 <= slow.good <= 15
    assert found.time_s == 1.5


def test_a_run_can_be_read_again(sent: Sent) -> None:
    assert read(sent.folder) == sent.found


def test_a_run_tells_how_it_goes(sent: Sent) -> None:
    assert max(live.rate for live in sent.told) > 5
    assert "measuring" in " ".join(map(str, sent.told))


def test_a_run_leaves_no_process(sent: Sent) -> None:
    assert sent.left == []


def test_an_answer_that_never_comes_is_an_error(sent: Sent) -> None:
    assert sent.found.endpoints["GET /hang"].failures == {"no answer": 2}


def test_no_request_in_the_measured_time_is_a_failure(
    site: str, profile: Write, tmp_path: Path
) -> None:
    plan = profile("pass", time_s=0.1)

    assert failure(plan, site, tmp_path / "load").startswith(
        "locustfile.py sent no request in the 0.1 s that are measured\n"
    )


def test_a_locustfile_that_raises_is_told(
    site: str, profile: Write, tmp_path: Path
) -> None:
    plan = profile('self.client.get("/")', '{}["key"]', time_s=0.1)

    said = failure(plan, site, tmp_path / "load")

    line = plan.locustfile.read_text().split("\n").index('        {}["key"]') + 1
    assert re.fullmatch(
        rf"locustfile\.py line {line} itself raised (\d+) times: \1 x KeyError: 'key'\n"
        rf"  fix: correct locustfile\.py line {line}; what a response must be belongs "
        "into catch_response, which counts as a failed request",
        said,
    )


def test_a_locustfile_that_lets_nothing_else_run_is_told_with_its_line(
    site: str, profile: Write, tmp_path: Path
) -> None:
    plan = profile('self.client.get("/")', "while True:", "    block(0.1)", time_s=60)
    text = plan.locustfile.read_text()
    blocks = (
        'import gevent.monkey\nblock = gevent.monkey.get_original("time", "sleep")\n'
    )
    plan.locustfile.write_text(blocks + text)

    said = failure(plan, site, tmp_path / "load", silent_s=1)

    found = re.fullmatch(
        r"locustfile\.py line (\d+) lets nothing else run: Locust has told nothing for "
        r"1 s\n"
        r"  fix: let it wait there by gevent\.sleep, or send a request: all users take "
        r"turns in one thread",
        said,
    )
    assert found, said
    lines = plan.locustfile.read_text().split("\n")
    assert lines[int(found[1]) - 1].strip() in ("while True:", "block(0.1)")


def test_a_locustfile_that_cannot_be_read_is_told_with_its_line(
    site: str, profile: Write, tmp_path: Path
) -> None:
    plan = profile("pass")
    plan.locustfile.write_text("import locust\nimport no_such_module\n")

    said = failure(plan, site, tmp_path / "load")

    assert said == (
        "locustfile.py line 2 cannot run: "
        "ModuleNotFoundError: No module named 'no_such_module'\n"
        "  fix: correct locustfile.py line 2; the traceback is in load/locust.log "
        "beside the report"
    )


def test_a_locustfile_without_users_is_told(
    site: str, profile: Write, tmp_path: Path
) -> None:
    plan = profile("pass")
    plan.locustfile.write_text("import locust\n")

    said = failure(plan, site, tmp_path / "load")

    assert said == (
        "locustfile.py has no class of users\n"
        "  fix: derive one from locust.FastHttpUser and give it a @task"
    )


def test_a_missing_locustfile_is_told(site: str, tmp_path: Path) -> None:
    plan = Profile(
        locustfile=tmp_path / "none.py", users=1, spawn_rate=1, time_s=1, warmup_s=0
    )

    assert failure(plan, site, tmp_path / "load") == (
        f"there is no locustfile {tmp_path / 'none.py'}\n"
        "  fix: write one, or name another in load.locustfile of release.toml"
    )


def test_a_python_without_locust_is_told(
    site: str, profile: Write, tmp_path: Path
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)

    said = failure(profile("pass"), site, tmp_path / "load", python=str(bare))

    assert said == ("Locust is not installed for this Python\n  fix: run .ci/setup")


SCRIPT = """
import sys
from pathlib import Path
from release.load.profile import Profile
from release.load.run import run

profile = Profile(
    locustfile=Path(sys.argv[1]), users=2, spawn_rate=10, time_s=60, warmup_s=0
)
run(profile, host=sys.argv[2], folder=Path(sys.argv[3]))
"""


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGINT, id="ctrl-c"),
        pytest.param(signal.SIGKILL, id="killed"),
    ],
)
def test_locust_ends_with_the_process_that_started_it(
    site: str, profile: Write, tmp_path: Path, how: signal.Signals
) -> None:
    plan = profile('self.client.get("/")')
    folder = tmp_path / "load"
    arguments = [str(plan.locustfile), site, str(folder)]

    def look() -> Seen[bool]:
        """See whether load is being sent."""
        told = [path.stat().st_size for path in folder.glob("load-*.jsonl")]
        return Seen(what=str(told), value=True if any(told) else None)

    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], stderr=subprocess.DEVNULL
    ) as parent:
        wait_until("load", look, timeout_s=30, interval_s=0.05, fix="see there")
        (locust,) = psutil.Process(parent.pid).children()

        os.kill(parent.pid, how)

        parent.wait(20)
        gone, alive = psutil.wait_procs([locust], timeout=20)
        assert (len(gone), alive) == (1, [])


def test_only_one_run_may_write_to_a_folder(
    site: str, profile: Write, tmp_path: Path
) -> None:
    (tmp_path / "load-1.jsonl").write_text("")

    assert failure(profile("pass"), site, tmp_path) == (
        f"{tmp_path} holds the figures of another run\n  fix: name another folder"
    )


def test_locust_does_not_enter_this_process() -> None:
    assert "locust" not in sys.modules
    assert "gevent" not in sys.modules
    assert threading.current_thread().name == "MainThread"
