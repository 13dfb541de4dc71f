"""The release harness is a pytest plugin."""

pytest_plugins = ["release.plugin"]
