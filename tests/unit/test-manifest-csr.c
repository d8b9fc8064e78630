/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuers of the type "csr" in the manifest: what is read of them, and that everything that is wrong with
 * them is found. */

#include "tests/unit/manifest-host.h"

/* One issuer "corp" of these members, which begin with a comma where there are any. */
static void write_issuer(const Host *h, const char *members)
{
        g_autofree char *text =
                g_strdup_printf("{\"version\": 1, \"environment\": \"production\",\n\"issuers\": {\"corp\": "
                                "{\"type\": \"csr\"%s}}}",
                                members);

        write_text(h, CERT_MANIFEST_FILE, text);
}

static void test_all_keys_are_read(Host *h, const void *data)
{
        const ManifestIssuer *corp;

        install_csr(h);
        write_issuer(h, ", \"timeout\": \"20s\", \"environment\": \"production\", \"roots\": "
                        "\"/etc/ssl/corp-root.pem\"");
        assert_loads(h);
        corp = manifest_find_issuer(h->manifest, "corp");
        g_assert_cmpstr(corp->type, ==, "csr");
        g_assert_cmpstr(corp->environment, ==, "production");
        g_assert_nonnull(strstr(corp->config, "corp-root.pem"));
        g_assert_null(corp->authority);
        g_assert_false(manifest_issuer_has_account(corp));
}

static void test_nothing_but_the_type_is_required(Host *h, const void *data)
{
        install_csr(h);
        write_issuer(h, "");
        assert_loads(h);
}

static void test_what_is_wrong_is_found(Host *h, const void *data)
{
        static const struct {
                const char *members, *path, *message, *hint;
        } cases[] = {
                { ", \"roots\": \"corp.pem\"", "issuers.corp.roots", "corp.pem", "whole path" },
                { ", \"roots\": \"/etc/ssl/../corp.pem\"", "issuers.corp.roots", "corp.pem", "plain form" },
                { ", \"roots\": \"\"", "issuers.corp.roots", "", "" },
                { ", \"roots\": 1", "issuers.corp.roots", "string", "" },
                { ", \"roots\": [\"/etc/ssl/a.pem\"]", "issuers.corp.roots", "string", "" },
                { ", \"roots\": \"/tmp/corp.pem\"", "issuers.corp.roots", "/tmp", "" },
                { ", \"roots\": \"/home/alice/corp.pem\"", "issuers.corp.roots", "cannot read", "/etc/ssl" },
                { ", \"roots\": \"/root/corp.pem\"", "issuers.corp.roots", "cannot read", "/etc/ssl" },
                { ", \"root\": \"/etc/ssl/corp.pem\"", "issuers.corp.root", "no such key", "\"roots\"" },
                { ", \"rots\": \"/etc/ssl/corp.pem\"", "issuers.corp.rots", "unknown", "roots" },
                { ", \"url\": \"https://ca.example.org\"", "issuers.corp.url", "unknown", "" },
                { ", \"timeout\": \"0s\"", "issuers.corp.timeout", "longer than nothing", "" },
                { ", \"environment\": \"test\"", "issuers.corp.environment", "\"test\"", "Take an issuer" },
        };

        install_csr(h);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                write_issuer(h, cases[i].members);
                assert_refused(h, CERT_MANIFEST_FILE ":2:", cases[i].path, cases[i].message, cases[i].hint);
        }
}

static void test_its_program_comes_with_the_agent(Host *h, const void *data)
{
        write_issuer(h, "");
        assert_refused(h, "issuers.corp.type", "no issuer program", "part of the package cert-agent");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (!TEST_ROOT) {
                g_print("1..0 # SKIP needs a build with -Dtest-root=true\n");
                return 0;
        }
        add("csr/all-keys-are-read", test_all_keys_are_read);
        add("csr/nothing-but-the-type-is-required", test_nothing_but_the_type_is_required);
        add("csr/what-is-wrong-is-found", test_what_is_wrong_is_found);
        add("csr/its-program-comes-with-the-agent", test_its_program_comes_with_the_agent);
        return g_test_run();
}
