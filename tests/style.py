# SPDX-License-Identifier: LGPL-2.1-or-later
"""style: what can be measured of the tree's style, as a test.

Each line of its output is a file, a line and what is wrong there; with none it succeeds. The measures: an SPDX
line in each file that can have one, no source over 800 lines, no function over 100, and no name of a place that
means something to one machine only."""

import os
import pathlib
import re
import subprocess
import sys

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 100
SPDX_WITHIN = 5  # lines: a #! or an XML declaration may come first

# Where a licence line cannot stand: the licence itself, data, and files whose form the packaging tools fix.
NO_SPDX = re.compile(
    r"(^|/)(LICENSE|\.gitignore|\.clang-format)$|\.json$|^tests/fuzz/corpus/|"
    r"^packaging/debian/(.*\.(install|docs|examples|manpages)|changelog|control|copyright|source/format)$"
)

# Folders that only somebody's build machine has, and hosts that packages come from. The brackets keep this file from
# finding itself.
NO_PLACE = re.compile(
    r"(?<![\w.\])}])/([w]ork|[w]orkspace|[b]uilds|[U]sers|[h]ome/runner)/[a-z.]|"
    r"\b([d]eb|[r]egistry|[s]napshot|[p]roxy|[i]ndex)\.[a-z]+\.(org|com|io)\b|\b[p]ypi\.org\b|\b[c]rates\.io\b"
)


def tracked(root):
    """The names of the files of the source, as git knows them; without git (a source package), all that there are."""
    try:
        names = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z"],
                               check=True, capture_output=True, text=True).stdout.split("\0")
        return [name for name in names if name and (root / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        pass
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith((".git", "build", "obj-")) and f != "__pycache__"]
        names += [str((pathlib.Path(folder) / f).relative_to(root)) for f in files]
    return names


def functions(lines):
    """(first line, lines) of each function: its braces stand in column 0, each alone on its line."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start + 1
            start = None


def check_source(name, lines):
    if len(lines) > FILE_LINES_MAX:
        yield 1, f"{len(lines)} lines (at most {FILE_LINES_MAX}): a second noun hides in it"
    for start, length in functions(lines):
        if length > FUNCTION_LINES_MAX:
            yield start, f"a function of {length} lines (at most {FUNCTION_LINES_MAX})"


def check(name, text):
    lines = text.splitlines()
    if not NO_SPDX.search(name) and not any("SPDX-License-Identifier:" in line for line in lines[:SPDX_WITHIN]):
        yield 1, f"no SPDX-License-Identifier within its first {SPDX_WITHIN} lines"
    if name.endswith((".c", ".h")):
        yield from check_source(name, lines)
    for number, line in enumerate(lines, 1):
        for match in NO_PLACE.finditer(line):
            yield number, f"\"{match.group()}\" means something to one machine only"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    n_files = n_problems = 0
    for name in sorted(tracked(root)):
        n_files += 1
        try:
            text = (root / name).read_text()
        except UnicodeDecodeError:
            if name.startswith("tests/fuzz/corpus/"):
                continue  # seeds are any bytes
            print(f"{name}:1: not UTF-8")
            n_problems += 1
            continue
        for line, problem in check(name, text):
            print(f"{name}:{line}: {problem}")
            n_problems += 1
    print(f"{n_files} files, {n_problems} problems")
    return 0 if n_files and not n_problems else 1


sys.exit(main())
