import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from release import processes
from release.builds import Build
from release.cli import main
from release.journal import Kind
from tests.harness.coordination import shop

ROOT = Path(__file__).parents[2]
RELEASE = f"""{shop.RELEASE}[env.local.load.thresholds."GET /[id]"]
p95_ms = 100
"""
QA = RELEASE.replace("local", "qa", 1).replace('"local"', '"azure"')


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str


Command = Callable[..., Ran]


@pytest.fixture
def release(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Run a command in a folder with release.toml, and no variable set."""
    (tmp_path / "release.toml").write_text(RELEASE)
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        monkeypatch.delenv(name)

    def ran(*arguments: str) -> Ran:
        status = main(arguments)
        said = capsys.readouterr()
        return Ran(status=status, stdout=said.out, stderr=said.err)

    return ran


def test_python_runs_the_commands(tmp_path: Path) -> None:
    (tmp_path / "release.toml").write_text(RELEASE)

    ran = subprocess.run(
        [sys.executable, "-m", "release", "status", "--env", "local"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (
        1,
        "the embedded Azure does not run\n",
        "",
    )


def test_the_readme_tells_of_every_setting_variable_option_and_command(
    release: Command,
) -> None:
    there = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    told = release("settings", "--markdown").stdout.splitlines()

    # Paste what `python -m release settings --markdown` prints.
    assert [line for line in told if line not in there] == []


@pytest.mark.parametrize(
    "row",
    [
        "| `--env NAME` | environment of release.toml to release to, or to attach to |",
        "| `down --forget` | delete its state too |",
        "| `up --pace FACTOR` | 0 does things at once, 1 takes times like Azure's |",
    ],
)
def test_options_and_commands_are_rows_of_a_table(release: Command, row: str) -> None:
    assert row in release("settings", "--markdown").stdout.splitlines()


@pytest.mark.parametrize("command", ["init", "errors", "schema"])
@pytest.mark.parametrize("option", ["--env=local", "--set=load.users=7"])
def test_a_command_about_no_environment_is_told_of_none(
    release: Command, capsys: pytest.CaptureFixture[str], command: str, option: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        release(command, option)

    assert refused.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "usage: python -m release [-h] COMMAND ...\n"
        f"python -m release: error: unrecognized arguments: {option}\n"
    )


def test_the_doctor_fails_when_there_is_a_gap(release: Command) -> None:
    ran = release("doctor", "--env", "local")

    assert ran.status == 1
    assert ran.stderr == ""
    assert "there is no tests/load/locustfile.py" in ran.stdout
    assert "gaps to close" in ran.stdout


def test_settings_are_shown_with_their_sources(release: Command) -> None:
    ran = release("settings", "--env", "local", "--set", "load.users=7")

    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert (ran.status, ran.stderr) == (0, "")
    assert "load.users 7 --set load.users" in lines
    assert 'scale_set "shop" release.toml line 6' in lines
    assert "site_port 80 default" in lines
    assert 'load.thresholds."GET /[id]".p95_ms 100 release.toml line 10' in lines


def test_a_wrong_setting_ends_as_a_usage_error(
    release: Command, tmp_path: Path
) -> None:
    (tmp_path / "release.toml").write_text(RELEASE + "p95_mss = 3\n")

    ran = release("settings", "--env", "local")

    assert (ran.status, ran.stdout) == (4, "")
    assert ran.stderr == (
        "release.toml has 1 problem:\n"
        '  line 11  env.local.load.thresholds."GET /[id]".p95_mss: no such setting; '
        "did you mean p95_ms?\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ("--master", "10.0.0.4:abc"),
            "--master 10.0.0.4:abc: must be an address\n"
            "  fix: such as 10.0.0.4 or 10.0.0.4:5557, where the release listens\n",
            id="no-port",
        ),
        pytest.param(
            ("--master", "10.0.0.4", "--processes", "0"),
            "--processes 0: must be a whole number above 0\n  fix: such as 2\n",
            id="nobody",
        ),
    ],
)
def test_what_was_typed_is_told_as_it_was(
    release: Command, arguments: tuple[str, ...], said: str
) -> None:
    ran = release("load-worker", *arguments)
    assert (ran.status, ran.stdout, ran.stderr) == (4, "", said)


def test_the_embedded_azure_is_not_there_until_it_is_started(release: Command) -> None:
    status = release("status", "--env", "local")
    down = release("down", "--env", "local")

    assert (status.status, status.stdout) == (1, "the embedded Azure does not run\n")
    assert (down.status, down.stdout) == (
        0,
        "the embedded Azure did not run; its state is kept\n",
    )


def test_what_is_released_to_is_not_stopped(release: Command, tmp_path: Path) -> None:
    build = Build(id="2026.1125.1", environment="local", root=tmp_path)
    build.folder.mkdir(parents=True)
    build.journal.write(Kind.BUILD_STARTED, process=processes.this().to_json())

    down = release("down", "--env", "local")

    assert down.status == 4
    assert down.stderr == (
        "build 2026.1125.1 is being released to local, on what this would stop\n"
        "  fix: wait for it to end, or end it with Ctrl-C\n"
    )


def test_a_shell_evaluates_what_up_says_of_its_proxy(tmp_path: Path) -> None:
    folder = tmp_path / "a shop"
    folder.mkdir()
    (folder / "release.toml").write_text(RELEASE)
    release = f"{sys.executable} -m release"
    ask = (
        "import urllib.request; urllib.request.urlopen('https://management.azure.com')"
    )
    script = f"""
        eval "$({release} up --env local --proxy)"
        echo $NO_PROXY $CHECKPOINT_DISABLE $REQUESTS_CA_BUNDLE
        unset SSL_CERT_DIR
        {sys.executable} -c "{ask}" 2>&1 | tail -n 1
        {release} down --env local --forget
    """
    ran = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == [
        f"127.0.0.1,localhost 1 {folder}/.release/emulator/ca.pem",
        "urllib.error.HTTPError: HTTP Error 401: Unauthorized",
        "the embedded Azure stopped; its state is deleted",
    ], ran.stderr


def test_only_a_local_environment_is_started_and_stopped(
    release: Command, tmp_path: Path
) -> None:
    (tmp_path / "release.toml").write_text(
        QA.replace(
            "[env.qa]",
            '[env.qa]\nsubscription = "'
            + "2" * 8
            + "-2222-2222-2222-"
            + "2" * 12
            + '"',
        )
    )

    ran = release("up", "--env", "qa")

    assert ran.status == 4
    assert ran.stderr == (
        "environment qa is on Azure, not embedded here\n"
        '  fix: name one whose cloud is "local"\n'
    )
