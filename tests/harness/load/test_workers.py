"""A load that workers elsewhere send, over Locust's own messages."""

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruamel.yaml import YAML

from release.errors import LoadFailed
from release.load.measurements import Measurements, events, read
from release.load.profile import INSIDE, Profile, Workers
from release.load.run import run
from release.wait import Seen, wait_until

LAB = Path(__file__).with_name("lab.py")
APART = (
    *("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid"),
    *("--fork", "--kill-child", "--mount-proc"),
)
VISITORS = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/")
"""


def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as there:
        return int(there.getsockname()[1])


def plan(folder: Path, expect: int, **more: object) -> Profile:
    """Return a short load of workers, with its locustfile in a folder of its own."""
    (folder / "release").mkdir(parents=True)
    locustfile = folder / "release" / "locustfile.py"
    locustfile.write_text(VISITORS)
    given = Profile(
        locustfile=locustfile,
        users=4,
        spawn_rate=4,
        time_s=3,
        warmup_s=0.5,
        answer_s=1,
        workers=Workers(
            expect=expect, host="127.0.0.1", port=port(), wait_s=30, least_ratio=0.6
        ),
    )
    return replace(given, **more)  # type: ignore[arg-type]


def worker(profile: Profile, *more: str, **options: str) -> list[str]:
    """Return the command of a worker for a load."""
    assert profile.workers
    locustfile = options.get("locustfile", str(profile.locustfile))
    return [
        *(sys.executable, "-m", "release", "load-worker"),
        *("--master", profile.workers.bind, "--locustfile", locustfile, *more),
    ]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


# --- machines with a network between them ---------------------------------------------


@functools.cache
def no_network() -> str:
    """Return why this machine cannot have namespaces, or ""."""
    missing = [name for name in ("unshare", "ip") if not shutil.which(name)]
    if missing:
        return f"{' and '.join(missing)} of util-linux and iproute2 are missing"
    tried = subprocess.run(
        [*APART, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a load of three machines, one of them killed halfway; return its folder."""
    if why := no_network():
        pytest.skip(f"no network namespaces with cables between them here: {why}")
    folder = tmp_path_factory.mktemp("lab")
    subprocess.run(
        [*APART, sys.executable, str(LAB), str(folder)], timeout=90, check=True
    )
    return folder


def told(folder: Path) -> Counter[str]:
    """Return how many responses each process told of, the ramp's too."""
    found: Counter[str] = Counter()
    for path in folder.glob("load-*.jsonl"):
        for event in events(path)[0]:
            if event["event"] == "second":
                found[event["process"]] += event["good"]
    return found


@pytest.mark.matrix
def test_what_each_machine_measured_is_added_up_exactly(lab: Path) -> None:
    served = json.loads((lab / "served.json").read_text())
    found = read(lab / "load")

    assert found
    lost = [each.name for each in found.senders if each.lost_s is not None]
    stayed = [each.name for each in found.senders if each.lost_s is None]
    assert (len(lost), len(stayed)) == (1, 2)
    for name in stayed:
        assert told(lab / "load")[name] == served["served"][name]
    # Its last second went with it.
    assert 0 < told(lab / "load")[lost[0]] <= served["served"][lost[0]]
    assert sum(each.rate for each in found.senders) == pytest.approx(
        found.everything.requests / found.time_s, abs=0.1
    )
    assert served["codes"] == [-signal.SIGKILL, 0, 0]


@pytest.mark.matrix
def test_a_machine_that_is_lost_is_marked_and_its_users_go_on(lab: Path) -> None:
    found = read(lab / "load")

    assert found
    (lost,) = [each for each in found.senders if each.lost_s is not None]
    # Locust waits three heartbeats, one a second.
    assert lost.lost_s is not None
    assert 2 < lost.lost_s < 8
    (live,) = [
        line
        for line in (lab / "log").read_text().splitlines()
        if f"{lost.name} lost" in line
    ][-1:]
    assert "12 users" in live
    assert found.time_s == 8
    first, last = found.everything.seconds[0], found.everything.seconds[-1]
    assert last.good.total == pytest.approx(first.good.total, rel=0.35)


# --- the rest needs no network of its own ---------------------------------------------


