"""Pages load soon enough: those that release.toml has a limit for."""

import pytest

pytestmark = pytest.mark.smoke


def test_page_loads_in_time(page_load):
    assert page_load.outcome == "passed", page_load.text
