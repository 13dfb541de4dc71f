#!/bin/sh
# Make load-worker.tar.gz: all that a machine needs to send load, and no more: Locust,
# the folder of your locustfile, and the recorder. Run it in the folder of release.toml,
# with the Python of your releases, on a machine like the workers (wheels are for it):
#
#   sh docs/workers/bundle.sh .venv/bin/python tests/load load-worker.tar.gz
set -eu
python=$1 load=$2 to=$3
here=$(dirname "$0")
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
into=$made/load-worker

mkdir "$into"
cp "$here/install.sh" "$into/"
cp -R "$load" "$into/load"
cp -R "$("$python" -c 'from release.load.profile import INSIDE; print(INSIDE)')" "$into/inside"
find "$into" -name __pycache__ -prune -exec rm -rf {} +

# The versions of your releases, with all that they need.
"$python" - >"$into/constraints.txt" <<'CODE'
from importlib.metadata import distributions

for one in distributions():
    print(f"{one.metadata['Name']}=={one.version}")
CODE
"$python" -m pip download --quiet --disable-pip-version-check --only-binary :all: \
  --dest "$into/wheels" --constraint "$into/constraints.txt" pip locust hdrhistogram
tar -C "$made" -czf "$to" load-worker