KUBERNETES = Path(__file__).parents[3] / "docs" / "workers" / "kubernetes.yaml"


@functools.cache
def job() -> dict[str, Any]:
    """Return the job of the recipe for Kubernetes."""
    read = YAML(typ="safe").load(KUBERNETES)
    return dict(read)


def container(profile: Profile) -> list[str]:
    """Return what a container of the job runs, with this machine's paths."""
    assert profile.workers
    (worker,) = job()["spec"]["template"]["spec"]["containers"]
    paths = {
        "/opt/load-worker/load": str(profile.locustfile.parent),
        "/opt/load-worker/inside": str(INSIDE),
        "$(MASTER_HOST)": profile.workers.host,
        "$(MASTER_PORT)": str(profile.workers.port),
    }
    words = [sys.executable, *worker["command"][1:], *worker["args"]]
    for there, here in paths.items():
        words = [word.replace(there, here) for word in words]
    return words


def test_the_job_for_kubernetes_begins_all_workers_at_once_and_each_once() -> None:
    spec = job()["spec"]
    (worker,) = spec["template"]["spec"]["containers"]

    assert spec["parallelism"] == spec["completions"]
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert {each["name"] for each in worker["env"]} == {"MASTER_HOST", "MASTER_PORT"}
    assert f"--processes {spec['completions']}" not in " ".join(worker["args"])


