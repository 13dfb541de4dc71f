.PHONY: release test test-kills test-rollouts test-clients lint bench setup
.DEFAULT_GOAL := release

setup:
	@.ci/setup

release: setup
	.venv/bin/pytest --env local

test: setup
	.venv/bin/pytest tests/harness -n 2 --dist loadfile --no-loadscope-reorder

test-rollouts: setup
	.venv/bin/pytest tests/harness/releases tests/harness/cloud -m matrix

# With clients that nobody here wrote, such as the real Packer; takes minutes.
test-clients: setup
	.ci/packer
	.venv/bin/pytest tests/clients

# Ten minutes and more: each kill is followed by a whole release.
test-kills: setup
	PYTHONPATH=. .venv/bin/python tests/kills/kills.py

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup
	.venv/bin/python tests/benchmarks/overhead.py
