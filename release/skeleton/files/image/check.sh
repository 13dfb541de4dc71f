#!/bin/sh
# See that the service starts, before the machine becomes an image.
set -eu
unit=myservice.service
systemctl is-enabled --quiet "$unit"

finish() {
    status=$?
    [ "$status" = 0 ] || journalctl --no-pager -n 20 -u "$unit" >&2 || true
    systemctl stop "$unit" || true
    exit "$status"
}
trap finish EXIT

systemctl start "$unit"
systemctl is-active --quiet "$unit"
