# Make the tiny service of what was uploaded to /tmp/tiny.
mkdir -p /opt/tiny
cp /tmp/tiny/serve.py /tmp/tiny/behaviour.json /opt/tiny/
cp /tmp/tiny/tiny.service /etc/systemd/system/
echo "RELEASE_BUILD=$RELEASE_BUILD" >/etc/release.env
sh -eu /tmp/tiny/install.sh
sh -eu /tmp/tiny/check.sh
rm -rf /tmp/tiny
