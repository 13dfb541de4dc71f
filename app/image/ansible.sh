#!/bin/sh
# Bring ansible-core for the playbook, outside the image's own folders; tidy.sh
# takes it away again. Its cryptography package serves vaults, of which there are
# none here, and is left out.
set -eu
from=/tmp/rocdash
export PIP_CONFIG_FILE=/dev/null

/usr/bin/python3 -m venv --without-pip --clear /tmp/ansible
/usr/bin/python3 "$from/pip/pip" --python /tmp/ansible/bin/python install \
  --isolated --quiet --disable-pip-version-check --no-cache-dir --root-user-action ignore \
  --no-compile --no-deps --no-index --find-links "$from" \
  ansible-core jinja2 markupsafe packaging pyyaml resolvelib
ln -sf /tmp/ansible/bin/ansible-playbook /usr/local/bin/ansible-playbook
