.PHONY: release test lint bench setup
.DEFAULT_GOAL := release

setup:
	@.ci/setup

release: setup
	.venv/bin/pytest --env local

test: setup
	.venv/bin/pytest tests/harness -n 2 --dist loadfile --no-loadscope-reorder

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup
	.venv/bin/python tests/benchmarks/overhead.py
