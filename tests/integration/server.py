# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TLS server as services are: server.py CERT KEY [stale]; it says at which port. Reads its files at the start and on SIGHUP; with
"stale" SIGHUP is accepted and changes nothing."""

import signal
import socket
import ssl
import sys

cert, key = sys.argv[1], sys.argv[2]
stale = "stale" in sys.argv[3:]
context = None


def load(*_):
    global context
    if context and stale:
        return
    fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        fresh.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as e:
        print(e, file=sys.stderr, flush=True)
        return
    context = fresh


load()
signal.signal(signal.SIGHUP, load)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.settimeout(60)
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)
    except (OSError, ssl.SSLError):
        pass