@pytest.fixture(scope="module")
def split(site: str, tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    """An open load of a worker of two processes, and of two containers."""
    folder = tmp_path_factory.mktemp("split")
    given = plan(folder, 2, rate=80, arrivals="constant", processes=2)
    with ExitStack() as workers:
        workers.enter_context(started(*worker(given, "--processes", "2")))
        for _ in range(2):
            workers.enter_context(started(*container(given)))
        return run(given, host=site, folder=folder / "load")


@pytest.mark.matrix
def test_a_rate_is_split_exactly(split: Measurements) -> None:
    assert [round(each.rate) for each in split.senders] == [20, 20, 20, 20]
    assert split.everything.good == pytest.approx(80 * 3, abs=4)
    assert {each.process for each in split.vitals} == {
        each.name for each in split.senders
    }


def refuse(profile: Profile, site: str, folder: Path, *command: str) -> tuple[str, str]:
    """Return what the release and what the worker say."""
    with started(*command) as child:
        with pytest.raises(LoadFailed) as caught:
            run(profile, host=site, folder=folder)
        _, said = child.communicate(timeout=20)
    return str(caught.value), said


def test_a_worker_with_another_locustfile_is_refused_on_both_sides(
    site: str, tmp_path: Path
) -> None:
    given = plan(tmp_path, 1)
    changed = tmp_path / "other" / "locustfile.py"
    changed.parent.mkdir()
    changed.write_text(VISITORS + "# changed\n")
    command = worker(given, locustfile=str(changed))

    release, said = refuse(given, site, tmp_path / "load", *command)

    (name, what, waited_s) = (
        release.split("refused ")[1].split(":")[0],
        said.split("this worker: ")[1].split("\n")[0],
        release.split(" in ")[1].split(" s")[0],
    )
    bind = said.split("at ")[1].split(" ")[0]
    assert what.startswith("it has locustfile ")
    assert release == (
        f"0 of 1 workers came to {bind} in {waited_s} s\n"
        f"  refused {name}: {what}\n"
        "  fix: copy the folder of the release's locustfile to the worker"
    )
    assert said == (
        f"the release at {bind} refused this worker: {what}\n"
        "  fix: copy the folder of the release's locustfile to the worker\n"
    )


@pytest.mark.matrix
def test_a_worker_without_the_recorder_is_refused(site: str, tmp_path: Path) -> None:
    given = plan(tmp_path, 1)
    assert given.workers
    locust = (sys.executable, "-m", "locust", "--worker")
    files = ("-f", str(given.locustfile))
    master = ("--master-port", str(given.workers.port))

    release, _ = refuse(given, site, tmp_path / "load", *locust, *files, *master)

    assert f"\n  refused {socket.gethostname()}: it has no recorder\n" in release
    assert release.endswith(
        "  fix: start it with python -m release load-worker, or with recorder.py of "
        f"{INSIDE} after its locustfile"
    )


def test_too_few_workers_are_told_in_time(site: str, tmp_path: Path) -> None:
    given = plan(tmp_path, 2, processes=2)
    assert given.workers
    given = replace(given, workers=replace(given.workers, wait_s=0.6))

    with pytest.raises(LoadFailed) as caught:
        run(given, host=site, folder=tmp_path / "load")

    assert str(caught.value) == (
        f"0 of 4 workers came to {given.workers.bind} in 1 s\n"
        "  fix: start them: python -m release load-worker --master "
        f"HOST:{given.workers.port} --processes 2, where HOST is how they reach this "
        "machine"
    )


def test_an_address_that_is_taken_is_told(site: str, tmp_path: Path) -> None:
    given = plan(tmp_path, 1)
    assert given.workers
    with (
        socket.create_server(("127.0.0.1", given.workers.port)),
        pytest.raises(LoadFailed) as caught,
    ):
        run(given, host=site, folder=tmp_path / "load")

    assert str(caught.value) == (
        f"Locust cannot listen for workers at {given.workers.bind}: Address already "
        "in use\n"
        "  fix: free it, or name an address of this machine in load.workers.bind"
    )


SCRIPT = """
import sys
from pathlib import Path
from release.load.profile import Profile, Workers
from release.load.run import run

profile = Profile(
    locustfile=Path(sys.argv[1]), users=2, spawn_rate=10, time_s=60, warmup_s=0,
    workers=Workers(
        expect=1, host="127.0.0.1", port=int(sys.argv[4]), wait_s=30, least_ratio=1
    ),
)
run(profile, host=sys.argv[2], folder=Path(sys.argv[3]))
"""


@pytest.mark.matrix
def test_workers_end_with_a_release_that_is_interrupted(
    site: str, tmp_path: Path
) -> None:
    given = plan(tmp_path, 1)
    assert given.workers
    folder = tmp_path / "load"
    arguments = (str(given.locustfile), site, str(folder), str(given.workers.port))

    def look() -> Seen[bool]:
        """See whether the worker sends load."""
        lines = sum(told(folder).values()) if folder.exists() else 0
        return Seen(what=str(lines), value=True if lines else None)

    with (
        started(*worker(given)) as sender,
        started(sys.executable, "-c", SCRIPT, *arguments) as release,
    ):
        wait_until("load", look, timeout_s=30, interval_s=0.1, fix="see there")
        locusts = [
            child
            for parent in (sender, release)
            for child in psutil.Process(parent.pid).children()
        ]

        os.kill(release.pid, signal.SIGINT)

        assert sender.wait(20) == 0
        gone, alive = psutil.wait_procs(locusts, timeout=20)
        assert (len(gone), alive) == (2, [])


def test_a_worker_that_waits_ends_with_its_parent(tmp_path: Path) -> None:
    given = plan(tmp_path, 1)
    assert given.workers

    with (
        socket.create_server(("127.0.0.1", given.workers.port)) as mute,
        started(*worker(given)) as sender,
    ):
        mute.settimeout(20)
        mute.accept()[0].close()
        (locust,) = psutil.Process(sender.pid).children()

        os.kill(sender.pid, signal.SIGKILL)

        gone, _ = psutil.wait_procs([locust], timeout=20)
        assert len(gone) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            [],
            "--master is missing: must be an address\n"
            "  fix: such as 10.0.0.4 or 10.0.0.4:5557, where the release listens\n",
            id="no-master",
        ),
        pytest.param(
            ["--master", "127.0.0.1", "--locustfile", "none.py"],
            "there is no locustfile none.py\n"
            "  fix: copy the folder of the release's, or name it with --locustfile\n",
            id="no-locustfile",
        ),
        pytest.param(
            ["--master", "no-such-machine.invalid"],
            "no machine is called no-such-machine.invalid: Name or service not known\n"
            "  fix: give --master the name or address that the release listens at\n",
            id="no-machine",
        ),
    ],
)
def test_a_worker_that_cannot_begin_says_why(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "release", "load-worker", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode in (1, 4)
    assert done.stderr == said
