# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that trusts only a bundle, and makes verified TLS requests one after another.

Runs inside the machine. `truster.py serve NAME HOST BUNDLE ADDRESS [PAUSE]` is the service: it reads the bundle when it starts and when
its unit is reloaded, never in between. `truster.py reload NAME` is that unit's ExecReload= and returns when the bundle has
been read. `truster.py report NAME` prints: requests, failures, serial numbers seen, reloads, certificates in the bundle;
then the first failures, one a line with "#"."""
import os
import socket
import ssl
import sys
import time

PAUSE = 0.01  # seconds between requests, unless it is said: the machine has others to serve
FAILURES_KEPT = 10


def socket_of(name):
    return f"/run/truster-{name}"


class Truster:
    def __init__(self, name, host, bundle, address, pause=PAUSE):
        self.host, self.bundle, self.address, self.pause = host, bundle, address, float(pause)
        self.requests, self.failures, self.seen, self.reloads = 0, [], set(), 0
        self.read_bundle()
        self.control = socket.socket(socket.AF_UNIX)
        if os.path.exists(socket_of(name)):
            os.unlink(socket_of(name))
        self.control.bind(socket_of(name))
        self.control.listen()
        self.control.setblocking(False)
        self.say_ready()

    @staticmethod
    def say_ready():
        """As sd_notify(3) does: from now on it can be asked."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])

    def read_bundle(self):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(cafile=self.bundle)

    def request(self):
        """A whole exchange, with the certificate verified for the host's name."""
        self.requests += 1
        try:
            with socket.create_connection((self.address, 443), timeout=30) as s:
                with self.context.wrap_socket(s, server_hostname=self.host) as t:
                    self.seen.add(t.getpeercert()["serialNumber"])
                    t.sendall(f"GET / HTTP/1.0\r\nHost: {self.host}\r\n\r\n".encode())
                    answer = b""
                    while chunk := t.recv(4096):
                        answer += chunk
            if b"this is" not in answer:
                self.failures.append(f"request {self.requests}: {answer!r}")
        except OSError as e:
            self.failures.append(f"request {self.requests} at {time.time():.3f}: {e}")

    def report(self):
        counts = (self.requests, len(self.failures), len(self.seen), self.reloads,
                  len(self.context.get_ca_certs()))
        return "\n".join([" ".join(map(str, counts)), *("# " + f for f in self.failures[:FAILURES_KEPT]), ""])

    def answer(self, connection):
        with connection:
            connection.settimeout(30)
            if connection.recv(16) == b"reload":
                self.read_bundle()
                self.reloads += 1
            connection.sendall(self.report().encode())

    def serve(self):
        while True:
            try:
                self.answer(self.control.accept()[0])
            except BlockingIOError:
                pass
            self.request()
            time.sleep(self.pause)


def ask(name, word):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(socket_of(name))
        s.sendall(word)
        answer = b""
        while chunk := s.recv(4096):
            answer += chunk
    return answer.decode()


if __name__ == "__main__":
    what, name = sys.argv[1:3]
    if what == "serve":
        Truster(name, *sys.argv[3:]).serve()
    elif what == "reload":
        ask(name, b"reload")
    else:
        print(ask(name, b"report"), end="")
