"""The release lock over the wire: one holder, takers, and what a lost one stops."""

import json
import re
import subprocess
import sys
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import psutil
import pytest

from release import builds, processes
from release.azure import storage
from release.azure.clients import Azure
from release.azure.lease import LASTS_S, Holder, Lease, abandoned, holder
from release.coordination import permit
from release.coordination.lock import MARGIN_S, SILENT_S, Lock, judged
from release.errors import LockLost, UsageError
from release.journal import Kind
from release.settings import load

RELEASE = """
[env.local]
cloud = "local"
resource_group = "shop"
image_resource_group = "{group}"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""


@pytest.fixture
def settings(tmp_path):
    group = f"lock-{uuid.uuid4().hex[:8]}"
    (tmp_path / "release.toml").write_text(RELEASE.format(group=group))
    return load(tmp_path, "local", options={}, variables={})


@pytest.fixture
def begin(settings):
    """Begin a build, with the lock that it has yet to take."""

    def begun():
        build = builds.begin(settings.root, "local", attached=False)
        build.journal.write(Kind.BUILD_STARTED, build=build.id)
        return build, Lock(settings, build, {})

    return begun


def somebody(process=None, build="1.2.3"):
    return Holder(
        who="ann@laptop",
        process=process or replace(processes.this(), machine="elsewhere"),
        environment="local",
        build=build,
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        lease=str(uuid.uuid4()),
    )


def test_it_is_free_where_there_never_was_a_release(azure, settings):
    assert holder(azure, settings.env) is None


def test_a_second_release_is_told_who_holds_it_and_since_when(azure, settings, begin):
    first, held = begin()
    held.take(azure)
    seen = holder(azure, settings.env)
    assert (seen.build, seen.environment) == (first.id, "local")
    _, second = begin()
    with pytest.raises(UsageError) as caught:
        second.take(azure)
    assert re.fullmatch(
        rf"environment local is being released by {re.escape(processes.owner({}))}: "
        rf"build {re.escape(first.id)}, process {processes.this().pid}, since "
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, last heard of \d s ago\n"
        r"  fix: wait for it to end; pytest tests/smoke --env local may look at what "
        r"is deployed meanwhile. Were it dead, its lock would run out within 60 s of "
        r"its last word",
        str(caught.value),
    )
    second.release()
    held.release()
    assert holder(azure, settings.env) is None
    _, third = begin()
    third.take(azure)
    third.release()


def test_the_account_of_the_lock_takes_no_key(azure, settings, begin):
    _, lock = begin()
    lock.take(azure)
    lock.release()
    (account,) = azure.resources.resources.list_by_resource_group(
        settings.env.image_resource_group
    )
    assert account.name == storage.account_of(azure, settings.env)
    assert account.tags["release-owner"] == "pytest-release"
    found = azure.resources.resources.get_by_id(account.id, api_version="2023-05-01")
    assert found.properties["allowSharedKeyAccess"] is False


def test_of_many_first_releases_at_the_same_instant_one_gets_it(azure, begin):
    locks = [begin()[1] for _ in range(6)]
    start, refused = threading.Barrier(len(locks)), []

    def race(lock):
        start.wait()
        try:
            lock.take(azure)
        except UsageError as error:
            refused.append(error)

    threads = [threading.Thread(target=race, args=(lock,)) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == len(locks) - 1
    for lock in locks:
        lock.release()


def test_a_holder_of_this_machine_that_is_gone_is_followed_at_once(
    azure, settings, begin
):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as child:
        started_at_s = psutil.Process(child.pid).create_time()
        process = replace(processes.this(), pid=child.pid, started_at_s=started_at_s)
        storage.ensure_account(azure, settings.env, labels={}, timeout_s=10)
        dead = Lease(azure, settings.env, somebody(process))
        assert dead.take() is None
        with pytest.raises(UsageError, match=r"released by ann@laptop: build 1\.2\.3"):
            begin()[1].take(azure)
        child.kill()
    # Two that take over at once: changing the lease's id admits one of them.
    found = holder(azure, settings.env)
    heirs = [Lease(azure, settings.env, somebody(build=name)) for name in ("a", "b")]
    assert [heir.take_over(found) for heir in heirs] == [True, False]
    assert [heir.take() is None for heir in heirs] == [True, False]
    assert holder(azure, settings.env).build == "a"


def test_a_holder_elsewhere_that_fell_silent_is_waited_for(azure, settings):
    storage.ensure_account(azure, settings.env, labels={}, timeout_s=10)
    silent = Lease(azure, settings.env, somebody())
    silent.take()
    found = Lease(azure, settings.env, somebody(build="1.2.4")).take()
    assert found is not None
    with pytest.raises(UsageError):
        judged(replace(found, silent_s=SILENT_S - 1), "local")
    assert re.fullmatch(
        r"held by ann@laptop: build 1\.2\.3, process \d+, since .* UTC, last heard of "
        r"45 s ago; it may be dead, then its lease runs out",
        judged(replace(found, silent_s=SILENT_S), "local"),
    )


def test_a_lock_that_somebody_else_took_stops_the_next_write(azure, settings, begin):
    build, lock = begin()
    lock.take(azure)
    guarded = Azure(azure.endpoint, azure.credential, permit.guard(build))
    guarded.resources.resource_groups.create_or_update("ours", {"location": "eastus"})
    held = holder(azure, settings.env)
    assert Lease(azure, settings.env, somebody()).take_over(held)
    lock.reclaim(lambda: azure)
    with pytest.raises(LockLost) as caught:
        guarded.resources.resource_groups.create_or_update(
            "ours", {"location": "eastus"}
        )
    assert str(caught.value) == (
        "the lock of environment local is lost: somebody else took it. Nothing was "
        "changed from here on\n"
        "  fix: see who releases there: python -m release status --env local; then "
        "release again, which puts right what this build left"
    )
    container = storage.Container(guarded, storage.account_of(azure, settings.env))
    with pytest.raises(LockLost):
        container.create_log("log/1.txt")
    assert guarded.resources.resource_groups.check_existence("ours")
    lock.release()
    guarded.close()
    assert holder(azure, settings.env).who == "ann@laptop"


def test_a_lock_that_took_its_time_to_be_had_lasts_from_then_on(azure, begin, faults):
    faults({"kind": "throttled", "path": "*/lock/shop/shop"})
    build, lock = begin()
    lock.take(azure)
    until_s = json.loads((build.folder / permit.FILE).read_text())["until_s"]
    lock.release()
    assert until_s - permit.now_s() > LASTS_S - MARGIN_S - 0.8


def test_a_lock_that_was_not_renewed_in_time_stops_the_next_write(azure, begin):
    build, lock = begin()
    lock.take(azure)
    permit.grant(build, until_s=permit.now_s() - 3.2)
    with pytest.raises(LockLost) as caught:
        permit.guard(build)()
    assert caught.value.what == (
        "the lock of environment local is lost: it could not be renewed, and ran out "
        "3 s ago. Nothing was changed from here on"
    )
    lock.reclaim(lambda: azure)
    permit.guard(build)()
    lock.release()


def test_a_build_without_the_lock_changes_nothing(begin):
    build, _ = begin()
    with pytest.raises(LockLost, match="local is lost: it was never taken"):
        permit.guard(build)()


def test_a_lock_whose_blob_is_gone_stops_the_next_write(azure, settings, begin):
    build, lock = begin()
    lock.take(azure)
    account = azure.blobs(storage.account_of(azure, settings.env))
    account.delete_container(storage.CONTAINER)
    lock.reclaim(lambda: azure)
    with pytest.raises(LockLost, match="environment local is lost: its blob is gone"):
        permit.guard(build)()
    lock.release()


def test_somebodys_own_account_gets_the_container(azure, settings, begin):
    storage.ensure_account(azure, settings.env, labels={}, timeout_s=10)
    account = azure.blobs(storage.account_of(azure, settings.env))
    account.delete_container(storage.CONTAINER)
    _, lock = begin()
    assert lock.take(azure) is None
    lock.release()


def test_who_died_with_the_lock_is_told_to_the_next_one(azure, settings, begin):
    storage.ensure_account(azure, settings.env, labels={}, timeout_s=10)
    dead = Lease(azure, settings.env, somebody())
    dead.take()
    azure.blobs(storage.account_of(azure, settings.env)).get_blob_client(
        storage.CONTAINER, "lock/shop/shop"
    ).acquire_lease(lease_id=dead.me.lease).break_lease(lease_break_period=0)
    assert holder(azure, settings.env) is None
    assert abandoned(azure, settings.env).build == "1.2.3"
    _, lock = begin()
    assert lock.take(azure).build == "1.2.3"
    lock.release()
    assert abandoned(azure, settings.env) is None
