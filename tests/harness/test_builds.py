from datetime import UTC, datetime, timedelta, timezone

import pytest

from release.builds import begin, build_id, records, unfinished


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(datetime(2026, 11, 23, 11, 32, 5, tzinfo=UTC), "2026.1123.113205"),
        pytest.param(datetime(2027, 1, 2, 0, 0, 9, tzinfo=UTC), "2027.102.9"),
        pytest.param(
            datetime(2027, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "2026.1231.233000",
            id="another-zone",
        ),
    ],
)
def test_an_id_is_a_time_in_the_form_of_a_version(moment, expected):
    assert build_id(moment) == expected


def test_two_builds_of_one_second_get_two_ids(tmp_path):
    now = datetime(2026, 11, 23, 11, 32, 5, tzinfo=UTC)
    first = begin(tmp_path, "local", attached=False, now=now)
    second = begin(tmp_path, "local", attached=False, now=now)
    assert [first.id, second.id] == ["2026.1123.113205", "2026.1123.113206"]
    assert first.folder.is_dir()
    assert [b.id for b in unfinished(tmp_path, "local", but=second.id)] == [first.id]


def test_an_archived_id_is_not_used_again(tmp_path):
    now = datetime(2026, 11, 23, 11, 32, 5, tzinfo=UTC)
    (tmp_path / "reports" / "qa" / "2026.1123.113205").mkdir(parents=True)
    assert begin(tmp_path, "qa", attached=False, now=now).id == "2026.1123.113206"


def test_archived_builds_come_newest_first_without_folders_on_their_way(tmp_path):
    names = ("qa/2026.1123.95959", "prod/2026.1123.101500", "qa/2026.1122.235959")
    drafts = ("qa/.2026.1124.0.part", "qa/.2026.1125.0.old")
    for name in (*names, *drafts):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "release.json").touch()
    (tmp_path / "qa" / "2026.1126.0").mkdir()
    assert [str(path.relative_to(tmp_path)) for path in records(tmp_path, "*/*")] == [
        "prod/2026.1123.101500/release.json",
        "qa/2026.1123.95959/release.json",
        "qa/2026.1122.235959/release.json",
    ]


def test_builds_of_an_environment_with_a_longer_name_are_not_its_own(tmp_path):
    begin(tmp_path, "qa-2", attached=False)
    mine = begin(tmp_path, "qa", attached=False)
    assert unfinished(tmp_path, "qa", but=mine.id) == []
