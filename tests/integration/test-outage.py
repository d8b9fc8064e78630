# SPDX-License-Identifier: LGPL-2.1-or-later
"""An issuer that is away for hours, and comes back: the real agent, with an issuer that is away on demand."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Host  # noqa: E402

NAMES = [f"c{i}" for i in range(12)]


class OutageTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)

    def behave(self, behaviour, names=NAMES, issuer={"type": "fake", "retry_after": "1h"}):
        """The issuer behaves so from now on, and the manifest says nothing else of it: it is not the administrator who mends it."""
        self.host.path("/run").mkdir(exist_ok=True)
        self.host.path("/run/fake-behaviour").write_text(behaviour)
        self.host.manifest({n: self.host.certificate(n, issuer="net") for n in names}, issuers={"net": issuer})
        if self.host.agent_process:
            self.host.call("Reload")
        else:
            self.host.start_agent()

    def failures(self, names=NAMES):
        return [self.host.get(n, "FailureCount") for n in names]

    def test_each_pass_tries_one_and_all_follow_when_it_is_back(self):
        self.behave("unreachable")
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.failures(), [1] * 12)
        for further in (1, 2):
            result, steps = self.host.renew_due()
            self.assertEqual(result, "failed")
            self.assertEqual([s for s, _ in steps.values()], ["failed"])
            self.assertEqual(sum(self.failures()), 12 + further)
        self.behave("good")
        result, steps = self.host.renew_due()
        self.assertEqual(result, "done")
        self.assertEqual(steps, {n: ("done", "") for n in NAMES})
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_a_scout_that_is_refused_has_found_the_issuer_too(self):
        self.behave("unreachable")
        self.host.renew_due()
        self.behave("refuse")
        result, steps = self.host.renew_due()
        self.assertEqual((result, len(steps)), ("failed", 12))
        self.assertEqual(self.failures(), [2] * 12)
        # That is no outage: each waits for its own retry.
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_what_the_issuer_put_off_is_not_tried_before_its_time(self):
        self.behave("unreachable-till")
        self.host.renew_due()
        self.behave("good")
        self.assertEqual(self.host.renew_due(), ("skipped", {}))
        # The record holds that over a restart.
        self.host.stop_agent()
        self.host.start_agent()
        self.assertEqual(self.host.renew_due(), ("skipped", {}))
        self.assertEqual(self.failures(), [1] * 12)
        self.assertEqual(self.host.renew(*NAMES)[0], "done")

    def test_a_corrected_issuer_is_tried_at_once(self):
        self.behave("unreachable-till")
        self.host.renew_due()
        self.behave("good", issuer={"type": "fake", "retry_after": "2h"})
        self.assertEqual(self.host.renew_due(), ("done", {n: ("done", "") for n in NAMES}))

    def test_one_that_asks_the_issuer_anyway_is_the_scout(self):
        self.behave("unreachable", NAMES[:-1])
        self.host.renew_due()
        self.behave("unreachable")
        result, steps = self.host.renew_due()
        self.assertEqual(list(steps), [NAMES[-1]])
        self.assertEqual(self.failures(), [1] * 12)

    def test_force_does_not_wait_for_a_retry(self):
        self.behave("unreachable-till", NAMES[:1])
        self.host.renew_due()
        self.behave("good", NAMES[:1])
        self.assertEqual(self.host.renew(NAMES[0], force=True)[0], "done")
        self.assertEqual(self.host.get(NAMES[0], "Generation"), 1)

    def test_a_person_who_asks_for_one_gets_that_one(self):
        self.behave("unreachable")
        self.host.renew_due()
        self.behave("good")
        self.assertEqual(self.host.renew("c3"), ("done", {"c3": ("done", "")}))
        self.assertEqual(self.failures().count(1), 11)


if __name__ == "__main__":
    unittest.main(verbosity=2)
