echo installing
systemctl enable web.service
