# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server of the test's own that lies, stalls and breaks off. It stands before a real step-ca, passes everything on, and
spoils the answer to a chosen path in a chosen way:

    with Faulty(ca) as server:
        server.spoil("/sign", refuse(503, retry_after="120"))

Its TLS certificate is made for the case (present()). A fault is a function of an Exchange; the functions below make
them. own_network() and block() are a firewall."""

import ctypes
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

NAMES = "IP:127.0.0.1,DNS:localhost"
HUGE = 1 << 40  # bytes that are announced
CHUNK = b"a" * 65536


def openssl(*arguments, ahead=None, stdin=None):
    """`ahead`: as if it were so many days later (or earlier)."""
    clock = ["faketime", "-f", f"{ahead:+d}d"] if ahead else []
    return subprocess.run([*clock, "openssl", *map(str, arguments)], check=True, capture_output=True, text=True,
                          input=stdin).stdout


# ---- Certificates ----


class Forge:
    """Signs what a test wants with the keys of a real step-ca, or with those of a CA of its own."""

    def __init__(self, ca):
        self.ca = ca
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="forge-"))
        self.key = self.folder / "key.pem"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.key)
        self.other = self.folder / "other.pem"
        openssl("req", "-x509", "-key", self.key, "-subj", "/CN=Another CA", "-days", "30", "-out", self.other)

    def sign(self, csr, names=None, other_ca=False, other_key=False, ahead=None, extensions=()):
        """A certificate of one day (PEM) for the request's key, with its names unless others are given: from the CA's
        intermediate, or from another CA."""
        config = self.ca.config()
        if other_ca:
            issuer, key, password = self.other, self.key, []
        else:
            issuer, key = config["crt"], config["key"]
            password = ["-passin", f"file:{self.ca.folder / 'password'}"]
        if other_key:
            csr = self.request()
        lines = self.folder / f"extensions-{threading.get_ident()}"
        named = [f"subjectAltName={names}"] if names else []
        lines.write_text("\n".join([*named, "extendedKeyUsage=serverAuth,clientAuth", *extensions]))
        copied = [] if names else ["-copy_extensions", "copy"]
        return openssl("x509", "-req", *copied, "-CA", issuer, "-CAkey", key, *password, "-days", "1", "-extfile", lines,
                       "-set_serial", str(int.from_bytes(os.urandom(15), "big")), ahead=ahead, stdin=csr)

    def request(self):
        return openssl("req", "-new", "-key", self.key, "-subj", "/CN=localhost")

    def chain(self, certificate, other_ca=False):
        issuer = self.other if other_ca else pathlib.Path(self.ca.config()["crt"])
        return certificate + issuer.read_text()

    def context(self, names=NAMES, **how):
        """For a TLS server; `how` as sign()'s."""
        how["names"] = names
        path = self.folder / "server.pem"
        path.write_text(self.chain(self.sign(self.request(), **how), how.get("other_ca", False)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, self.key)
        return context

    def end(self):
        shutil.rmtree(self.folder)


# ---- The server ----


class Exchange:
    """One request, and the connection on which it is answered."""

    def __init__(self, server, connection, method, path, headers, body):
        self.server, self.connection = server, connection
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def upstream(self):
        """(status, headers, body) as the real server answers."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        real = http.client.HTTPSConnection("127.0.0.1", self.server.ca.port, context=context, timeout=60)
        passed = {k: v for k, v in self.headers.items() if k in ("content-type", "authorization")}
        real.request(self.method, self.path, self.body or None, passed)
        answer = real.getresponse()
        body = answer.read()
        real.close()
        return answer.status, {"Content-Type": answer.headers["Content-Type"], "Date": answer.headers["Date"]}, body

    def head(self, status, headers, length=None):
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Whatever')}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def reply(self, status, headers, body):
        self.send(self.head(status, headers, len(body)) + body)

    def send(self, data):
        self.connection.sendall(data)

    def wait(self, seconds=None):
        """Until the server ends, or so long."""
        return self.server.over.wait(seconds)

    def break_off(self):
        self.connection.close()


class Faulty:
    def __init__(self, ca):
        self.ca = ca
        self.plain = False  # no TLS at all
        self.forge = Forge(ca)
        self.faults = {}
        self.requests = []  # (path, CLOCK_MONOTONIC) of all that was asked
        self.over = threading.Event()
        self.present()
        self.port = 0
        self.listen()

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Nobody listens on its port; connections that there are stay."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def present(self, **how):
        """The TLS certificate from now on; see Forge.sign()."""
        self.context = self.forge.context(**how)

    def spoil(self, path, fault, times=None):
        """`path`: "/sign", "/provisioners", "/root", or "" for all; with or without the version before it."""
        self.faults[path] = [fault, times]

    def mend(self):
        self.faults = {}
        self.plain = False
        self.present()

    def asked(self, path=""):
        return sum(self._is(asked, path) for asked, _ in self.requests)

    def end(self):
        self.over.set()
        self.stop()
        self.forge.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @staticmethod
    def _is(asked, path):
        return re.match(rf"(/1\.0)?{re.escape(path)}([/?]|$)", asked) is not None if path else True

    def _fault(self, path):
        for wanted, entry in self.faults.items():
            if self._is(path, wanted) and (entry[1] is None or entry[1] > 0):
                entry[1] = entry[1] and entry[1] - 1
                return entry[0]
        return pass_on

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if not self.plain:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as lines:
                while (e := self._read(connection, lines)) and self._fault(e.path)(e):
                    pass
        except (OSError, ValueError):  # the client went away, or does not like the certificate
            connection.close()

    def _read(self, connection, lines):
        words = lines.readline(8192).split()
        if len(words) != 3:
            return None
        headers = {}
        while (line := lines.readline(8192).strip()):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        path = words[1].decode()
        self.requests.append((path, time.monotonic()))
        return Exchange(self, connection, words[0].decode(), path, headers, lines.read(int(headers.get("content-length", 0))))


# ---- Faults: functions of an Exchange; true when the connection can go on ----


def pass_on(e):
    e.reply(*e.upstream())
    return True


def refuse(status, message=None, **headers):
    """As step-ca refuses; headers by their names with "_" for "-": retry_after="120"."""
    def fault(e):
        text = json.dumps({"status": status, "message": message or http.client.responses.get(status, "")}).encode()
        named = {name.replace("_", "-").title(): value() if callable(value) else value for name, value in headers.items()}
        e.reply(status, {"Content-Type": "application/json", **named}, text)
        return True
    return fault


def say(body, status=None, content_type="application/json"):
    """This body, whatever was asked; the status of the real answer where none is given."""
    def fault(e):
        real = status or e.upstream()[0]
        e.reply(real, {"Content-Type": content_type}, body if isinstance(body, bytes) else body.encode())
        return True
    return fault


def change(how):
    """The real answer's object, changed by `how`, which is given it (and may give another) and the Exchange."""
    def fault(e):
        status, headers, body = e.upstream()
        answer = json.loads(body)
        e.reply(status, headers, json.dumps(how(answer, e) or answer).encode())
        return True
    return fault


def truncated(share=0.5, announced=True):
    """A part of the answer's body; the head announces all of it, or says nothing of its length."""
    def fault(e):
        status, headers, body = e.upstream()
        head = e.head(status, headers, len(body) if announced else None)
        e.send(head + body[:int(len(body) * share)])
        return False
    return fault


def dies_in_head(e):
    """With a reset, as from a process that was killed."""
    e.send(b"HTTP/1.1 201 Crea")
    e.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def dies_at_once(e):
    return False


def overlong(announced=True):
    """More than anybody wants: announced in the head, or found out on the way."""
    def fault(e):
        e.send(e.head(201, {"Content-Type": "application/json"}, HUGE if announced else None))
        e.send(b'{"crt": "')
        while not e.server.over.is_set():
            e.send(CHUNK)
        return False
    return fault


def endless_head(e):
    e.send(b"HTTP/1.1 201 Created\r\n")
    while not e.server.over.is_set():
        e.send(b"X-More: " + CHUNK[:1000] + b"\r\n")
    return False


def slow(e, seconds=1):
    """The right answer, a byte a second."""
    status, headers, body = e.upstream()
    for byte in e.head(status, headers, len(body)) + body:
        e.send(bytes([byte]))
        if e.wait(seconds):
            break
    return False


def never(e):
    e.wait()
    return False


def no_http(e):
    e.send(b"220 mail.example.org ESMTP\r\n")
    return False


# ---- What a CA must not say in its answer to /sign ----


def certificate(leaf=None, chain=None):
    """`leaf(forge, csr)` makes the certificate (PEM) that is given in the place of the real one; `chain` changes the list."""
    def how(answer, e):
        if leaf:
            pem = leaf(e.server.forge, json.loads(e.body)["csr"])
            answer["crt"] = pem
            answer["certChain"] = [pem, *answer["certChain"][1:]]
        if chain:
            answer["certChain"] = chain(answer["certChain"])
            answer["crt"] = answer["certChain"][0] if answer["certChain"] else ""
            answer["ca"] = answer["certChain"][1] if len(answer["certChain"]) > 1 else ""
    return change(how)


def bad_signature(pem):
    der = bytearray(ssl.PEM_cert_to_DER_cert(pem))
    der[-1] ^= 1
    return ssl.DER_cert_to_PEM_cert(bytes(der))


# ---- What it must not say of provisioners ----


def provisioner(**keys):
    """The provisioners "admin" as the real server has it, but for these keys."""
    def how(answer, e):
        for p in answer["provisioners"]:
            if p["name"] == "admin":
                p.update(keys)
    return change(how)


def pages_for_ever(e):
    page = {"provisioners": [{"type": "ACME", "name": f"page-{e.server.asked()}"}], "nextCursor": f"{e.server.asked():040x}"}
    return say(json.dumps(page), 200)(e)


def same_page_for_ever(e):
    return say(json.dumps({"provisioners": [], "nextCursor": "again"}), 200)(e)


# ---- Files on a share that is gone ----


class HangingFile:
    """A file that nobody can open until end(): the kernel asks here whether they may, and gets no answer (fanotify(7)).
    Needs root."""

    FAN_CLASS_CONTENT, FAN_CLOEXEC, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD = 4, 1, 1, 0x10000, -100

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.fanotify_init(self.FAN_CLASS_CONTENT | self.FAN_CLOEXEC, os.O_RDONLY)
        if self.fd < 0 or libc.fanotify_mark(self.fd, self.FAN_MARK_ADD, ctypes.c_uint64(self.FAN_OPEN_PERM), self.AT_FDCWD,
                                             os.fsencode(path)) != 0:
            raise OSError(ctypes.get_errno(), "fanotify")

    def end(self):
        os.close(self.fd)


# ---- Firewalls ----


def own_network():
    """This process, and all that it starts, has a network of its own from now on: loopback alone, and no name server.
    To be called before there are threads. Needs root."""
    CLONE_NEWNET = 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["nft", "add table inet f; add chain inet f input { type filter hook input priority 0; }"], check=True)


def block(port, verdict):
    """`verdict`: "drop", "reject with tcp reset", "reject with icmpx type admin-prohibited". In own_network() only."""
    subprocess.run(["nft", f"add rule inet f input tcp dport {port} {verdict}"], check=True)


def unblock():
    subprocess.run(["nft", "flush chain inet f input"], check=True)
