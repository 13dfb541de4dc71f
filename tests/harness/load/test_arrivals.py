from pathlib import Path

import pytest

from release.load.measurements import Measurements
from release.load.profile import Profile
from release.load.run import run

VISITORS = """
from locust import FastHttpUser, TaskSet, between, task

class Visitor(FastHttpUser):
    weight = 9
    wait_time = between(60, 90)

    def on_start(self):
        self.client.get("/", name="GET sign-in")

    @task
    class Tour(TaskSet):
        wait_time = between(0, 0)

        @task
        def look(self):
            self.client.get("/", name="GET /tour")
            self.interrupt()

class Waiting(FastHttpUser):
    @task
    def wait(self):
        self.client.get("/hang")

class Careless(FastHttpUser):
    @task
    def stumble(self):
        {}["key"]
"""


WAITING = """
from locust import FastHttpUser, task

class Waiting(FastHttpUser):
    @task
    def wait(self):
        self.client.get("/hang")
"""


@pytest.fixture(scope="module")
def found(site: str, tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    """One run of two processes that several tests look at."""
    folder = tmp_path_factory.mktemp("arrivals")
    (folder / "locustfile.py").write_text(VISITORS)
    plan = Profile(
        locustfile=folder / "locustfile.py",
        users=2,
        spawn_rate=1,
        time_s=3,
        warmup_s=0.5,
        answer_s=1,
        rate=60,
        arrivals="constant",
        most_under_way=80,
        processes=2,
    )
    return run(plan, host=site, folder=folder / "load")


@pytest.mark.matrix
def test_tasks_arrive_whatever_their_users_wait_for(found: Measurements) -> None:
    # Nine of eleven visitors take the tour, of 60 a second for three seconds.
    assert found.endpoints["GET /tour"].good == pytest.approx(60 * 3 * 9 / 11, rel=0.3)


def test_users_are_used_again(found: Measurements) -> None:
    signed_in = found.endpoints.get("GET sign-in")

    assert not signed_in or signed_in.good < found.endpoints["GET /tour"].good / 3


def test_an_arrival_that_is_never_answered_is_a_failure(found: Measurements) -> None:
    assert set(found.endpoints["GET /hang"].failures) == {"no answer"}


def test_what_a_task_raises_is_told(found: Measurements) -> None:
    assert set(found.exceptions) == {"KeyError: 'key'"}


def test_all_processes_tell_how_they_were(found: Measurements) -> None:
    arrived = sum(each.arrived for each in found.vitals)

    # Those who stumbled sent nothing.
    assert arrived == pytest.approx(60 * 3 * 10 / 11, rel=0.35)


def test_too_many_under_way_are_failures_and_may_end_the_load(
    site: str, tmp_path: Path
) -> None:
    (tmp_path / "locustfile.py").write_text(WAITING)
    plan = Profile(
        locustfile=tmp_path / "locustfile.py",
        users=1,
        spawn_rate=1,
        time_s=60,
        warmup_s=0,
        answer_s=1,
        rate=50,
        most_under_way=3,
    )

    found = run(
        plan,
        host=site,
        folder=tmp_path / "load",
        give_up=lambda so_far: "hopeless" if so_far.everything.failed > 9 else "",
    )

    assert found.endpoints["GET /hang"].failures == {"no answer": 3}
    assert set(found.endpoints["ARRIVAL not sent"].failures) == {
        "3 others were under way"
    }
    assert found.ended_early == "hopeless"
    assert found.time_s < 30
