#!/bin/sh
# See that the service works before the machine becomes an image: it is enabled,
# starts with the unit's own configuration, says that it is well and shows its
# dashboard. It listens on a socket of its own, so that nothing else is disturbed.
set -eu
systemctl is-enabled --quiet rocdash.service

work=$(mktemp -d)
socket=$work/http.sock
set -a
. /etc/rocdash/rocdash.env
[ ! -r /etc/release.env ] || . /etc/release.env
ROCDASH_DATABASE=/opt/rocdash/rocdash.sqlite
ROCDASH_DRAIN_FILE=$work/draining
set +a

/opt/rocdash/venv/bin/gunicorn --config python:rocdash.serving \
  --bind "unix:$socket" 'rocdash.web:create_app()' >"$work/log" 2>&1 &
service=$!
finish() {
  status=$?
  kill "$service" 2>/dev/null || true
  wait "$service" 2>/dev/null || true
  [ "$status" = 0 ] || cat "$work/log" >&2
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

/opt/rocdash/venv/bin/python -m rocdash.check "$socket" /healthz /
