#!/bin/sh
# Install the service from the wheels that came with the recipe: no network.
set -eu
from=/tmp/rocdash

/usr/bin/python3 -m venv --without-pip --clear /opt/rocdash/venv
# Pip runs from its own wheel, so that neither machine nor image needs one.
/usr/bin/python3 "$(echo "$from"/pip-*.whl)/pip" \
  --python /opt/rocdash/venv/bin/python install \
  --quiet --disable-pip-version-check --no-cache-dir --root-user-action ignore \
  --no-index --find-links "$from" rocdash
# The service's user may not write here: the data are read only from now on.
/opt/rocdash/venv/bin/python -m rocdash.data /opt/rocdash/rocdash.sqlite
chmod 0444 /opt/rocdash/rocdash.sqlite
