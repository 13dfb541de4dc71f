import os
import re

import pytest

from release import builds
from release.coordination.lock import Lock
from release.errors import UsageError
from release.settings import load

RELEASE = """
[env.local]
cloud = "local"
resource_group = "shop"
image_resource_group = "shop"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "release.toml").write_text(RELEASE)
    return load(tmp_path, "local", options={}, variables={})


def test_a_second_release_is_told_who_holds_the_environment_and_since_when(settings):
    first = Lock.take(settings)
    first.name(builds.begin(settings.root, "local", attached=False))
    with pytest.raises(UsageError) as caught:
        Lock.take(settings)
    assert re.fullmatch(
        r"environment local is being released by build \d+\.\d+\.\d+, process "
        rf"{os.getpid()}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n"
        r"  fix: wait for it to end; pytest tests/smoke --env local may look at what "
        r"is deployed meanwhile",
        str(caught.value),
    )
    first.release()
    Lock.take(settings).release()


def test_who_held_it_last_is_not_blamed(settings):
    last = Lock.take(settings)
    last.name(builds.begin(settings.root, "local", attached=False))
    last.release()
    held = Lock.take(settings)
    with pytest.raises(UsageError, match=r"is being released\n"):
        Lock.take(settings)
    held.release()
