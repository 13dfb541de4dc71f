import multiprocessing
import os

import pytest

from release.coordination.once import NotRun, Once
from release.errors import BakeFailed, ReleaseError
from release.journal import Journal


def once_in(folder):
    return Once(folder, Journal(folder / "journal.jsonl"))


def test_work_is_done_once_and_its_result_is_read_later(tmp_path):
    done = []
    for _ in range(2):
        found = once_in(tmp_path).get("image", lambda: done.append(1) or {"v": 1})
        assert found == {"v": 1}
    assert done == [1]


def test_work_that_returns_nothing_is_not_done_again(tmp_path):
    done = []
    for _ in range(2):
        assert once_in(tmp_path).get("image", lambda: done.append(1)) is None
    assert done == [1]


def test_a_failure_is_raised_once_and_told_after(tmp_path):
    def fail():
        raise BakeFailed("step 2 ended with 1", fix="read the log")

    with pytest.raises(BakeFailed):
        once_in(tmp_path).get("image", fail)
    with pytest.raises(NotRun) as caught:
        once_in(tmp_path).get("image", fail)
    assert str(caught.value) == "not run: image failed before\n  fix: read the log"


def test_what_failed_first_is_told_as_it_comes(tmp_path):
    once, other = once_in(tmp_path), once_in(tmp_path)

    def fail():
        raise BakeFailed("step 2 ended with 1", fix="read the log")

    assert once.failed() == ""
    for name in ("image", "deployment"):
        with pytest.raises(BakeFailed):
            other.get(name, fail)
        assert (once.failed(), once.failed()) == ("image", "image")


def _die(folder):
    once_in(folder).get("image", lambda: os._exit(9))


def test_a_process_that_dies_at_work_is_named_and_nothing_hangs(tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=_die, args=(tmp_path,)
    )
    process.start()
    process.join(30)
    assert process.exitcode == 9
    with pytest.raises(ReleaseError) as caught:
        once_in(tmp_path).get("image", lambda: {"v": 1})
    assert caught.value.what == "the process that made the image died at it"
    with pytest.raises(NotRun):
        once_in(tmp_path).get("image", lambda: {"v": 1})
