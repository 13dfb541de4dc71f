"""The archive on real disks, also on a full one, with several releases at once."""

import errno
import json
import multiprocessing
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from release.errors import ArchiveFailed
from release.history import keep, ledger
from release.history.entry import entry, newest_first
from release.history.retention import outdated
from release.settings import Retention

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - another disk, on any Linux
LIMITS = Retention()


def begun(root, record):
    """A build's own folder, with its record."""
    folder = root / "builds" / record["build"]
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps(record))
    (folder / "report.html").write_text("<p>password=hush</p>")
    (folder / "image.lock").touch()
    return folder


def put(root, record, limits=LIMITS):
    reports = root / "reports"
    target = reports / record["environment"] / record["build"]
    return keep.keep(begun(root, record), target, reports=reports, limits=limits)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_build_is_moved_whole_redacted_and_without_its_locks(tmp_path, record):
    put(tmp_path, record(0))
    folder = tmp_path / "reports" / "qa" / "2026.1123.0"
    assert names(folder) == ["release.json", "report.html"]
    assert (folder / "report.html").read_text() == "<p>password=***</p>"
    assert names(tmp_path / "builds") == []


def test_the_index_holds_all_builds_newest_first(tmp_path, record):
    put(tmp_path, record(1, environment="local"))
    found = put(tmp_path, record(0))
    assert [each.path for each in found.entries] == [
        "local/2026.1123.10000",
        "qa/2026.1123.0",
    ]
    page = (tmp_path / "reports" / "index.html").read_text()
    assert page.index("local/2026.1123.10000/") < page.index("qa/2026.1123.0/")


def test_only_new_builds_are_read(tmp_path, record):
    put(tmp_path, record(0))
    reports = tmp_path / "reports"
    (reports / "qa" / "2026.1123.0" / "release.json").write_text("no longer JSON")
    found = put(tmp_path, record(1))
    assert [each.build for each in found.entries] == ["2026.1123.10000", "2026.1123.0"]


def test_a_build_that_was_deleted_is_not_in_the_index(tmp_path, record):
    put(tmp_path, record(0))
    reports = tmp_path / "reports"
    (reports / "qa" / "2026.1123.0" / "release.json").unlink()
    assert ledger.renew(reports).entries == ()
    assert "No build yet." in (reports / "index.html").read_text()


def test_a_lost_or_foreign_ledger_is_made_anew_from_the_builds(tmp_path, record):
    put(tmp_path, record(0))
    reports = tmp_path / "reports"
    kept = (reports / "history.json").read_text()
    for text in ("", "{}", '{"schema": 99}', '{"schema": 1, "tests": []}'):
        (reports / "history.json").write_text(text)
        ledger.renew(reports)
        assert (reports / "history.json").read_text() == kept


def test_a_record_that_cannot_be_read_is_named_on_the_page(tmp_path, record):
    put(tmp_path, record(0))
    reports = tmp_path / "reports"
    bad = reports / "qa" / "bad"
    bad.mkdir()
    (bad / "release.json").write_text("{")
    assert ledger.renew(reports).unread == ("qa/bad",)
    assert (
        "Left out, because their release.json cannot be read: qa/bad."
        in (reports / "index.html").read_text()
    )


def test_a_folder_goes_to_another_disk_in_one_step(tmp_path, record):
    """Whoever looks sees no half of it, and a copy that was cut short is no build."""
    folder = begun(tmp_path, record(0))
    assert SHARED_MEMORY.stat().st_dev != tmp_path.stat().st_dev
    other = SHARED_MEMORY / f"release-{tmp_path.name}-{datetime.now(UTC).timestamp()}"
    try:
        half = other / "qa" / ".2026.1123.0.part"
        half.mkdir(parents=True)
        (half / "release.json").write_text("{}")
        (half / "left").touch()
        assert ledger.history(other).entries == ()
        keep.keep(folder, other / "qa" / "2026.1123.0", reports=other, limits=LIMITS)
        assert names(other / "qa") == [
            "2026.1123.0",
            "2026.1123.0/release.json",
            "2026.1123.0/report.html",
        ]
        assert not folder.exists()
    finally:
        subprocess.run(["rm", "-rf", other], check=True)


ON_A_SMALL_DISK = """
    import sys
    from pathlib import Path
    from release.errors import ArchiveFailed
    from release.history.keep import keep
    from release.settings import Retention

    folder, reports = Path(sys.argv[1]), Path(sys.argv[2])
    target = reports / "qa" / folder.name
    try:
        keep(folder, target, reports=reports, limits=Retention())
    except ArchiveFailed as error:
        print(error)
    print(sorted(str(path.relative_to(reports)) for path in reports.rglob("*")))
"""


