/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manifest's check: everything that is wrong with one is found, with its place and what to do. */

#include "tests/unit/manifest-host.h"

/* ---- What is wrong with a certificate ---- */

typedef struct Wrong {
        const char *object;
        const char *told[4];
} Wrong;

#define WEB "certificates.web"

static const Wrong wrongs[] = {
        { "[]", { WEB ": ", "an object is expected here, not a list" } },
        { "{" NAMES ", " PATHS ", \"renew_befor\": \"1h\"}",
          { WEB ".renew_befor: ", "unknown", "Did you mean \"renew_before\"?" } },
        { "{" NAMES ", " PATHS ", \"xyzzy\": 1}", { WEB ".xyzzy: the key \"xyzzy\" is unknown here" } },
        { "{" NAMES ", " PATHS ", \"watch\": \"yes\"}", { WEB ".watch: ", "true or false is expected" } },
        { "{" NAMES ", " PATHS ", \"keep\": 0}", { WEB ".keep: ", "from 1 to 100" } },
        { "{" NAMES ", " PATHS ", \"keep\": 101}", { WEB ".keep: ", "from 1 to 100" } },
        { "{" NAMES ", " PATHS ", \"keep\": 1.5}", { WEB ".keep: ", "whole number" } },
        { "{" NAMES ", " PATHS ", \"keep\": \"3\"}", { WEB ".keep: ", "a number is expected" } },
        { "{" NAMES ", " PATHS ", \"lifetime\": 90}", { WEB ".lifetime: ", "with a unit" } },
        { "{" NAMES ", " PATHS ", \"lifetime\": \"soon\"}", { WEB ".lifetime: ", "no span" } },
        { "{" NAMES ", " PATHS ", \"lifetime\": \"0s\"}", { WEB ".lifetime: ", "longer than nothing" } },
        { "{" NAMES ", " PATHS ", \"lifetime\": \"200y\"}", { WEB ".lifetime: ", "hundred years" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": \"2h\", \"lifetime\": \"1h\"}",
          { WEB ".renew_before: ", "never stop", "33%" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": \"1h\", \"lifetime\": \"1h\"}",
          { WEB ".renew_before: ", "never stop" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": \"100%\"}", { WEB ".renew_before: ", "1% to 99%" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": \"0%\"}", { WEB ".renew_before: ", "1% to 99%" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": 33}", { WEB ".renew_before: ", "not a number" } },
        { "{" NAMES ", " PATHS ", \"usage\": []}", { WEB ".usage: ", "no use" } },
        { "{" NAMES ", " PATHS ", \"usage\": [\"code\"]}", { WEB ".usage[0]: ", "no usage", "\"client\"" } },
        { "{" NAMES ", " PATHS ", \"key\": \"rsa-2048\"}", { WEB ".key: ", "object is expected", "type" } },
        { "{" NAMES ", " PATHS ", \"key\": {\"type\": \"rsa-1024\"}}",
          { WEB ".key.type: ", "no type of key", "rsa-" } },
        { "{" NAMES ", " PATHS ", \"key\": {\"rotation\": \"never\"}}",
          { WEB ".key.rotation: ", "no rotation" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/c\", \"key\": {\"uri\": \"file:x\"}}",
          { WEB ".key.uri: ", "RFC 7512" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/c\", \"key\": {\"uri\": \"pkcs11:token=a\", \"rotation\": "
          "\"always\"}}",
          { WEB ".key: ", "not made anew" } },
        { "{" NAMES ", " PATHS ", \"key\": {\"uri\": \"pkcs11:token=a\"}}", { WEB ".key_path: ", "token" } },
        /* names */
        { "{\"issuer\": \"site\", " PATHS "}", { WEB ": ", "no name" } },
        { "{\"issuer\": \"site\", \"common_name\": \"Web 1\", " PATHS "}",
          { WEB ": ", "its common name is none" } },
        { "{\"issuer\": \"site\", \"usage\": [\"client\"], " PATHS "}", { WEB ": ", "names nobody" } },
        { "{\"issuer\": \"site\", \"common_name\": "
          "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", " PATHS "}",
          { WEB ".common_name: ", "65 characters", "64" } },
        { "{\"issuer\": \"site\", \"common_name\": \"\", " PATHS "}", { WEB ".common_name: ", "empty" } },
        { "{\"issuer\": \"site\", \"common_name\": \"a\\nb\", " PATHS "}",
          { WEB ".common_name: ", "control" } },
        { "{" NAMES ", \"subject\": \"CN=x.example\", " PATHS "}", { WEB ".common_name: ", "exclude" } },
        { "{\"issuer\": \"site\", \"subject\": \"www\", " PATHS "}", { WEB ".subject: ", "RFC 4514" } },
        { "{\"issuer\": \"site\", \"subject\": \"CN=x.example,C=DEU\", " PATHS "}",
          { WEB ".subject: ", "country" } },
        { "{\"issuer\": \"site\", \"subject\": "
          "\"CN=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", " PATHS "}",
          { WEB ".subject: ", "65 characters" } },
        { "{" NAMES ", " PATHS ", \"sans\": \"a.example\"}", { WEB ".sans: ", "a list is expected" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"a.example\", \"b example\"]}",
          { WEB ".sans[1]: ", "no DNS name" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"ip:300.1.1.1\"]}", { WEB ".sans[0]: ", "no IP address" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"*.org\"]}",
          { WEB ".sans[0]: ", "wildcard", "*.example.org" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"a.*.example.org\"]}", { WEB ".sans[0]: ", "wildcard" } },
        { "{" NAMES ", " PATHS ", \"sans\": [7]}", { WEB ".sans[0]: ", "not a number", "double quotes" } },
        /* places */
        { "{" NAMES "}", { WEB ": ", "where the certificate goes" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/c\"}", { WEB ": ", "where the key goes" } },
        { "{" NAMES ", \"cert_path\": \"tls/c\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "not absolute" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/../c\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "\"..\"" } },
        { "{" NAMES ", \"cert_path\": \"/etc/./c\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "\".\"" } },
        { "{" NAMES ", \"cert_path\": \"/etc//c\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "slash" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "slash" } },
        { "{" NAMES ", \"cert_path\": \"/etc/t\\nls\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "control" } },
        { "{" NAMES ", \"cert_path\": \"/proc/c\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "no place" } },
        { "{" NAMES ", \"cert_path\": \"/etc/cert-agent/manifest.d/a.json\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "no place" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/x\", \"key_path\": \"/etc/tls/x\"}",
          { WEB ".key_path: ", "already" } },
        { "{" NAMES ", \"directory\": \"/etc/tls/web\", \"ca_path\": \"/etc/ca.pem\"}",
          { WEB ".ca_path: ", "exclude" } },
        /* owner and permissions */
        { "{" NAMES ", " PATHS ", \"owner\": \"no-such-user:root\"}",
          { WEB ".owner: ", "no user \"no-such-user\"" } },
        { "{" NAMES ", " PATHS ", \"owner\": \"root:no-such-group\"}",
          { WEB ".owner: ", "no group \"no-such-group\"" } },
        { "{" NAMES ", " PATHS ", \"owner\": {\"key\": \":no-such-group\"}}",
          { WEB ".owner.key: ", "no group" } },
        { "{" NAMES ", " PATHS ", \"owner\": \"a:b:c\"}", { WEB ".owner: ", "no owner" } },
        { "{" NAMES ", " PATHS ", \"owner\": 0}", { WEB ".owner: ", "a string is expected" } },
        { "{" NAMES ", " PATHS ", \"permissions\": \"0644\"}",
          { WEB ".permissions: ", "all users could use the key", "group" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"key\": \"0604\"}}",
          { WEB ".permissions.key: ", "all users" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"key\": \"0660\"}}",
          { WEB ".permissions.key: ", "written by others" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"key\": \"0040\"}}",
          { WEB ".permissions.key: ", "owner could not read" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"0666\"}}",
          { WEB ".permissions.cert: ", "written by others" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"0755\"}}",
          { WEB ".permissions.cert: ", "executed" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"rw-r--r--\"}}",
          { WEB ".permissions.cert: ", "octal" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"4644\"}}",
          { WEB ".permissions.cert: ", "octal" } },
        { "{" NAMES ", " PATHS ", \"permissions\": 640}",
          { WEB ".permissions: ", "not a number", "\"0640\"" } },
        /* units */
        { "{" NAMES ", " PATHS ", \"units\": \"nginx.service\"}", { WEB ".units: ", "a list is expected" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"nginx\"]}",
          { WEB ".units[0]: ", "unit type", "nginx.service" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"nginx.servise\"]}", { WEB ".units[0]: ", "unit type" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"a b.service\"]}",
          { WEB ".units[0]: ", "no name of a unit" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"../a.service\"]}",
          { WEB ".units[0]: ", "no name of a unit" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"db@.service\"]}", { WEB ".units[0]: ", "template" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"a.service\", \"a.service\"]}",
          { WEB ".units[1]: ", "twice" } },
        { "{" NAMES ", " PATHS ", \"units\": [{\"action\": \"reload\"}]}",
          { WEB ".units[0]: ", "names no unit" } },
        { "{" NAMES ", " PATHS ", \"units\": [{\"unit\": \"a.service\", \"action\": \"relaod\"}]}",
          { WEB ".units[0].action: ", "no action", "\"reload\"" } },
        { "{" NAMES ", " PATHS ", \"units\": [{\"unit\": \"a.service\", \"action\": \"signal\"}]}",
          { WEB ".units[0].action: ", "Name the signal" } },
        { "{" NAMES ", " PATHS ", \"units\": [{\"unit\": \"a.service\", \"action\": \"signal:SIGFOO\"}]}",
          { WEB ".units[0].action: ", "no signal" } },
        { "{" NAMES ", " PATHS ", \"units\": [{\"unit\": \"a.service\", \"action\": \"signal:SIGKILL\"}]}",
          { WEB ".units[0].action: ", "no service survives" } },
        /* verify */
        { "{" NAMES ", " PATHS ", \"verify\": {}}", { WEB ".verify: ", "where the service listens" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost\"}}",
          { WEB ".verify.connect: ", "nothing to connect to" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"::1:443\"}}",
          { WEB ".verify.connect: ", "nothing to connect to" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost:70000\"}}",
          { WEB ".verify.connect: ", "nothing" } },
        { "{" NAMES ", " PATHS
          ", \"verify\": {\"connect\": \"localhost:443\", \"server_name\": \"192.0.2.1\"}}",
          { WEB ".verify.server_name: ", "no host's name" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost:25\", \"starttls\": \"pop3\"}}",
          { WEB ".verify.starttls: ", "postgresql" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost:25\", \"timeout\": \"2h\"}}",
          { WEB ".verify.timeout: ", "10 minutes" } },
        /* issuer */
        { "{\"common_name\": \"a.example\", " PATHS "}", { WEB ": ", "no issuer", "defaults" } },
        { "{\"common_name\": \"a.example\", \"issuer\": \"stie\", " PATHS "}",
          { WEB ".issuer: ", "Did you mean \"site\"?" } },
};

static void test_every_wrong_certificate_is_refused_with_place_and_hint(Host *h, const void *data)
{
        for (size_t i = 0; i < G_N_ELEMENTS(wrongs); i++) {
                g_test_message("%s", wrongs[i].object);
                write_certificate(h, wrongs[i].object);
                assert_one_problem(h, wrongs[i].told);
        }
}

static void test_all_problems_are_told_at_once_in_their_order(Host *h, const void *data)
{
        static const char *const paths[] = { "certificates.a.renew_befor", "certificates.a.sans[0]",
                                             "certificates.a.permissions", "certificates.b.issuer",
                                             "certificates.b.units[0]",    "bundles.x.from[0]" };

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, " ISSUERS ",\n\"certificates\": {\n"
                   "\"a\": {\"renew_befor\": 1,\n\"issuer\": \"site\", \"sans\": [\"*\"],\n\"permissions\": "
                   "\"0666\", " PATHS "},\n"
                   "\"b\": {\"issuer\": \"nobody\",\n\"common_name\": \"b.example\", \"units\": [\"x\"], "
                   "\"combined_path\": \"/etc/tls/b\"}},\n"
                   "\"bundles\": {\"x\": {\"from\": [\"stie\"], \"path\": \"/etc/tls/ca.pem\"}}}");
        g_assert_false(load(h));
        g_assert_cmpuint(h->problems->len, ==, G_N_ELEMENTS(paths));
        for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
                const ManifestProblem *p = h->problems->pdata[i];

                g_assert_cmpstr(p->path, ==, paths[i]);
                g_assert_cmpstr(p->file, ==, CERT_MANIFEST_FILE);
                g_assert_cmpuint(p->line, ==, i + 3);
        }
        g_assert_nonnull(strstr(h->error->message, "6 problems"));
}

static void test_problems_carry_nothing_unprintable(Host *h, const void *data)
{
        write_certificate(h, "{" NAMES ", " PATHS ", \"\\u001b[31m\\u0007\": 1}");
        assert_refused(h, "the key \"\\u001b[31m\\u0007\" is unknown");
}

static void test_a_flood_of_problems_is_counted_not_kept(Host *h, const void *data)
{
        g_autoptr(GString) text = g_string_new("{\"version\": 1, \"certificates\": {");

        for (unsigned i = 0; i < 3000; i++)
                g_string_append_printf(text, "%s\"c%u\": 0", i ? "," : "", i);
        g_string_append(text, "}}");
        write_text(h, CERT_MANIFEST_FILE, text->str);
        g_assert_false(load(h));
        g_assert_cmpuint(h->problems->len, ==, 1000);
        g_assert_nonnull(strstr(h->error->message, "3000 problems"));
}

static void test_names_are_safe_as_files_and_instances(Host *h, const void *data)
{
        static const char *const bad[] = {
                "",          ".web",
                "-web",      "a/b",
                "a b",       "..",
                "w\xc3\xa4", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        };
        static const char *const good[] = {
                "web", "9", "a.b-c_d@e", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf(
                        "{\"version\": 1, " ISSUERS ", \"certificates\": {\"%s\": {" NAMES ", " PATHS "}}}",
                        bad[i]);

                write_text(h, CERT_MANIFEST_FILE, text);
                assert_refused(h, "cannot be the name of a certificate");
        }
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *text = g_strdup_printf(
                        "{\"version\": 1, " ISSUERS ", \"certificates\": {\"%s\": {" NAMES ", " PATHS "}}}",
                        good[i]);

                write_text(h, CERT_MANIFEST_FILE, text);
                assert_loads(h);
                g_assert_nonnull(manifest_find(h->manifest, good[i]));
        }
}

static void test_issuers_and_defaults_are_checked(Host *h, const void *data)
{
        static const Wrong cases[] = {
                { "\"issuers\": {\"x\": {}}", { "issuers.x: ", "no type", "local" } },
                { "\"issuers\": {\"x\": {\"type\": \"loacl\"}}",
                  { "issuers.x.type: ", "Did you mean \"local\"?" } },
                { "\"issuers\": {\"x\": {\"type\": \"../../bin/sh\"}}",
                  { "issuers.x.type: ", "no issuer program" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"subjcet\": \"CN=x\"}}",
                  { "issuers.x.subjcet: ", "\"subject\"" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"subject\": \"x\"}}",
                  { "issuers.x.subject: ", "RFC 4514" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"lifetime\": \"x\"}}",
                  { "issuers.x.lifetime: ", "span" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"key\": {\"type\": \"dsa\"}}}",
                  { "issuers.x.key.type: ", "type of key" } },
                { "\"issuers\": {\"a/b\": {\"type\": \"local\"}}", { "name of an issuer" } },
                { "\"environment\": \"production\", \"issuers\": {\"x\": {\"type\": \"local\", "
                  "\"environment\": \"test\"}}",
                  { "issuers.x.environment: ", "\"test\", the manifest of \"production\"" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"environment\": \"test\"}}",
                  { "issuers.x.environment: ", "of none" } },
                { ISSUERS ", \"defaults\": {\"issuer\": \"stie\"}",
                  { "defaults.issuer: ", "Did you mean \"site\"?" } },
                { "\"defaults\": {\"cert_path\": \"/etc/x\"}",
                  { "defaults.cert_path: ", "cannot have a default" } },
                { "\"defaults\": {\"key\": {\"uri\": \"pkcs11:a=b\"}}",
                  { "defaults.key.uri: ", "every certificate's" } },
                { "\"defaults\": {\"ownr\": \"root\"}", { "defaults.ownr: ", "Did you mean \"owner\"?" } },
                { "\"certificate\": {}", { "certificate: ", "Did you mean \"certificates\"?" } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = g_strdup_printf("{\"version\": 1, %s}", cases[i].object);

                write_text(h, CERT_MANIFEST_FILE, text);
                assert_one_problem(h, cases[i].told);
        }
}

/* ---- Places ---- */

static void test_two_certificates_never_write_to_one_place(Host *h, const void *data)
{
        write_certificate(h, "{" NAMES ", " PATHS "}");
        make_folder(h, "/etc/real", 0755);
        link_to(h, "real", "/etc/alias");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/a.json",
                   "{\"certificates\": {\"b\": {" NAMES ", \"combined_path\": \"/etc/tls/web.key\"}}}");
        assert_refused(h, "a.json:1: certificates.b.combined_path",
                       "\"web\" writes to \"/etc/tls/web.key\" already");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/a.json",
                   "{\"certificates\": {\"b\": {" NAMES ", \"directory\": \"/etc/tls\"}}}");
        load(h);
        g_assert_cmpuint(h->problems->len, ==, 2);
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/a.json",
                   "{\"certificates\": {\"b\": {" NAMES ", \"combined_path\": \"/etc/real/x\"}, "
                   "\"c\": {" NAMES ", \"combined_path\": \"/etc/alias/x\"}}}");
        assert_refused(h, "certificates.c.combined_path", "\"b\" writes to \"/etc/alias/x\" already");
}

static void test_a_folder_that_others_write_is_no_place(Host *h, const void *data)
{
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/srv/a/b/web.pem\"}");
        assert_loads(h); /* what is not there yet is for the install to say */
        make_folder(h, "/srv/a/b", 0755);
        assert_loads(h);
        make_folder(h, "/srv/a/b", 0777);
        assert_refused(h, WEB ".combined_path", "every user can write in the folder /srv/a/b ",
                       "chmod o-w /srv/a/b");
        make_folder(h, "/srv/a/b", 01777);
        assert_refused(h, WEB ".combined_path", "every user can write in the folder /srv/a/b ");
        make_folder(h, "/srv/a/b", 0755);
        make_folder(h, "/srv/a", 0777);
        assert_refused(h, WEB ".combined_path", "every user can write in the folder /srv/a ");
        make_folder(h, "/srv/a", 01777);
        assert_loads(h); /* sticky: nobody else can move b away */
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/srv/a/missing/web.pem\"}");
        assert_refused(h, WEB ".combined_path", "every user can write in the folder /srv/a ");
}

static void test_what_is_on_the_way_must_be_a_folder(Host *h, const void *data)
{
        write_text(h, "/etc/file", "x");
        link_to(h, "loop", "/etc/loop");
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/etc/file/web.pem\"}");
        assert_refused(h, WEB ".combined_path", "/etc/file, on the way to");
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/etc/loop/web.pem\"}");
        assert_refused(h, WEB ".combined_path", "circle");
}

static void test_another_user_s_folder_or_link_is_no_place(Host *h, const void *data)
{
        g_autofree char *folder = at_root(h, "/srv/bob"), *link = at_root(h, "/srv/link");

        make_folder(h, "/srv/bob/tls", 0755);
        link_to(h, "../etc/tls", "/srv/link");
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/srv/bob/tls/web.pem\"}");
        assert_loads(h);
        if (chown(folder, BOB, BOB) < 0) {
                g_test_skip("only root can give folders away");
                return;
        }
        assert_refused(h, WEB ".combined_path", "the user 54321 owns the folder /srv/bob ",
                       "chown root /srv/bob");
        write_certificate(h,
                          "{" NAMES ", \"owner\": \"54321:0\", \"combined_path\": \"/srv/bob/tls/web.pem\"}");
        assert_loads(h); /* his own file */
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/srv/link/web.pem\"}");
        assert_loads(h);
        g_assert_cmpint(lchown(link, BOB, BOB), ==, 0);
        assert_refused(h, WEB ".combined_path", "the user 54321 owns the link /srv/link ", "chown -h root");
        make_folder(h, "/etc/tls/sub", 0755);
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/srv/link/sub/web.pem\"}");
        assert_refused(h, WEB ".combined_path", "the user 54321 owns the link /srv/link ");
        link_to(h, "/srv/link", "/etc/chain");
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/etc/chain/missing/web.pem\"}");
        assert_refused(h, WEB ".combined_path", "the user 54321 owns the link /srv/link ");
        g_assert_cmpint(unlink(link), ==, 0);
        link_to(h, "bob/tls", "/srv/link");
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/srv/link/web.pem\"}");
        assert_refused(h, WEB ".combined_path", "the user 54321 owns the folder /srv/bob ");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (!TEST_ROOT) {
                g_print("1..0 # SKIP needs a build with -Dtest-root=true\n");
                return 0;
        }
        add("every-wrong-certificate-is-refused-with-place-and-hint",
            test_every_wrong_certificate_is_refused_with_place_and_hint);
        add("all-problems-are-told-at-once-in-their-order",
            test_all_problems_are_told_at_once_in_their_order);
        add("problems-carry-nothing-unprintable", test_problems_carry_nothing_unprintable);
        add("a-flood-of-problems-is-counted-not-kept", test_a_flood_of_problems_is_counted_not_kept);
        add("names-are-safe-as-files-and-instances", test_names_are_safe_as_files_and_instances);
        add("issuers-and-defaults-are-checked", test_issuers_and_defaults_are_checked);
        add("two-certificates-never-write-to-one-place", test_two_certificates_never_write_to_one_place);
        add("a-folder-that-others-write-is-no-place", test_a_folder_that_others_write_is_no_place);
        add("what-is-on-the-way-must-be-a-folder", test_what_is_on_the_way_must_be_a_folder);
        add("another-user-s-folder-or-link-is-no-place", test_another_user_s_folder_or_link_is_no_place);
        return g_test_run();
}
