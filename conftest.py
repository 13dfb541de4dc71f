"""The release harness is a pytest plugin; this is all that it takes to use it."""

pytest_plugins = ["release.plugin"]
