#!/bin/sh
# Leave nothing in the image that only its making needed.
set -eu
rm -rf /usr/local/bin/ansible-playbook /tmp/ansible /tmp/rocdash /root/.ansible
