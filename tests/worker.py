"""A worker of the suite, as pytest-xdist starts it: a fork of `tests.forked_workers`, or Python where there is none.

Only modules that every Python has loaded are imported, and the one for the socket.
"""

import os
import socket
import sys

address, *options = sys.argv[1:]
with socket.socket(socket.AF_UNIX) as connection:
    try:
        connection.connect(address)
        socket.send_fds(connection, [options[-1].encode()], [0, 1, 2])
        begun = connection.recv(1) != b""
        while begun and connection.recv(1):
            pass
    except OSError:
        begun = False
if not begun:
    os.execv(sys.executable, [sys.executable, *options])
