from datetime import UTC

import pytest

from release.journal import Journal, Kind


def test_events_come_back_in_order_with_aware_times(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(Kind.STAGE_STARTED, stage="bake")
    journal.write(Kind.PROGRESS, stage="bake", text="packing")
    events = journal.read()
    assert [(e.kind, e.stage, dict(e.data)) for e in events] == [
        (Kind.STAGE_STARTED, "bake", {}),
        (Kind.PROGRESS, "bake", {"text": "packing"}),
    ]
    assert events[0].at.tzinfo is UTC


def test_a_last_line_without_its_end_is_left_out(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(Kind.PROGRESS, text="whole")
    with journal.path.open("a") as file:
        file.write('{"schema": 1, "at": "2026')
    assert [e.data["text"] for e in journal.read()] == ["whole"]


def test_reading_on_starts_where_the_last_reading_ended(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(Kind.PROGRESS, text="one")
    first, position = journal.after(0)
    journal.write(Kind.PROGRESS, text="two")
    second, end = journal.after(position)
    assert [e.data["text"] for e in (*first, *second)] == ["one", "two"]
    assert journal.after(end) == ([], end)


def test_a_journal_that_is_not_there_is_empty(tmp_path):
    journal = Journal(tmp_path / "none.jsonl")
    assert journal.read() == []
    assert journal.value("image") is None


def test_the_last_value_of_a_name_counts(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(Kind.VALUE, name="image", value={"version": "1"})
    journal.write(Kind.VALUE, name="image", value={"version": "2"})
    assert journal.value("image") == {"version": "2"}


def test_what_was_announced_and_not_deleted_is_left_behind_newest_first(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    for name in ("a", "b", "c"):
        journal.write(Kind.CREATING, resource_id=name)
    journal.write(Kind.DELETED, resource_id="b")
    assert journal.left_behind() == ["c", "a"]


def test_what_another_program_created_is_told_apart(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(Kind.CREATING, resource_id="a")
    for name in ("b", "c"):
        journal.write(Kind.CREATING, resource_id=name, created_by="Packer")
    journal.write(Kind.DELETED, resource_id="c")
    assert journal.left_by_others() == ["b"]


def texts(events):
    return [event.data["text"] for event in events]


def test_a_line_that_was_cut_short_hides_no_other(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(Kind.PROGRESS, text="one")
    with journal.path.open("a") as file:
        file.write('{"schema": 1, "at": "2026')
    journal.write(Kind.PROGRESS, text="glued to it")
    journal.write(Kind.PROGRESS, text="two")
    assert texts(journal.read()) == ["one", "two"]


def test_what_a_full_disk_does_not_take_stops_what_it_announces(tmp_path, full_disk):
    journal = Journal(tmp_path / "journal.jsonl")
    with full_disk(20), pytest.raises(OSError, match="File too large") as caught:
        journal.write(Kind.CREATING, resource_id="a")
    assert caught.value.filename == str(journal.path)
    assert journal.path.stat().st_size == 20
    assert journal.read() == []
    with full_disk(20), pytest.raises(OSError, match="File too large"):
        journal.write(Kind.CREATING, resource_id="a")
    journal.write(Kind.CREATING, resource_id="b")
    assert [event.data for event in journal.read()] == [{"resource_id": "b"}]


def test_an_undo_goes_on_without_a_disk_and_reads_what_it_did(tmp_path, full_disk):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.go_on()
    journal.write(Kind.PROGRESS, text="one")
    first, position = journal.after(0)
    with full_disk(position + 20):
        journal.write(Kind.PROGRESS, text="two")
        journal.write(Kind.PROGRESS, text="three")
        assert texts(journal.read()) == ["one", "two", "three"]
        second, position = journal.after(position)
    journal.write(Kind.PROGRESS, text="there is room again")
    third, _ = journal.after(position)
    assert texts((*first, *second, *third)) == texts(Journal(journal.path).read())
    assert texts(third) == ["there is room again"]


def test_what_comes_after_the_build_was_archived_makes_no_folder(tmp_path):
    journal = Journal(tmp_path / "local-1.0.0" / "journal.jsonl")
    journal.path.parent.mkdir()
    journal.write(Kind.CREATING, resource_id="a")
    journal.path.parent.rename(tmp_path / "archived")
    journal.write(Kind.DELETED, resource_id="a")
    assert [path.name for path in tmp_path.iterdir()] == ["archived"]
