systemctl is-enabled --quiet web.service
test -n "$RELEASE_BUILD"
