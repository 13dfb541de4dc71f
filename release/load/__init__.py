"""Run Locust as a child process and judge what it measured."""
