systemctl enable tiny.service
grep -q '"bake": "broken"' /opt/tiny/behaviour.json && { echo "no such package: left-pad"; exit 3; }
exit 0
