import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from release import processes
from release.processes import owner


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "team/shop",
                "GITHUB_RUN_ID": "42",
            },
            "https://github.com/team/shop/actions/runs/42",
            id="github",
        ),
        pytest.param(
            {
                "SYSTEM_COLLECTIONURI": "https://dev.azure.com/team/",
                "SYSTEM_TEAMPROJECT": "shop",
                "BUILD_BUILDID": "42",
            },
            "https://dev.azure.com/team/shop/_build/results?buildId=42",
            id="azure-pipelines",
        ),
        pytest.param({"CI_JOB_URL": "https://gl/j/1"}, "https://gl/j/1", id="gitlab"),
        pytest.param({"BUILD_URL": "https://ci/7/"}, "https://ci/7/", id="jenkins"),
    ],
)
def test_a_ci_run_is_named_by_its_address(variables, expected):
    assert owner(variables) == expected


def test_a_person_is_named_with_the_host():
    assert owner({}).count("@") == 1
    assert owner({"GITHUB_RUN_ID": "42"}) == owner({})


def test_this_process_runs():
    assert processes.this().runs() is True


def test_one_that_has_ended_does_not_run_though_its_id_may_be_given_again():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as child:
        started_at_s = psutil.Process(child.pid).create_time()
        seen = replace(processes.this(), pid=child.pid, started_at_s=started_at_s)
        assert seen.runs() is True
        assert replace(seen, started_at_s=started_at_s - 60).runs() is False
        child.kill()
    assert seen.runs() is False


def test_nothing_is_said_of_a_process_of_another_machine():
    assert replace(processes.this(), machine="elsewhere", pid=1).runs() is None
    assert replace(processes.this(), machine="", pid=1).runs() is None
