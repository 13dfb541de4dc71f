"""Each browser test is one test in each browser, and its id shows which."""

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def collected(pytester):
    """Return the ids of tests that a command line collects."""
    pytester.makeconftest('pytest_plugins = ["release.plugin"]')
    pytester.makepyfile(
        test_it="""
        def test_page(browser): pass
        def test_health(site): pass
        """
    )

    def ids(*options):
        quiet = ("-q", "--collect-only", "test_it.py")
        without = ("-p", "no:locust", "-p", "no:hypothesispytest")
        ran = pytester.runpytest_inprocess(*quiet, *without, *options)
        return [line.partition("::")[2] for line in ran.outlines if "::" in line]

    return ids


def test_one_browser_needs_no_name(collected):
    assert collected("--browser", "firefox") == ["test_page", "test_health"]


def test_of_several_each_has_its_own_test(collected):
    assert collected("--browser", "firefox", "chrome") == [
        "test_page[firefox]",
        "test_page[chrome]",
        "test_health",
    ]


def test_a_browser_that_nobody_knows_is_refused(collected, capsys):
    assert collected("--browser", "lynx") == []
    assert "invalid choice: 'lynx'" in capsys.readouterr().err
