# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl for tests: run with a scripted agent (fake-agent.c) on a host of its own, piped or on a terminal."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import unittest

from harness import Host

PROGRAMS = ["cert-validate", "cert-request", "cert-export", "cert-doctor"]  # what certctl hands over to
# What must never reach a terminal or a log from the agent's text: controls, C1 in UTF-8, changes of direction.
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e]")


class CertctlTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        folder = self.host.path("/usr/lib/certctl")
        folder.mkdir(parents=True)
        for program in PROGRAMS:
            os.symlink(self.host.build / "client" / program, folder / program)
        self.environment = dict(self.host.environment, LC_ALL="C.UTF-8", TZ="UTC", TERM="xterm", NO_COLOR="",
                                PAGER="cat")

    @property
    def program(self):
        return str(self.host.build / "client/certctl")

    def program_for_everybody(self):
        """Copies of certctl and of what it hands over to: the build may lie where others than root cannot come."""
        folder = self.host.path("/usr/lib/certctl")
        for program in PROGRAMS:
            os.unlink(folder / program)
            shutil.copy(self.host.build / "client" / program, folder / program)
        return shutil.copy(self.program, folder / "certctl")

    def fake(self, *arguments):
        p = subprocess.Popen([self.host.build / "tests/integration/fake-agent", *arguments],
                             env=self.host.environment, stdout=subprocess.PIPE, text=True)
        self.host.processes.append(p)
        self.addCleanup(p.stdout.close)
        self.assertEqual(p.stdout.readline(), "ready\n")
        return p

    def run_certctl(self, *arguments, status=0, environment=None, given=None):
        p = subprocess.run([self.program, *arguments], env=dict(self.environment, **(environment or {})),
                           capture_output=True, text=True, timeout=60,
                           **({"input": given} if given is not None else {"stdin": subprocess.DEVNULL}))
        self.assertEqual(p.returncode, status, f"certctl {' '.join(arguments)}:\n{p.stdout}{p.stderr}")
        return p

    def run_on_terminal(self, *arguments, columns=80, environment=None, typed=None, ahead=b""):
        """Gives (exit status, all that was written) of certctl on a terminal of its own, on which `ahead` (bytes) is typed
        at once, and `typed` answers each question."""
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(self.program, [self.program, *arguments], dict(self.environment, **(environment or {})))
        written = b""
        os.write(fd, ahead)
        while True:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            if typed is not None and b"[y/N]" in data:
                os.write(fd, typed)
            written += data
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), written.decode()

    def answer(self, text, *arguments):
        """certctl on a terminal on which `text` is typed."""
        return self.run_on_terminal(*arguments, environment={"NO_COLOR": "1"}, typed=text)
