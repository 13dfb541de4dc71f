pytest_plugins = ["release.plugin"]
