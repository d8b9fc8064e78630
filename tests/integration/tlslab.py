# SPDX-License-Identifier: LGPL-2.1-or-later
"""A laboratory of TLS servers: a CA that makes certificates of every kind, and nginx, gnutls-serv, openssl s_server and plain
listeners that serve them. Everything ends with the test."""

import pathlib
import socket
import subprocess
import tempfile
import threading
import time

from harness import WAIT, wait_for

CONFIG = """
[ca]
default_ca = lab
[lab]
database = index
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
copy_extensions = none
default_crl_days = 30
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
"""

CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
DAY = 86400


def openssl(*arguments, cwd, stdin=None):
    p = subprocess.run(["openssl", *[str(a) for a in arguments]], cwd=cwd, input=stdin, capture_output=True)
    assert p.returncode == 0, f"openssl {' '.join(map(str, arguments))}:\n{p.stderr.decode(errors='replace')}"
    return p.stdout


class Authority:
    """NAME.key, NAME.pem and whatever it signs, in one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.count = 0
        (self.folder / "ca.cnf").write_text(CONFIG)
        (self.folder / "index").touch()

    def path(self, name):
        return self.folder / name

    def key(self, name, kind="ec"):
        if kind == "ec":
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key", cwd=self.folder)
        else:
            openssl("genrsa", "-out", f"{name}.key", kind, cwd=self.folder)

    def root(self, name, subject=None, days=100):
        self.key(name)
        (self.folder / "root.ext").write_text(CONFIG + "[root]\n" + CA)
        openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={subject or name}", "-days", days,
                "-config", "root.ext", "-extensions", "root", "-out", f"{name}.pem", cwd=self.folder)
        return self.path(f"{name}.pem")

    def self_signed(self, name):
        self.key(name)
        openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", 90, "-config", "ca.cnf",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", f"{name}.pem", cwd=self.folder)
        return self.path(f"{name}.pem")

    def sign(self, name, issuer, extensions, start=-DAY, end=90 * DAY, key="ec", digest="sha256", subject=None):
        """A certificate NAME.pem by ISSUER; times are seconds from now."""
        if not self.path(f"{name}.key").exists():
            self.key(name, key)
        self.count += 1
        (self.folder / "leaf.ext").write_text(extensions)
        request = openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={subject or name}", "-config", "ca.cnf",
                          "-utf8", cwd=self.folder)
        (self.folder / "request.pem").write_bytes(request)
        stamp = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + t)) for t in (start, end)]
        openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", f"{issuer}.pem", "-keyfile", f"{issuer}.key",
                "-in", "request.pem", "-extfile", "leaf.ext", "-startdate", stamp[0], "-enddate", stamp[1], "-md", digest,
                "-out", f"{name}.pem", cwd=self.folder)
        return self.path(f"{name}.pem")

    def intermediate(self, name, issuer, **further):
        return self.sign(name, issuer, CA, **further)

    def leaf(self, name, issuer, sans="DNS:localhost,IP:127.0.0.1", usage="serverAuth", extra="", **further):
        text = "basicConstraints=CA:FALSE\n" + extra
        if sans:
            text += f"subjectAltName={sans}\n"
        if usage:
            text += f"extendedKeyUsage={usage}\n"
        return self.sign(name, issuer, text, **further)

    def join(self, name, *parts):
        """NAME.pem of several, in this order."""
        self.path(f"{name}.pem").write_text("".join(self.path(f"{p}.pem").read_text() for p in parts))
        return self.path(f"{name}.pem")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lab:
    """Servers of a test; `add_cleanup` is the test's."""

    def __init__(self, add_cleanup):
        self.add_cleanup = add_cleanup
        self.folder = tempfile.TemporaryDirectory(prefix="cert-agent-lab-")
        add_cleanup(self.folder.cleanup)

    def start(self, command, port):
        log = pathlib.Path(self.folder.name) / f"{port}.log"
        with open(log, "wb") as output:
            p = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=output, stderr=output,
                                 cwd=self.folder.name)

        def end():
            p.stdin.close()
            p.terminate()
            p.wait(WAIT)

        def listens():
            assert p.poll() is None, log.read_text(errors="replace")
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0

        self.add_cleanup(end)
        wait_for(listens, command[0])
        return f"127.0.0.1:{port}"

    def nginx(self, cert, key, further="", location="return 200 hello;"):
        port = free_port()
        path = pathlib.Path(self.folder.name) / f"nginx-{port}.conf"
        tls = f"ssl_certificate {cert}; ssl_certificate_key {key};" if cert else ""
        path.write_text(f"""daemon off; pid {path}.pid; error_log {path}.log; worker_processes 1;
            events {{}}
            http {{ access_log off; client_body_temp_path {path}.b; proxy_temp_path {path}.p; fastcgi_temp_path {path}.f;
                    uwsgi_temp_path {path}.u; scgi_temp_path {path}.s;
            server {{ listen 127.0.0.1:{port} {"ssl" if cert else ""}; {tls} {further} location / {{ {location} }} }} }}""")
        return self.start(["nginx", "-p", self.folder.name, "-c", path], port)

    def gnutls(self, cert, key, *further):
        port = free_port()
        return self.start(["gnutls-serv", "--quiet", "--echo", "-p", port, "--x509certfile", cert, "--x509keyfile", key,
                           *further], port)

    def openssl(self, cert, key, *further):
        port = free_port()
        return self.start(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key,
                           *further], port)

    def listener(self, talk, family=socket.AF_INET, address=None):
        """A plain listener; talk(connection) is what it does with each."""
        s = socket.socket(family)
        s.bind(address or ("127.0.0.1", 0))
        s.listen(16)

        def serve():
            while True:
                try:
                    connection, _ = s.accept()
                except OSError:
                    return

                def run(c):
                    try:
                        c.settimeout(30)
                        talk(c)
                    except OSError:
                        pass
                    finally:
                        c.close()

                threading.Thread(target=run, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()

        def end():
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

        self.add_cleanup(end)
        return f"127.0.0.1:{s.getsockname()[1]}" if address is None else address
