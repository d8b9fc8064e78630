# SPDX-License-Identifier: LGPL-2.1-or-later
"""A unit whose user cannot read the files that are put in place for it: found, shown, and over when it is mended. The agent
and the users of this host are real, systemd is a fake."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Host, wait_for  # noqa: E402

UNIT = "db.service"
USER = "daemon"  # of every Debian, with a group of its name


class UnitUserTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        self.host.start_program("fake-systemd")
        wait_for(lambda: self.systemd("Calls", check=False), "the fake systemd")

    def systemd(self, *arguments, check=True):
        return self.host.busctl("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.certagent1.Fake",
                                *arguments, check=check)

    def unit(self, name=UNIT, **facts):
        known = dict({"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": str(os.getpid())},
                     **facts)
        self.systemd("SetUnit", "sa{ss}", name, str(len(known)), *[x for pair in known.items() for x in pair])

    def told(self):
        return len(self.systemd("Calls")["data"][0])

    def manifest(self, **further):
        entry = dict({"units": [{"unit": UNIT, "action": "reload"}]}, **further)
        self.host.manifest({"db": self.host.certificate("db", **entry)})
        if self.host.agent_process:
            self.host.call("Reload")
        else:
            self.host.start_agent()

    def cannot_read(self, what="/etc/tls/db.key", attributes="root:root 0600"):
        return f'the user "{USER}" of {UNIT} cannot read {what} ({attributes})'

    def test_it_is_degraded_and_mended_through_the_manifest(self):
        self.unit(User=USER)
        self.manifest()
        result, steps = self.host.renew_due()
        self.assertEqual((result, steps["db"]), ("failed", ("failed", self.cannot_read())))
        self.assertEqual(self.host.state("db"), "degraded")
        self.assertEqual(self.host.get("db", "LastError"), self.cannot_read())
        self.assertIn(f'Say "owner": "root:{USER}", "permissions": {{ "key": "0640" }} for "db" in the manifest',
                      self.host.get("db", "Hint"))
        self.assertEqual(self.told(), 0, "it was told, and may have died of that")
        self.assertEqual(self.host.get("db", "Generation"), 1)
        # It stays so, whoever looks, and no new certificate is made.
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.host.state("db"), "degraded")
        self.manifest(owner=f"root:{USER}", permissions={"key": "0640"})
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual(self.host.state("db"), "valid")
        self.assertEqual(self.host.get("db", "LastError"), "")
        self.assertEqual((self.told(), self.host.get("db", "Generation")), (1, 1))
        self.assertEqual(self.host.renew_due(), ("skipped", {}))

    def test_it_is_over_when_the_unit_has_changed(self):
        self.unit(User=USER)
        self.manifest(owner="root:mail", permissions={"key": "0640"})
        self.host.renew_due()
        self.assertEqual(self.host.get("db", "LastError"), self.cannot_read(attributes="root:mail 0640"))
        self.unit(User=USER, SupplementaryGroups="mail")
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual((self.host.state("db"), self.told()), ("valid", 1))

    def test_a_manifest_that_takes_it_away_is_found_at_once(self):
        self.unit(User=USER)
        readable = dict(owner=f"root:{USER}", permissions={"key": "0640"})
        self.manifest(**readable)
        self.assertEqual(self.host.renew_due()[0], "done")
        self.manifest()
        self.assertEqual(self.host.renew_due()[1]["db"], ("failed", self.cannot_read()))
        self.assertEqual((self.host.state("db"), self.told()), ("degraded", 1))
        self.manifest(**readable)
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual((self.host.state("db"), self.host.get("db", "Generation")), ("valid", 1))

    def test_a_mode_that_is_mended_bothers_no_unit(self):
        self.unit(User=USER)
        self.manifest(owner=f"root:{USER}", permissions={"key": "0640"})
        self.host.renew_due()
        os.chmod(self.host.path("/etc/tls/db.key"), 0o600)
        self.assertEqual(self.host.renew_due(), ("done", {"db": ("done", "")}))
        self.assertEqual((self.host.state("db"), self.told()), ("valid", 1))

    def test_a_user_database_that_hangs_holds_up_no_unit(self):
        self.unit(User=USER)
        self.host.slow_user(USER)
        self.manifest()
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual((self.host.state("db"), self.told()), ("valid", 1))

    def test_the_certificate_alone_and_a_folder_are_named(self):
        self.unit(User=USER)
        self.manifest(owner=f"root:{USER}", permissions={"cert": "0600", "key": "0640"})
        self.host.renew_due()
        self.assertEqual(self.host.get("db", "LastError"), self.cannot_read("/etc/tls/db.pem", f"root:{USER} 0600"))
        self.assertIn('Say "permissions": { "cert": "0640" } for "db"', self.host.get("db", "Hint"))
        self.manifest(owner=USER)
        os.chmod(self.host.path("/etc/tls"), 0o700)
        self.host.renew_due()
        self.assertEqual(self.host.get("db", "LastError"),
                         f'the user "{USER}" of {UNIT} cannot read /etc/tls/db.key: it may not pass through the folder '
                         "/etc/tls (root:root 0700)")
        os.chmod(self.host.path("/etc/tls"), 0o711)
        self.assertEqual(self.host.renew_due()[0], "done")

    def test_a_unit_that_reads_by_itself_or_does_not_run_is_looked_at_too(self):
        self.unit(User=USER, ActiveState="inactive", SubState="dead", MainPID="0")
        self.manifest(units=[{"unit": UNIT, "action": "none"}])
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.host.state("db"), "degraded")

    def test_the_folder_of_generations_is_looked_through(self):
        self.unit(User=USER)
        self.host.manifest({"db": {"issuer": "site", "common_name": "db.example.org", "directory": "/etc/tls/db",
                                   "units": [{"unit": UNIT, "action": "reload"}]}})
        self.host.start_agent()
        self.host.renew_due()
        self.assertEqual(self.host.get("db", "LastError"), self.cannot_read("/etc/tls/db/key.pem"))

    def test_who_may_read_it_in_another_way_is_not_complained_of(self):
        key = "/etc/tls/db.key"
        self.manifest()
        for told, facts in enumerate(({}, {"User": "root"}, {"User": USER, "DynamicUser": "yes"},
                                      {"User": USER, "AmbientCapabilities": str(1 << 2)},
                                      {"User": USER, "RootDirectory": "/srv/db"},
                                      {"User": USER, "LoadCredential": f"key:{key}"},
                                      {"User": USER, "LoadCredential": "tls:/etc/tls"},
                                      {"User": USER, "BindReadOnlyPaths": "/etc/tls:/tls"},
                                      {"User": USER, "ExecStartPreEx": "privileged"},
                                      {"User": "nobody-of-this-name"}), 1):
            with self.subTest(facts):
                none = {"User": "", "DynamicUser": "no", "AmbientCapabilities": "0", "RootDirectory": "",
                        "LoadCredential": "", "BindReadOnlyPaths": "", "ExecStartPreEx": ""}
                self.unit(**dict(none, **facts))
                self.assertEqual(self.host.renew("db", force=True)[0], "done")
                self.assertEqual((self.host.state("db"), self.told()), ("valid", told))
        for facts in ({"LoadCredential": "key:/etc/tls/other.key"}, {"BindReadOnlyPaths": "/srv:/srv"},
                      {"ExecStartPreEx": "ignore-failure"}, {"AmbientCapabilities": str(1 << 10)}):
            with self.subTest(facts):
                self.unit(**dict(none, User=USER, **facts))
                self.assertEqual(self.host.renew("db", force=True)[0], "failed")
                self.assertEqual(self.host.state("db"), "degraded")

    def test_another_unit_is_told_all_the_same(self):
        self.unit(User=USER)
        self.unit("web.service")
        self.manifest(units=[{"unit": UNIT, "action": "restart"}, {"unit": "web.service", "action": "reload"}])
        self.host.renew_due()
        self.assertEqual([c.split()[:2] for c in self.systemd("Calls")["data"][0]], [["ReloadUnit", "web.service"]])
        self.assertEqual(self.host.state("db"), "degraded")

    def test_a_pass_with_nothing_due_asks_systemd_nothing(self):
        self.unit(User=USER)
        self.manifest(owner=f"root:{USER}", permissions={"key": "0640"})
        self.host.renew_due()
        # A unit that could no longer read it is found with the next change, not by asking each time.
        self.unit(User="mail")
        self.assertEqual(self.host.renew_due(), ("skipped", {}))
        self.assertEqual(self.host.state("db"), "valid")


if __name__ == "__main__":
    unittest.main(verbosity=2)
