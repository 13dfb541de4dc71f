"""Which tests a release runs, and on what: collected and run by a pytest in process."""

from dataclasses import dataclass
from typing import Any

import pytest

from release.azure.gallery import Image
from release.coordination.collection import RUN
from release.coordination.run import Run
from release.coordination.selection import Mode, Selection
from release.coordination.worker import Worker
from release.deploy.deployed import Deployed
from release.journal import Kind
from tests.harness.coordination import shop

pytest_plugins = ["pytester"]

IMAGE = Image(
    id="i", version="1", build="1", digest="", commit="", reused=False, baked_at=""
)
DEPLOYED = Deployed(
    image_id="i",
    build="1",
    capacity=1,
    size="s",
    repairs=False,
    ssh_key="",
    site_url="http://127.0.0.1",
    instances=(),
    tags={},
)
RESULTS = {
    "image": IMAGE.to_json(),
    "deployment": DEPLOYED.to_json(),
    "load": {"gates": [], "summary": {}},
}
"""Of stages that another process of the build has run."""
PAGE = "def test_page(site):\n    pass\n"
LOAD = "def test_load(load):\n    pass\n"


class Given:
    """Gives pytest the run, and keeps which fixtures its tests were given."""

    def __init__(self, run):
        self.run = run
        self.fixtures = {}
        self.limits = {}

    def pytest_configure(self, config):
        config.stash[RUN] = self.run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        self.fixtures[item.name] = set(item.funcargs)
        limit = item.get_closest_marker("timeout")
        self.limits[item.name] = limit.args if limit else ()


@dataclass
class Project:
    """Smoke and load tests, and a build whose stages have ended."""

    pytester: Any
    run: Run

    def write(self, path, text):
        file = self.pytester.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def pytest(self, *options):
        """Run the tests; return the fixtures of each that began."""
        return self.ran(*options).fixtures

    def ran(self, *options):
        """Run the tests; return what was given to those that began."""
        given = Given(self.run)
        self.pytester.inline_run(
            *("-p", "no:locust", "-p", "no:hypothesispytest", "-p", "release.plugin"),
            *("--import-mode=importlib", "tests/smoke", "tests/load", *options),
            plugins=[given, Worker(self.run)],
        )
        return given


@pytest.fixture
def project(pytester):
    run = shop.begun(pytester.path)
    for name, value in RESULTS.items():
        run.journal.write(Kind.VALUE, name=name, value={"value": value})
    made = Project(pytester, run)
    made.write("tests/smoke/test_page.py", PAGE)
    made.write("tests/load/test_load.py", LOAD)
    return made


def test_a_gate_that_asks_for_nothing_begins_after_the_deployment_too(project):
    project.write(
        "tests/smoke/test_own.py",
        "import unittest\n"
        "def test_own():\n    pass\n"
        "class Test(unittest.TestCase):\n    def test_case(self):\n        pass\n",
    )
    project.write("tests/load/test_own.py", "def test_load_of_its_own():\n    pass\n")
    ran = project.pytest()
    assert set(ran) == {
        *("test_page", "test_own", "test_case", "test_load", "test_load_of_its_own")
    }
    assert [name for name, given in ran.items() if "deployment" not in given] == []


def test_a_release_whose_load_tests_send_no_load_is_refused(project, capfd):
    project.write("tests/load/test_load.py", "def test_load(site):\n    pass\n")
    assert project.pytest() == {}
    assert (
        "ERROR: no load gate is there, and no release to local passes without\n"
        "  fix: give limits in [env.local.load.thresholds], and have a test in "
        "tests/load that takes the fixture gate\n"
    ) in capfd.readouterr().err


def test_a_gate_that_could_not_wait_for_the_deployment_is_refused(project, capfd):
    project.write(
        "tests/smoke/conftest.py",
        "import pytest\n"
        "class Item(pytest.Item):\n    def runtest(self):\n        pass\n"
        "class File(pytest.File):\n    def collect(self):\n"
        "        yield Item.from_parent(self, name='page')\n"
        "def pytest_collect_file(file_path, parent):\n"
        "    if file_path.suffix == '.yaml':\n"
        "        return File.from_parent(parent, path=file_path)\n",
    )
    project.write("tests/smoke/pages.yaml", "")
    assert project.pytest() == {}
    assert (
        "ERROR: tests/smoke/pages.yaml::page can take no fixture, so it would not wait "
        "for the deployment to local\n"
        "  fix: make it a test function, or keep it out of pytest's testpaths\n"
    ) in capfd.readouterr().err


DESELECTING = """
import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items[:] = [each for each in items if each.name not in ("test_page", "test_b")]
"""


def test_a_release_of_which_a_plugin_leaves_out_gates_is_refused(project, capfd):
    project.write("conftest.py", DESELECTING)
    project.write("tests/smoke/test_more.py", f"{PAGE}def test_b(site):\n    pass\n")
    project.write("tests/smoke/test_c.py", "def test_c(site):\n    pass\n")
    assert project.pytest() == {}
    assert (
        "ERROR: tests/smoke/test_more.py::test_page was deselected (and 2 more), and a "
        "release runs every gate\n"
        "  fix: leave out the option or plugin that does so; or only test what is "
        "deployed: pytest --attach --env local\n"
    ) in capfd.readouterr().err


def test_a_run_that_attaches_may_leave_out_what_it_likes(project):
    project.write("conftest.py", DESELECTING)
    project.run.selection = Selection(mode=Mode.ATTACH, reason="--attach")
    assert set(project.pytest()) == {"test_load"}


@pytest.mark.parametrize(
    ("options", "limit"), [((), (120,)), (("--timeout", "0"), ())], ids=["ours", "own"]
)
def test_a_smoke_test_has_a_limit_unless_pytest_was_given_one(project, options, limit):
    assert project.ran(*options).limits == {"test_page": limit, "test_load": ()}
