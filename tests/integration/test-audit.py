# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the agent finds around the files of certificates: Diagnose, and the journal. The agent, the files and the users are
real, systemd is a fake."""

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import BusError, Host, wait_for  # noqa: E402

DAY = 24 * 3600
ACL = "system.posix_acl_access"
OWNER, USER, GROUP_OF_FILE, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NOBODY = 0xFFFFFFFF


def access_list(*entries):
    """acl(5) as the kernel takes it: (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def set_list(path, tag, who, permissions=4, mask=4, attribute=ACL):
    entries = [(OWNER, 6, NOBODY), (GROUP_OF_FILE, 4, NOBODY), (MASK, mask, NOBODY), (OTHER, 0, NOBODY),
               (tag, permissions, who)]
    os.setxattr(path, attribute, access_list(*sorted(entries, key=lambda e: e[0])))


class AuditTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)

    def start(self, certificates=None, **further):
        self.host.manifest(certificates or {"web": self.host.certificate("web", **further)})
        self.host.start_agent()
        self.host.renew_due()

    def findings(self, *names):
        return [(name, code) for name, code, _, _ in self.told(*names)]

    def told(self, *names):
        return [tuple(f) for f in self.host.call("Diagnose", "as", len(names), *names)[0]]

    def one(self, *names):
        found = self.told(*names)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def logged(self, text):
        return self.host.agent_log().count(text)


class Files(AuditTest):
    def test_all_is_well(self):
        self.start()
        self.assertEqual(self.told("web"), [])
        self.assertEqual(self.told(), [])

    def test_a_key_that_all_may_read(self):
        self.start(permissions={"key": "0640"})
        os.chmod(self.host.path("/etc/tls/web.key"), 0o644)
        name, code, message, hint = self.one("web")
        self.assertEqual((name, code), ("web", "key-readable"))
        self.assertEqual(message, "Every user of this host can read the key in /etc/tls/web.key (mode 0644)")
        self.assertIn("gives it mode 0640 again", hint)
        self.host.renew_due()  # mended, as ever
        self.assertEqual(self.told("web"), [])

    def test_a_folder_above_keeps_others_out(self):
        self.start()
        os.chmod(self.host.path("/etc/tls/web.key"), 0o604)
        os.chmod(self.host.path("/etc/tls"), 0o750)
        self.assertIn("is readable by all (mode 0604); only a folder above it keeps others out", self.one("web")[2])

    def test_a_combined_file(self):
        self.start({"web": {"issuer": "site", "common_name": "web.example.org", "combined_path": "/etc/tls/all.pem"}})
        os.chmod(self.host.path("/etc/tls/all.pem"), 0o604)
        self.assertIn("read the key in /etc/tls/all.pem", self.one("web")[2])

    def test_the_certificate_may_be_read_by_all(self):
        self.start(permissions={"cert": "0644"})
        self.assertEqual(self.told("web"), [])

    def test_an_access_list_lets_a_user_read(self):
        self.start()
        set_list(self.host.path("/etc/tls/web.key"), USER, 1)
        _, code, message, hint = self.one("web")
        self.assertEqual(code, "key-readable")
        self.assertEqual(message, 'An access list lets the user "daemon" read the key in /etc/tls/web.key')
        self.assertIn("setfacl -b /etc/tls/web.key", hint)

    def test_an_access_list_lets_a_group_read(self):
        self.start()
        set_list(self.host.path("/etc/tls/web.key"), GROUP, 1)
        self.assertIn('the group "daemon"', self.one("web")[2])

    def test_an_access_list_that_lets_nobody_read(self):
        self.start(owner="root:daemon", permissions={"key": "0640"})
        key = self.host.path("/etc/tls/web.key")
        for what in (dict(tag=USER, who=1, permissions=2), dict(tag=USER, who=1, mask=0), dict(tag=USER, who=0),
                     dict(tag=GROUP, who=1)):  # the last: its own group
            set_list(key, **what)
            self.assertNotIn("access list", str(self.told("web")), what)

    def test_a_folder_that_hands_lists_on(self):
        self.start(permissions={"key": "0640"})  # with 0600 such a list lets nobody read
        set_list(self.host.path("/etc/tls"), USER, 1, attribute="system.posix_acl_default")
        self.host.renew("web", force=True)
        _, code, message, hint = self.one("web")
        self.assertEqual(code, "key-readable")
        self.assertIn("setfacl -k /etc/tls; setfacl -b /etc/tls/web.key", hint)

    def test_what_stands_in_the_keys_place_is_neither_opened_nor_followed(self):
        self.start()
        key = self.host.path("/etc/tls/web.key")
        for put in (lambda: os.mkfifo(key, 0o644), lambda: os.symlink("/etc/passwd", key), lambda: os.mkdir(key, 0o755)):
            key.unlink() if not key.is_dir() else key.rmdir()
            put()
            self.assertNotIn("key-readable", str(self.told("web")))

    def test_a_link_of_another_user_on_the_way_is_not_followed(self):
        self.start()
        os.rename(self.host.path("/etc/tls"), self.host.path("/etc/real"))
        os.chmod(self.host.path("/etc/real/web.key"), 0o644)
        link = self.host.path("/etc/tls")
        os.symlink("/etc/real", link)
        os.lchown(link, 1, 1)
        self.assertEqual(self.told("web"), [])


