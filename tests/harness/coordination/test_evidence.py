"""What a test's report says holds no secret, and is still one that pytest can read."""

pytest_plugins = ["pytester"]


def test_the_reason_of_a_skip_is_told_without_its_secret(pytester, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-value")
    pytester.makepyfile(
        "import os, pytest\n"
        "def test_skipped():\n"
        "    pytest.skip('no answer to ' + os.environ['SHOP_TOKEN'])\n"
    )
    ran = pytester.runpytest_inprocess(
        *("-p", "no:locust", "-p", "no:hypothesispytest", "-p", "release.plugin"),
        *("--import-mode=importlib", "-rs", "--junitxml=junit.xml", "."),
    )
    ran.assert_outcomes(skipped=1)
    ran.stdout.fnmatch_lines(["SKIPPED [[]1] *.py:3: no answer to [*][*][*]"])
    for said in (ran.stdout.str(), (pytester.path / "junit.xml").read_text()):
        assert "s3cr3t" not in said
