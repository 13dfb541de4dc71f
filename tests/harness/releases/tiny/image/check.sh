/usr/bin/python3 -m py_compile /opt/tiny/serve.py
