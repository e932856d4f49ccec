#!/usr/bin/python3
"""A server of the File Transfer Protocol: ftpd.py PORT DIRECTORY USER PASSWORD. Logs what its library does.

Debian's python3-pyftpdlib, and so Debian's Python. Both families, active and passive.
"""

import logging
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

logging.basicConfig(level=logging.INFO)
port, directory, user, password = sys.argv[1:5]
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user(user, password, directory, perm="elradfmwMT")
FTPHandler.auth_failed_timeout = 0
FTPServer(("::", int(port)), FTPHandler).serve_forever()
