import json
from pathlib import Path
from typing import Any

import pytest

from release.load.baseline import digest, earlier

WANTED = {"users": 10, "instances": 2}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Keep builds as an archive does: some passed, some comparable."""
    keep(tmp_path, "2026.1123.95959", "passed", WANTED)
    keep(tmp_path, "2026.1123.101500", "passed", WANTED)
    keep(tmp_path, "2026.1123.101501", "failed", WANTED)
    keep(tmp_path, "2026.1123.101502", "passed", {"users": 11, "instances": 2})
    keep(tmp_path, "2026.1124.1", "passed", WANTED)
    keep(tmp_path, "2026.1124.2", "passed", None)
    keep(tmp_path, ".2026.1124.3.part", "passed", WANTED)
    return tmp_path


def keep(archive: Path, build: str, verdict: str, conditions: Any) -> None:
    folder = archive / build / "load"
    folder.mkdir(parents=True)
    load = {"conditions": conditions} if conditions else None
    record = {"build": build, "verdict": verdict, "load": load}
    (folder.parent / "release.json").write_text(json.dumps(record))
    run = {"users": 10, "lead_s": 1, "time_s": 5}
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "load-1.jsonl").write_text('{"event": "started", "at": 5}\n')


def test_the_last_comparable_builds_that_passed_are_taken(archive: Path) -> None:
    assert list(earlier(archive, WANTED, builds=5)) == [
        "2026.1124.1",
        "2026.1123.101500",
        "2026.1123.95959",
    ]
    assert list(earlier(archive, WANTED, builds=1)) == ["2026.1124.1"]


def test_an_environment_without_builds_has_none(tmp_path: Path) -> None:
    assert earlier(tmp_path / "none", WANTED, builds=5) == {}


def test_the_digest_follows_the_locustfile_and_what_it_may_import(
    tmp_path: Path,
) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text("1")
    first = digest(locustfile)
    (tmp_path / "test_thresholds.py").write_text("judges")
    assert digest(locustfile) == first
    (tmp_path / "people.py").write_text("imported")
    assert digest(locustfile) != first
