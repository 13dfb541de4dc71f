.PHONY: release test test-wire test-faults test-kills test-matrix test-clients test-packer \
	test-azure-cli test-azurite test-javascript test-sdks test-skeleton test-grid \
	test-workers gallery lint bench bench-load \
	bench-truth bench-canary bench-history setup
.DEFAULT_GOAL := release

# Containers often forbid Python to keep what it compiles: two seconds a worker here.
export PYTHONDONTWRITEBYTECODE :=

setup:
	@.ci/setup

release: setup
	.venv/bin/pytest --env local

# Four workers: a release waits as much as it works.
test: setup
	.venv/bin/pytest tests/harness -n 4 --dist loadfile --no-loadscope-reorder $(TESTS)

# Ten minutes: each fault has a whole release.
test-faults: setup
	.venv/bin/pytest tests/faults -n 2

# What the suite leaves out for its time: whole releases and variants; ten minutes.
test-matrix: setup
	.venv/bin/pytest tests/harness -m matrix -n 2 --dist loadfile \
		--ignore tests/harness/emulator/wire --ignore tests/harness/emulator/blobs/test_wire.py

# On a Selenium Grid of this machine; 50 megabytes are installed for it.
test-grid: setup
	SELENIUM_SERVER=$$(.ci/grid) .venv/bin/pytest tests/grid

# The wheel, installed anew, makes a project, which releases itself.
test-skeleton: setup
	.venv/bin/pytest tests/skeleton

# Every path and body of the embedded Azure, asked in ways that no SDK asks.
test-wire: setup
	.venv/bin/pytest tests/harness/emulator/wire tests/harness/emulator/blobs/test_wire.py \
		-m "matrix or not matrix"

# The recipes of docs/workers; wheels are downloaded for it.
test-workers: setup
	.venv/bin/pytest tests/workers
	$$(.ci/kubernetes-validate) --strict docs/workers/kubernetes.yaml

# With clients that nobody here wrote; takes minutes.
test-clients: test-packer test-azure-cli test-javascript test-azurite test-sdks

test-packer: setup
	.ci/packer
	.venv/bin/pytest tests/clients --ignore tests/clients/azure_cli \
		--ignore tests/clients/javascript --ignore tests/clients/azurite \
		--ignore tests/clients/sdks

# Half a gigabyte is installed for it, so CI leaves it out.
test-azure-cli: setup
	AZ=$$(.ci/azure-cli) .venv/bin/pytest tests/clients/azure_cli

# Node.js and npm are needed for it, so CI leaves it out.
test-azurite: setup
	AZURITE=$$(.ci/azurite) .venv/bin/pytest tests/clients/azurite

# Needs Node.js, of version 20 or newer.
test-javascript: setup
	JAVASCRIPT=$$(.ci/javascript) .venv/bin/pytest tests/clients/javascript

# Old generations of Azure's own SDKs for Python; 700 MB are installed for them, so CI leaves
# them out.
test-sdks: setup
	SDKS=$$(.ci/sdks) .venv/bin/pytest tests/clients/sdks

# Ten minutes and more: each kill is followed by a whole release.
test-kills: setup
	PYTHONPATH=. .venv/bin/python tests/kills/kills.py

# Four minutes: a release into each state that a report can be in, each report looked at
# in a browser; the pictures are for you to look at.
gallery: setup
	AXE=$$(.ci/axe) PYTHONPATH=. .venv/bin/pytest tests/gallery

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows \
		.github/workflows/release.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.azure-pipelines \
		--regex-variant nonunicode --data-transform azure-pipelines azure-pipelines.yml
	.venv/bin/zizmor --quiet --offline --persona pedantic .github/workflows

bench: setup
	.venv/bin/python tests/benchmarks/overhead.py

# Five minutes on a quiet machine: our load generator beside others.
bench-load: setup
	.ci/load-tools
	.venv/bin/python tests/benchmarks/generation.py

# Four minutes on a quiet machine: whether the load's figures are true.
bench-truth: setup
	.venv/bin/python tests/benchmarks/truth.py

# An hour on a quiet machine; see tests/benchmarks/canary.py for slices of it.
bench-canary: setup
	.venv/bin/python tests/benchmarks/canary.py
	.venv/bin/python tests/benchmarks/canary.py --releases 10

bench-history: setup
	PYTHONPATH=. .venv/bin/python tests/benchmarks/history.py
