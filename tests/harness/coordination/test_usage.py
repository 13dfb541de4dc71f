"""What cannot be is refused at once: one message, exit code 4, nothing begun."""

import json

import pytest

from release.coordination import beginning
from release.coordination.selection import Mode

pytest_plugins = ["pytester"]

TABLE = """
resource_group = "shop"
image_resource_group = "shop"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""
RELEASE = f"""
[env.local]
cloud = "local"{TABLE}
[env.qa]
cloud = "azure"
subscription = "22222222-2222-2222-2222-222222222222"{TABLE}
"""


@pytest.fixture
def project(pytester):
    pytester.makefile(".toml", release=RELEASE)
    pytester.makepyprojecttoml(
        """
        [tool.pytest]
        testpaths = ["tests/smoke", "tests/load"]
        addopts = [
          "-p", "no:locust", "-p", "no:hypothesispytest", "-p", "release.plugin",
          "--import-mode=importlib",
        ]
        """
    )
    smoke = pytester.mkdir("tests") / "smoke"
    smoke.mkdir()
    (smoke / "test_page.py").write_text("def test_page(site):\n    pass\n")
    return pytester


def refused(project, *options):
    """Return the message that pytest ends with at once."""
    ran = project.runpytest_inprocess(*options)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    said = "\n".join(ran.errlines)
    assert "Traceback" not in said
    assert not list(project.path.glob(".release/builds/*"))
    return said.strip()


def test_a_bare_pytest_is_told_the_environments(project):
    assert refused(project) == (
        "ERROR: --env is missing: a bare pytest is a release, and must know where to\n"
        "  fix: pytest --env NAME, with NAME one of local, qa"
    )


def test_an_unknown_environment_is_told_those_that_are(project):
    assert refused(project, "--env", "nowhere") == (
        "ERROR: there is no environment 'nowhere'\n"
        "  fix: release.toml has local, qa; choose one of them, or add [env.nowhere]"
    )


def test_smoke_tests_alone_are_told_to_name_an_environment(project):
    assert refused(project, "tests/smoke") == (
        "ERROR: tests/smoke tests a deployed service, and --env does not say which\n"
        "  fix: add --env NAME, with NAME one of local, qa; it changes nothing there"
    )


@pytest.mark.parametrize("mode", ["loadscope", "loadfile", "worksteal", "each"])
def test_a_distribution_that_loses_the_order_is_refused(project, mode):
    assert refused(project, "--env", "local", "--dist", mode) == (
        f"ERROR: --dist {mode} would not keep smoke tests before load tests\n"
        "  fix: leave --dist out, or say --dist load"
    )


@pytest.mark.parametrize("grid", ["grid:4444", "http://", "ftp://grid"])
def test_a_grid_that_is_no_address_is_refused(project, grid):
    assert refused(project, "--env", "local", "--grid", grid) == (
        f"ERROR: --grid {grid}: must be the address of a Selenium Grid\n"
        "  fix: such as http://127.0.0.1:4444"
    )


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_a_run_that_would_end_no_test_is_refused(project, option):
    assert refused(project, "--env", "local", option) == (
        "ERROR: --setup-only and --setup-plan end no test, and a load waits for the "
        "end of all smoke tests\n"
        "  fix: leave it out; --plan tells what a release would do"
    )


def test_a_release_without_the_plugin_of_its_report_is_refused(project):
    assert refused(project, "--env", "local", "-p", "no:html") == (
        "ERROR: the report of a release is made by pytest-html, and it is not loaded\n"
        "  fix: leave out -p no:html; where plugins load only by name, add "
        "-p pytest_html.plugin"
    )


def test_a_run_that_attaches_may_do_without_reports(project):
    config = project.parseconfig(
        "--env", "local", "--attach", "-p", "no:html", "-p", "no:junitxml"
    )
    given, chosen = beginning.given_settings(config), beginning.choose(config)
    assert chosen.mode is Mode.ATTACH
    run, lock = beginning.begin(config, given, chosen)
    assert (run.releases, lock) == (False, None)


def test_a_set_option_without_a_value_is_explained(project):
    assert refused(project, "--env", "local", "--set", "nonsense") == (
        "ERROR: --set nonsense: expected PATH=VALUE\n"
        "  fix: such as --set load.users=5, or "
        "--set 'load.thresholds.\"GET /\".p95_ms=300'"
    )


def test_all_problems_of_the_settings_are_told_at_once(project):
    path = project.path / "release.toml"
    path.write_text(RELEASE + 'instance_count = "two"\nscale_sett = "x"\n')
    assert refused(project, "--env", "qa", "--set", "load.users=0") == (
        "ERROR: the settings have 3 problems:\n"
        '  line 19           env.qa.instance_count = "two": must be a whole number\n'
        '  line 20           env.qa.scale_sett = "x": no such setting; did you mean '
        "scale_set?\n"
        "  --set load.users  env.qa.load.users = 0: must be above 0"
    )


def test_a_release_with_wrong_settings_leaves_a_report_that_says_so(project):
    path = project.path / "release.toml"
    path.write_text(RELEASE + 'instance_count = "two"\nscale_sett = "<x>"\n')
    refused(project, "--env", "qa")
    (folder,) = (project.path / "reports" / "qa").iterdir()
    record = json.loads((folder / "release.json").read_text())
    said = 'release.toml has 2 problems: line 19 env.qa.instance_count = "two"'
    assert record["verdict"] == "failed"
    assert record["reason"] == f"{said}: must be a whole number (and 1 more)"
    page = (folder / "report.html").read_text()
    assert "<title>failed: " in page
    assert "env.qa.scale_sett = &#34;&lt;x&gt;&#34;: no such setting" in page
    assert folder.name in (project.path / "reports" / "index.html").read_text()


def test_a_report_that_cannot_be_kept_is_told_beside_what_is_wrong(project):
    (project.path / "release.toml").write_text(RELEASE + "instance_count = 0\n")
    (project.path / "reports").write_text("no folder")
    said = refused(project, "--env", "qa")
    assert "line 19  env.qa.instance_count = 0: must be above 0" in said
    assert " is not in the archive yet: Not a directory" in said
    assert f"make a folder of {project.path}/reports/" in said


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--env", "qa", "tests/smoke"), id="attached"),
        pytest.param(("--env", "qa", "--plan"), id="planned"),
        pytest.param(("--env", "nowhere"), id="unknown-environment"),
    ],
)
def test_what_is_no_release_leaves_no_report(project, options):
    (project.path / "release.toml").write_text(RELEASE + "instance_count = 0\n")
    refused(project, *options)
    assert not (project.path / "reports").exists()


def test_a_release_whose_tests_a_plugin_picks_is_refused(project):
    settings = f'{RELEASE}[env.prod]\ncloud = "azure"{TABLE}'
    subscription = 'subscription = "22222222-2222-2222-2222-222222222222"\n'
    (project.path / "release.toml").write_text(settings + subscription)
    locustfile = project.path / "tests" / "load" / "locustfile.py"
    locustfile.parent.mkdir()
    locustfile.touch()
    project.makeconftest(
        "def pytest_configure(config):\n    config.args = ['tests/smoke/test_page.py']"
    )
    assert refused(project, "--env", "prod", "--image-from", "qa") == (
        "ERROR: a plugin has pytest collect other tests than all gates, which a "
        "release runs: tests/smoke/test_page.py\n"
        "  fix: leave out its option; or only test what is deployed: pytest --attach "
        "--env prod"
    )


def test_a_missing_file_of_settings_is_told(project):
    (project.path / "release.toml").unlink()
    assert refused(project, "--env", "local") == (
        f"ERROR: there is no release.toml in {project.path}\n"
        "  fix: start in the folder that has one, or write one as the README shows"
    )


def test_what_a_release_lacks_is_told_before_anything_begins(project):
    said = refused(project, "--env", "local")
    assert "image.recipe: there is no app/image/recipe.toml" in said
    assert "load.locustfile: there is no tests/load/locustfile.py" in said
    assert not (project.path / ".release").exists()


def test_a_plan_of_an_attached_run_is_refused(project):
    assert refused(project, "--env", "local", "--plan", "--attach") == (
        "ERROR: --plan tells of a release, and --attach makes none\n"
        "  fix: leave one of them out"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            ("--env", "qa", "--image-from", "qa"),
            "ERROR: --image-from qa is the environment that is released to\n"
            "  fix: name another one, or leave it out to bake",
            id="itself",
        ),
        pytest.param(
            ("--env", "qa", "--image-from", "nowhere"),
            "ERROR: there is no environment 'nowhere'\n"
            "  fix: release.toml has local, qa; choose one of them, or add "
            "[env.nowhere]",
            id="nowhere",
        ),
        pytest.param(
            ("--env", "qa", "--image-from", "local"),
            "ERROR: local and qa are on two Azures: an image cannot pass between\n"
            "  fix: bake it: leave --image-from out",
            id="another-azure",
        ),
        pytest.param(
            ("--env", "qa", "--image-from", "local", "--attach"),
            "ERROR: --image-from local is for a release, and this run only attaches\n"
            "  fix: leave out what narrows it: pytest --env qa --image-from local",
            id="attached",
        ),
    ],
)
def test_an_image_comes_from_another_environment_of_the_same_azure(
    project, options, message
):
    locustfile = project.path / "tests" / "load" / "locustfile.py"
    locustfile.parent.mkdir()
    locustfile.touch()
    assert refused(project, *options) == message
