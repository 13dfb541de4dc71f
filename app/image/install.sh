#!/bin/sh
# Install the service from the wheels that came with the recipe: no network, and
# none of the machine's own settings for pip.
set -eu
from=/tmp/rocdash
export PIP_CONFIG_FILE=/dev/null

# Pip runs from its own wheel, so that neither machine nor image needs one. It is
# unpacked first: twice as fast as from inside the wheel.
/usr/bin/python3 -m zipfile -e "$from"/pip-*.whl "$from/pip"

/usr/bin/python3 -m venv --without-pip --clear /opt/rocdash/venv
/usr/bin/python3 "$from/pip/pip" --python /opt/rocdash/venv/bin/python install \
  --isolated --quiet --disable-pip-version-check --no-cache-dir --root-user-action ignore \
  --no-index --find-links "$from" rocdash

# The service's user may not write here: the data are read only from now on.
/opt/rocdash/venv/bin/python -m rocdash.data /opt/rocdash/rocdash.sqlite
chmod 0444 /opt/rocdash/rocdash.sqlite