class Generations(AuditTest):
    def test_a_kept_key_that_others_may_read(self):
        self.start()
        kept = self.host.path("/var/lib/cert-agent/generations/web/1/key.pem")
        os.chmod(kept, 0o644)
        name, code, message, hint = self.one("web")
        self.assertEqual((name, code), ("web", "generation-readable"))
        self.assertEqual(message, "A kept generation lets others in: /var/lib/cert-agent/generations/web/1/key.pem (mode 0644)")
        command = hint.split("Run: ")[1].split(". ")[0]
        self.assertEqual(command, "chmod -R go= /var/lib/cert-agent/generations/web")
        subprocess.run([*command.split()[:-1], self.host.path(command.split()[-1])], check=True)
        self.assertEqual(self.told("web"), [])

    def test_folders(self):
        self.start()
        for folder, mode in (("web/1", 0o755), ("web", 0o711)):
            path = self.host.path("/var/lib/cert-agent/generations") / folder
            os.chmod(path, mode)
            self.assertIn(f"generations/{folder} (mode {mode:04o})", self.one("web")[2])
            os.chmod(path, 0o700)

    def test_several_are_one_finding(self):
        self.start()
        self.host.renew("web", force=True)
        for number in "12":
            os.chmod(self.host.path(f"/var/lib/cert-agent/generations/web/{number}/key.pem"), 0o640)
        self.assertIn("1/key.pem (mode 0640), and 1 more", self.one("web")[2])

    def test_what_was_left_behind(self):
        self.start()
        os.chmod(self.host.path("/var/lib/cert-agent/generations/web/1/key.pem"), 0o644)
        self.host.manifest({"other": self.host.certificate("other")})
        self.host.call("Reload")
        self.assertEqual(self.findings(), [("web", "generation-readable")])

    def test_earlier_generations_of_a_folder(self):
        self.start({"web": {"issuer": "site", "common_name": "web.example.org", "directory": "/etc/tls/web",
                            "permissions": {"key": "0640"}}})
        folder = self.host.path("/etc/tls/web")
        first = folder.parent / os.readlink(folder)
        self.host.renew("web", force=True)
        os.chmod(first / "key.pem", 0o644)
        _, code, message, hint = self.one("web")
        self.assertEqual(code, "generation-readable")
        self.assertIn("/etc/tls/.web.cert-agent/1/key.pem (mode 0644)", message)
        self.assertIn("chmod o= /etc/tls/.web.cert-agent/1/key.pem", hint)
        os.chmod(first / "key.pem", 0o640)
        os.chmod(folder / "combined.pem", 0o644)
        self.assertEqual(self.one("web")[:3], (
            "web", "key-readable", "Every user of this host can read the key in /etc/tls/web/combined.pem (mode 0644)"))


class Checkouts(AuditTest):
    def checkout(self, system, where="/etc"):
        name, code, message, hint = self.one("web")
        self.assertEqual((name, code), ("web", "key-in-checkout"))
        self.assertEqual(message, f"The key in /etc/tls/web.key lies within a checkout of {system}, {where}")
        self.assertIn(f"name a path outside of {where} in the manifest", hint)

    def test_a_real_checkout_of_git(self):
        self.start()
        subprocess.run(["git", "init", "-q", self.host.path("/etc")], check=True)
        self.checkout("Git")

    def test_every_system(self):
        self.start()
        tls = self.host.path("/etc/tls")
        for marker, system in ((".git", "Git"), (".hg", "Mercurial"), (".svn", "Subversion"), (".bzr", "Bazaar"),
                               ("_darcs", "Darcs"), (".jj", "Jujutsu"), ("CVS", "CVS")):
            (tls / marker).mkdir()
            if system == "CVS":
                (tls / marker / "Entries").write_text("D\n")
            self.checkout(system, "/etc/tls")
            shutil.rmtree(tls / marker)
        (tls / ".git").write_text("gitdir: /srv/etc.git/worktrees/tls\n")  # a worktree
        self.checkout("Git", "/etc/tls")

    def test_no_checkout(self):
        self.start()
        subprocess.run(["git", "init", "-q", "--bare", self.host.path("/etc")], check=True)
        (self.host.path("/etc/CVS")).mkdir()  # what the folder of the repositories is called, too
        (self.host.path("/etc/.hg")).write_text("not a folder\n")
        (self.host.path("/etc/other/.git")).mkdir(parents=True)
        self.assertEqual(self.told("web"), [])

    def test_it_ends_with_the_file_system(self):
        self.start()
        (self.host.path("/.git")).mkdir()
        self.checkout("Git", "/")
        kept = self.host.path("/kept")
        shutil.copytree(self.host.path("/etc/tls"), kept)
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.host.path("/etc/tls")], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", self.host.path("/etc/tls")], check=True)
        shutil.copytree(kept, self.host.path("/etc/tls"), dirs_exist_ok=True)
        self.assertNotIn("key-in-checkout", str(self.told("web")))

    def test_a_link_into_a_checkout(self):
        self.host.path("/srv/repo/tls").mkdir(parents=True)
        self.host.path("/srv/repo/.git").mkdir()
        self.host.path("/etc/tls").rmdir()
        os.symlink("../srv/repo/tls", self.host.path("/etc/tls"))
        self.start()
        self.checkout("Git", "/srv/repo")

    def test_a_folder(self):
        self.start({"web": {"issuer": "site", "common_name": "web.example.org", "directory": "/etc/tls/web"}})
        self.host.path("/etc/.git").mkdir()
        self.assertIn("The key in /etc/tls/web/key.pem lies within a checkout of Git, /etc", self.one("web")[2])


