#!/bin/sh
# See that the service starts, before the machine becomes an image.
set -eu
systemctl is-enabled --quiet myservice.service
systemctl start myservice.service
systemctl is-active --quiet myservice.service
systemctl stop myservice.service
