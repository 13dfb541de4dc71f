#!/bin/sh
# Make this machine a worker: install.sh HOST:PORT [WORKERS]. Runs as root, in the
# folder that bundle.sh packed; needs /usr/bin/python3 and no network.
set -eu
cd "$(dirname "$0")"
host=${1%:*} port=${1##*:} workers=${2:-1}

/usr/bin/python3 -m zipfile -e wheels/pip-*.whl pip
/usr/bin/python3 -m venv --without-pip --clear venv
PIP_CONFIG_FILE=/dev/null /usr/bin/python3 pip/pip --python "$PWD/venv/bin/python" \
  install --isolated --quiet --disable-pip-version-check --no-cache-dir \
  --root-user-action ignore --no-index --find-links wheels locust hdrhistogram

# A worker serves one load and ends; the next one waits for the next.
cat >/etc/systemd/system/load-worker.service <<UNIT
[Unit]
Description=Sends load for releases at $host:$port

[Service]
ExecStart=$PWD/venv/bin/python -m locust --worker --processes $workers --master-host $host --master-port $port -f $PWD/load/locustfile.py,$PWD/inside/recorder.py
Restart=always
RestartSec=5
User=nobody

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable load-worker.service
systemctl start load-worker.service