class Units(AuditTest):
    def setUp(self):
        super().setUp()
        self.host.start_program("fake-systemd")
        wait_for(lambda: self.systemd("Calls", check=False), "the fake systemd")

    def systemd(self, *arguments, check=True):
        return self.host.busctl("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.certagent1.Fake",
                                *arguments, check=check)

    def unit(self, name, **facts):
        known = dict({"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": str(os.getpid())},
                     **facts)
        self.systemd("SetUnit", "sa{ss}", name, str(len(known)), *[x for pair in known.items() for x in pair])

    def test_a_unit_that_could_no_longer_read_it(self):
        self.unit("db.service", User="daemon")
        self.unit("web.service")
        units = [{"unit": "db.service", "action": "reload"}, {"unit": "web.service", "action": "reload"}]
        of_daemon = dict(owner="root:daemon", permissions={"key": "0640"}, units=units)
        self.start({"a": self.host.certificate("a", **of_daemon), "b": self.host.certificate("b", **of_daemon)})
        self.assertEqual(self.told(), [])
        self.unit("db.service", User="mail")
        found = self.told("a", "b")  # what was found of all is told again for a minute
        self.assertEqual([f[:2] for f in found], [(n, "key-unreadable-for-unit") for n in "ab"])
        self.assertEqual(found[0][2], 'The user "mail" of db.service cannot read /etc/tls/a.key (root:daemon 0640)')
        self.assertNotIn("was not told", found[0][3])
        self.assertIn("certctl renew a", found[0][3])

    def test_a_user_database_that_hangs(self):
        # It costs an audit ten seconds, and nobody else; who asks meanwhile waits, but not too many.
        self.unit("db.service", User="daemon")
        self.host.slow_user("daemon")
        self.start({"web": self.host.certificate("web", units=[{"unit": "db.service", "action": "reload"}]),
                    "other": self.host.certificate("other")})
        self.told("other")  # what the agent itself began is over
        os.chmod(self.host.path("/etc/tls/web.key"), 0o604)
        many = [subprocess.Popen(["busctl", f"--address=unix:path={self.host.bus}", "--timeout=60", "call", "org.certagent1",
                                  "/org/certagent1", "org.certagent1.Manager", "Diagnose", "as", "1", "web"], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(70)]
        wait_for(lambda: any(p.poll() is not None for p in many), "the first that is refused")
        self.assertEqual(self.host.renew("other", force=True)[0], "done")
        self.assertTrue(any(p.poll() is None for p in many), "the audit is still at it")
        said = [p.communicate(timeout=60)[0] for p in many]
        self.assertEqual(sum("64 callers wait" in text for text in said), 6)
        self.assertEqual(sum("key-readable" in text for text in said), 64)

    def test_systemd_that_does_not_know_the_unit(self):
        self.start(units=[{"unit": "gone.service", "action": "reload"}])
        self.assertEqual(self.told("web"), [])


class Asking(AuditTest):
    def test_names(self):
        self.start({"a": self.host.certificate("a"), "b": self.host.certificate("b")})
        for name in "ab":
            os.chmod(self.host.path(f"/etc/tls/{name}.key"), 0o644)
        self.assertEqual(self.findings("b"), [("b", "key-readable")])
        self.assertEqual(self.findings("a", "b"), [("a", "key-readable"), ("b", "key-readable")])
        self.assertEqual(self.findings("authority:site"), [])
        with self.assertRaises(BusError) as raised:
            self.told("c")
        self.assertIn('no certificate "c"', str(raised.exception))

    def test_what_was_found_of_all_is_kept_until_something_changes(self):
        self.start()
        self.assertEqual(self.told(), [])
        os.chmod(self.host.path("/var/lib/cert-agent/generations/web/1/key.pem"), 0o644)
        self.assertEqual(self.told(), [])
        self.assertEqual(len(self.told("web")), 1)
        self.assertEqual(len(self.told()), 1, "what was found of one is found of all")
        self.assertEqual(len(self.told()), 1)
        os.chmod(self.host.path("/var/lib/cert-agent/generations/web/1/key.pem"), 0o600)
        self.host.renew("web", force=True)
        self.assertEqual(self.told(), [])

    def test_many_at_once_share_the_work(self):
        self.start()
        os.chmod(self.host.path("/etc/tls/web.key"), 0o644)
        many = [subprocess.Popen(["busctl", f"--address=unix:path={self.host.bus}", "call", "org.certagent1", "/org/certagent1",
                                  "org.certagent1.Manager", "Diagnose", "as", "1", "web"], stdout=subprocess.PIPE, text=True)
                for _ in range(40)]
        for p in many:
            self.assertIn("key-readable", p.communicate(timeout=120)[0])


class Journal(AuditTest):
    KEPT = "/var/lib/cert-agent/generations/web/1/key.pem"
    TEXT = "A kept generation lets others in"

    def audited(self):
        seen = self.host.path("/var/lib/cert-agent/findings")
        return seen.read_text().splitlines()[0] if seen.exists() else None

    def look_again(self, seconds):
        """The timer's pass, so many seconds from now; how often the finding was told until its audit was over."""
        self.host.stop_agent()
        self.host.shift_clock(seconds)
        self.host.start_agent()
        last = self.audited()
        self.host.renew_due()
        wait_for(lambda: self.audited() != last, "the audit")
        return self.logged(self.TEXT)

    def test_told_once_by_the_daily_look(self):
        self.start()
        wait_for(self.audited, "the first audit")
        os.chmod(self.host.path(self.KEPT), 0o644)
        first = self.audited()
        self.host.renew_due()
        self.assertEqual(self.look_again(DAY + 3600), 1)
        self.assertNotEqual(self.audited(), first)
        self.assertEqual(self.look_again(2 * DAY + 7200), 1, "it is not told each day")
        os.chmod(self.host.path(self.KEPT), 0o600)
        self.assertEqual(self.look_again(3 * DAY + 9999), 1)
        os.chmod(self.host.path(self.KEPT), 0o644)
        self.assertEqual(self.look_again(4 * DAY + 12000), 2, "it was gone in between")

    def test_not_more_often_than_each_day(self):
        self.start()
        wait_for(self.audited, "the first audit")
        first = self.audited()
        os.chmod(self.host.path(self.KEPT), 0o644)
        for hours in (1, 23):
            self.host.stop_agent()
            self.host.shift_clock(hours * 3600)
            self.host.start_agent()
            self.host.renew_due()
            self.assertEqual(len(self.told("web")), 1)  # one audit at a time: another would have come before it
            self.assertEqual(self.audited(), first)

    def test_an_idle_agent_stays_until_it_is_over(self):
        self.host.manifest({"web": self.host.certificate("web")})
        self.host.start_agent("--exit-idle-time=1")
        self.host.renew_due()
        self.assertEqual(self.host.agent_process.wait(120), 0)
        self.host.processes.remove(self.host.agent_process)
        self.assertTrue(self.audited())

    def test_what_a_pass_installed_is_looked_at(self):
        self.host.path("/etc/.git").mkdir()
        self.host.manifest({"web": self.host.certificate("web")})
        self.host.start_agent()
        self.host.renew("web")
        wait_for(lambda: self.logged("lies within a checkout of Git"), "the finding")
        self.assertEqual(self.host.renew("web", force=True)[0], "done")
        self.assertEqual(self.told("web")[0][1], "key-in-checkout")
        self.assertEqual(self.logged("lies within a checkout of Git"), 1)
        seen = self.host.path("/var/lib/cert-agent/findings")
        self.assertEqual(seen.stat().st_mode & 0o777, 0o600)

    def test_a_damaged_memory_is_only_forgetful(self):
        self.start()
        os.chmod(self.host.path(self.KEPT), 0o644)
        self.told("web")
        self.assertEqual(self.logged(self.TEXT), 1)
        self.host.stop_agent()
        self.host.path("/var/lib/cert-agent/findings").write_bytes(b"audited x\n" + bytes(range(256)) * 100)
        self.host.start_agent()
        self.told("web")
        self.assertEqual(self.logged(self.TEXT), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
