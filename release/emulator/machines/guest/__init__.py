"""What runs inside a machine's sandbox: its init and the tools that talk to it.

Standard library only, and nothing newer than Python 3.10: the sandbox's own
``/usr/bin/python3`` runs it, from a copy that the host makes readable for everyone.
"""
