# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file on a share whose server is gone: who opens it waits, for as long as this runs.

`hanging.py FILE`, as root, inside the machine, but not as a unit: its systemd-nspawn forbids that. Its process id is in
/run/hanging. The kernel asks this program for leave each time somebody opens the file
(fanotify(7), FAN_OPEN_PERM), and it never answers. Everything else about the file works, as it does on such a share from
a cache."""
import ctypes
import os
import signal
import sys

FAN_CLASS_CONTENT = 0x04
FAN_MARK_ADD = 0x01
FAN_OPEN_PERM = 0x00010000
AT_FDCWD = -100


def call(function, *arguments):
    result = function(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    libc = ctypes.CDLL(None, use_errno=True)
    group = call(libc.fanotify_init, FAN_CLASS_CONTENT, os.O_RDONLY)
    call(libc.fanotify_mark, group, FAN_MARK_ADD, ctypes.c_uint64(FAN_OPEN_PERM), AT_FDCWD, sys.argv[1].encode())
    with open("/run/hanging", "w") as f:
        f.write(str(os.getpid()))
    signal.pause()
