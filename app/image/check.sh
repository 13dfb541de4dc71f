#!/bin/sh
# See that the service works before the machine becomes an image: its unit is
# enabled, starts and says that it is well. What its pages show is for smoke tests.
set -eu
unit=rocdash.service
systemctl is-enabled --quiet "$unit"

finish() {
  status=$?
  [ "$status" = 0 ] || journalctl --no-pager -n 50 -u "$unit" >&2 || true
  systemctl stop "$unit" || true
  exit "$status"
}
trap finish EXIT

systemctl start "$unit"
/opt/rocdash/venv/bin/python -m rocdash.check \
  "http://${BIND_ADDRESS:-127.0.0.1}:8080" /healthz
