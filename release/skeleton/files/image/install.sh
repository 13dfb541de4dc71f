#!/bin/sh
# Install the service. Bring what it needs as files: an instance may have no network.
set -eu
systemctl enable myservice.service
