# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TLS server for the probe's tests: real TLS (OpenSSL's), real STARTTLS dialogues, and every fault of a server.

usage: tls-server.py [OPTIONS] --pair CERT:KEY [--pair CERT:KEY]

Prints the port (or the path) on which it listens, then serves until it is killed."""

import argparse
import socket
import ssl
import struct
import sys
import threading
import time

PG_SSL_REQUEST = 80877103


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--pair", action="append", default=[], help="certificate and key; the last one serves from then on")
    p.add_argument("--schedule", default="", help="which pair each connection gets: 0,0,1,0,1")
    p.add_argument("--protocol", default="none", choices=["none", "smtp", "imap", "postgresql"])
    p.add_argument("--unix", help="listen at this path")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--ipv6", action="store_true")
    p.add_argument("--tls12", action="store_true", help="TLS 1.2 at most")
    p.add_argument("--client-ca", help="demand a client certificate of this CA")
    p.add_argument("--delay", type=float, default=0, help="listen only after so many seconds")
    p.add_argument("--fault", default="", choices=["", "garbage", "hang", "endless", "lines", "close", "slow", "extra",
                                                   "not-offered", "refuse", "hang-in-tls", "long-reply"])
    return p.parse_args()


class Server:
    def __init__(self, options):
        self.options = options
        self.contexts = [self.context(*pair.split(":")) for pair in options.pair]
        self.schedule = [int(n) for n in options.schedule.split(",") if n]
        self.count = 0
        self.lock = threading.Lock()

    def context(self, cert, key):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(cert, key)
        if self.options.tls12:
            c.maximum_version = ssl.TLSVersion.TLSv1_2
        if self.options.client_ca:
            c.verify_mode = ssl.CERT_REQUIRED
            c.load_verify_locations(self.options.client_ca)
        return c

    def next_context(self):
        with self.lock:
            n, self.count = self.count, self.count + 1
        return self.contexts[self.schedule[n] if n < len(self.schedule) else -1]

    def listen(self):
        o = self.options
        if o.unix:
            s = socket.socket(socket.AF_UNIX)
            s.bind(o.unix)
        else:
            s = socket.socket(socket.AF_INET6 if o.ipv6 else socket.AF_INET)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("::1" if o.ipv6 else "127.0.0.1", o.port))
        print(o.unix or s.getsockname()[1], flush=True)
        if o.delay:
            time.sleep(o.delay)
        s.listen(64)
        while True:
            connection, _ = s.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.misbehave(connection) or not self.talk(connection):
                return
            if self.options.fault == "hang-in-tls":
                connection.recv(1)
                time.sleep(60)
            with self.next_context().wrap_socket(connection, server_side=True) as tls:
                while tls.recv(1024):
                    pass
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    # ---- Faults ----

    def misbehave(self, connection):
        fault = self.options.fault
        if fault == "garbage":
            connection.sendall(b"\x00\xff\x13garbage\r\n" * 20)
        elif fault == "hang":
            time.sleep(60)
        elif fault == "endless":
            for _ in range(1024):  # 1 GiB without a newline
                connection.sendall(b"220-x" + b"x" * 1048571)
        elif fault == "lines":
            for _ in range(1024):
                connection.sendall(b"220-and more\r\n" * 65536)
        elif fault == "close":
            pass
        elif fault == "slow":
            for byte in b"220-" + b"x" * 4000:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
        else:
            return False
        return True

    # ---- What is said before TLS ----

    def talk(self, connection):
        return getattr(self, "talk_" + self.options.protocol)(connection)

    def talk_none(self, connection):
        return True

    def talk_smtp(self, connection):
        fault = self.options.fault
        lines = connection.makefile("rb")
        connection.sendall(b"220-mail.example ESMTP\r\n220 ready\r\n")
        assert lines.readline().upper().startswith(b"EHLO ")
        more = b"250-X-PADDING\r\n" * 500 if fault == "long-reply" else b""
        offer = b"" if fault == "not-offered" else b"250-STARTTLS\r\n"
        connection.sendall(b"250-mail.example\r\n" + more + offer + b"250 8BITMIME\r\n")
        if lines.readline().upper() != b"STARTTLS\r\n":
            return False
        if fault == "refuse":
            connection.sendall(b"454 TLS not available\r\n")
            return False
        connection.sendall(b"220 go ahead\r\n" + (b"250 injected\r\n" if fault == "extra" else b""))
        return True

    def talk_imap(self, connection):
        fault = self.options.fault
        lines = connection.makefile("rb")
        connection.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
        tag, command = lines.readline().split()[:2]
        if command.upper() != b"STARTTLS":
            return False
        if fault == "refuse":
            connection.sendall(tag + b" BAD no\r\n")
            return False
        connection.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK begin\r\n")
        return True

    def talk_postgresql(self, connection):
        length, code = struct.unpack("!II", connection.recv(8, socket.MSG_WAITALL))
        assert (length, code) == (8, PG_SSL_REQUEST)
        if self.options.fault == "refuse":
            connection.sendall(b"N")
            return False
        connection.sendall(b"S" + (b"x" if self.options.fault == "extra" else b""))
        return True


if __name__ == "__main__":
    try:
        Server(arguments()).listen()
    except KeyboardInterrupt:
        sys.exit(0)