def on_a_small_disk(folder, reports, size_bytes):
    """What `keep` says and leaves where the archive's disk has no more room."""
    reports.mkdir()
    return subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/"),
            *("--size", str(size_bytes), "--tmpfs", reports),
            *(sys.executable, "-c", textwrap.dedent(ON_A_SMALL_DISK)),
            *(folder, reports),
        ],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_on_a_full_disk_a_build_stays_where_it_was_and_the_archive_as_it_was(
    tmp_path, record
):
    folder = begun(tmp_path, record(0))
    (folder / "logs").mkdir()
    (folder / "logs" / "driver.log").write_text("x" * 300_000)
    before = names(folder)
    said = on_a_small_disk(folder, tmp_path / "reports", 200_000)
    assert said == (
        "build 2026.1123.0 is not in the archive yet: driver.log: No space left on "
        "device\n"
        f"  fix: its files are in {folder}; make room: the next release to this "
        "environment puts them there\n"
        "['qa']\n"
    )
    assert names(folder) == [name for name in before if name != "image.lock"]


def test_an_index_without_room_is_told_and_the_build_is_whole(tmp_path, record):
    folder = begun(tmp_path, record(0, reason="r" * 60_000))
    reports = tmp_path / "reports"
    said = on_a_small_disk(folder, reports, 100_000)
    assert said == (
        f"the index of {reports} is not up to date: No space left on device\n"
        "  fix: make room, then: python -m release history --renew\n"
        "['.index.lock', 'qa', 'qa/2026.1123.0', 'qa/2026.1123.0/release.json', "
        "'qa/2026.1123.0/report.html']\n"
    )


def several(root, records):
    for each in records:
        put(root, each)


@pytest.mark.parametrize(
    ("error", "said", "mend"),
    [
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "reports/qa"),
            "Not a directory: reports/qa",
            "make a folder of reports/qa, or move it away",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "/x/a.html"),
            "No such file or directory: /x/a.html",
            "put that right",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "reports/qa"),
            "No space left on device",
            "make room",
        ),
    ],
)
def test_what_keeps_a_build_out_is_named_with_what_to_do(error, said, mend):
    with pytest.raises(ArchiveFailed) as caught, keep.archiving("1", Path("/builds/1")):
        raise error
    assert str(caught.value) == (
        f"build 1 is not in the archive yet: {said}\n"
        f"  fix: its files are in /builds/1; {mend}: the next release to this "
        "environment puts them there"
    )


def test_two_releases_at_once_never_mix(tmp_path, record):
    shares = [
        [record(hour, environment=name) for hour in range(10)]
        for name in ("qa", "prod")
    ]
    spawn = multiprocessing.get_context("fork")
    both = [
        spawn.Process(target=several, args=(tmp_path / name, share))
        for name, share in zip(("one", "two"), shares, strict=True)
    ]
    (tmp_path / "reports").mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "reports").symlink_to(tmp_path / "reports")
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    assert [each.exitcode for each in both] == [0, 0]
    kept = json.loads((tmp_path / "reports" / "history.json").read_text())
    assert len(kept["builds"]) == 20
    page = (tmp_path / "reports" / "index.html").read_text()
    for share in shares:
        for each in share:
            assert f"{each['environment']}/{each['build']}/report.html" in page


# --- retention ----------------------------------------------------------------------


@pytest.fixture
def going(noon):
    """Hours of the builds that go, of those begun at some hours after noon."""

    def found(records, **limits):
        entries = newest_first(entry(each) for each in records)
        gone = outdated(entries, Retention(**limits), noon + timedelta(hours=10))
        return [(each.started_at - noon) / timedelta(hours=1) for each in gone]

    return found


def test_builds_beyond_the_count_go(going, record):
    assert going([record(hour) for hour in range(5)], builds=3) == [1, 0]


def test_builds_past_their_age_go(going, record):
    old = going([record(0), record(3), record(9)], build_days=0.25)
    assert old == [3, 0]


def test_the_last_one_that_passed_stays(going, record, rolled_back):
    builds = [record(0), record(1), rolled_back(2), rolled_back(3)]
    assert going(builds, builds=1) == [2, 0]
    assert going(builds, build_days=0.01) == [2, 0]


def test_a_build_that_goes_is_gone_from_the_index_too(tmp_path, record):
    limits = Retention(builds=2)
    for hour in range(3):
        found = put(tmp_path, record(hour + 10_000), limits)
    assert [each.build for each in found.entries] == [
        "2026.1123.100020000",
        "2026.1123.100010000",
    ]
    kept = names(tmp_path / "reports" / "qa")
    assert [name for name in kept if "/" not in name] == [
        "2026.1123.100010000",
        "2026.1123.100020000",
    ]
