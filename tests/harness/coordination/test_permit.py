"""Until when a build may change something, on a disk that is full."""

import pytest

from release import builds
from release.coordination import permit
from release.errors import LockLost


@pytest.fixture
def build(tmp_path):
    return builds.begin(tmp_path, "local", attached=False)


def test_a_permit_that_a_full_disk_does_not_take_counts_for_who_gave_it(
    build, full_disk
):
    permit.grant(build, until_s=permit.now_s() - 1)
    with full_disk(0):
        permit.grant(build, until_s=permit.now_s() + 60)
    permit.guard(build)()
    permit.revoke(build, "somebody else took it")
    with pytest.raises(LockLost, match="somebody else took it"):
        permit.guard(build)()


def test_one_that_is_taken_back_counts_too(build, full_disk):
    permit.grant(build, until_s=permit.now_s() + 60)
    with full_disk(0):
        permit.revoke(build, "its blob is gone")
    with pytest.raises(LockLost, match="its blob is gone"):
        permit.guard(build)()
