/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuers of the type "step" in the manifest: what is read of them, that everything that is wrong with them
 * is found, and what they mean for their certificates' keys. */

#include "tests/unit/manifest-host.h"

#define FINGERPRINT "c8de28e620ec4367f734a0c405d92d7350dbec351cec3e4f6a6d1fc9512387aa"
#define URL         "\"url\": \"https://ca.example.org:9000\""
#define ROOT        "\"root_fingerprint\": \"" FINGERPRINT "\""
#define PROVISIONER "\"provisioner\": \"admin\""
#define PASSWORD    "\"password_file\": \"/etc/cert-agent/step.password\""
#define WITHOUT     URL ", " ROOT ", " PROVISIONER /* an account */
#define COMPLETE    WITHOUT ", " PASSWORD

/* One issuer "site" of these members, and more at the top. */
static void write_step(const Host *h, const char *members, const char *top)
{
        g_autofree char *text = g_strdup_printf(
                "{\"version\": 1,\n\"issuers\": {\"site\": {\"type\": \"step\", %s}}%s}", members, top);

        install_step(h);
        write_text(h, CERT_MANIFEST_FILE, text);
}

/* A complete one with one more member. */
static void write_more(const Host *h, const char *member)
{
        g_autofree char *members = g_strdup_printf(COMPLETE ",\n%s", member);

        write_step(h, members, "");
}

static const ManifestIssuer *site(const Host *h)
{
        const ManifestIssuer *issuer = manifest_find_issuer(h->manifest, "site");

        g_assert_nonnull(issuer);
        return issuer;
}

/* ---- What is read ---- */

static void test_all_keys_are_read(Host *h, const void *data)
{
        write_step(h,
                   "\"timeout\": \"20s\", \"url\": [\"https://ca.example.org:9000\", "
                   "\"https://[2001:db8::1]/ca/\", "
                   "\"https://192.0.2.1\", \"https://ca_2.example.org\"], "
                   "\"root\": \"/etc/cert-agent/root.pem\", " PROVISIONER
                   ", \"password_credential\": \"step.key-password\", \"x5c_cert_file\": \"/etc/host.pem\", "
                   "\"x5c_key_file\": \"/etc/host.key\", \"renewal\": \"rekey\", "
                   "\"certificate_lifetime\": \"5min\", \"connections\": 64",
                   "");
        assert_loads(h);
        g_assert_cmpstr(site(h)->type, ==, "step");
        g_assert_null(site(h)->authority);
        g_assert_cmpstr(site(h)->account.password_credential, ==, "step.key-password");
        g_assert_null(site(h)->account.password_file);
        g_assert_cmpstr(site(h)->account.certificate_file, ==, "/etc/host.pem");
        g_assert_cmpstr(site(h)->account.key_file, ==, "/etc/host.key");
        g_assert_cmpint(site(h)->renewal, ==, RENEWAL_REKEY);
        g_assert_cmpuint(site(h)->connections, ==, 64);
}

static void test_what_is_not_said_has_its_default(Host *h, const void *data)
{
        write_step(h, COMPLETE, "");
        assert_loads(h);
        g_assert_cmpstr(site(h)->account.password_file, ==, "/etc/cert-agent/step.password");
        g_assert_null(site(h)->account.password_credential);
        g_assert_null(site(h)->account.key_file);
        g_assert_null(site(h)->account.certificate_file);
        g_assert_cmpint(site(h)->renewal, ==, RENEWAL_SIGN);
        g_assert_cmpuint(site(h)->connections, ==, 0);
}

static void test_connections_are_no_key_of_ours_in_other_types(Host *h, const void *data)
{
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"x\": {\"type\": \"fake\", \"connections\": \"odd\"}}}");
        assert_loads(h);
        g_assert_cmpuint(manifest_find_issuer(h->manifest, "x")->connections, ==, 0);
}

static void test_fingerprints_are_taken_as_programs_print_them(Host *h, const void *data)
{
        write_step(
                h,
                URL
                ", " PROVISIONER ", " PASSWORD ", \"root_fingerprint\": [\"" FINGERPRINT "\", "
                "\"C8:DE:28:E6:20:EC:43:67:F7:34:A0:C4:05:D9:2D:73:50:DB:EC:35:1C:EC:3E:4F:6A:6D:1F:C9:51:23:"
                "87:AB\"]",
                "");
        assert_loads(h);
}

static void test_each_way_to_open_the_account_s_key_is_enough(Host *h, const void *data)
{
        static const char *const ways[] = {
                PASSWORD,
                "\"password_credential\": \"step\"",
                "\"x5c_cert_file\": \"/etc/a.pem\", \"x5c_key_file\": \"/etc/a.key\"",
                ("\"x5c_cert_file\": \"/etc/a.pem\", \"x5c_key_file\": \"/etc/a.key\", " PASSWORD),
        };

        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                g_autofree char *members = g_strdup_printf(WITHOUT ", %s", ways[i]);

                write_step(h, members, "");
                assert_loads(h);
        }
}

/* The folder above it cannot even be looked into, as with a share that is gone. */
static void test_files_that_are_not_there_are_no_problem(Host *h, const void *data)
{
        make_folder(h, "/mnt", 0777);
        write_step(h,
                   URL ", " PROVISIONER
                       ", \"root\": \"/mnt/gone/root.pem\", \"password_file\": \"/mnt/gone/password\", "
                       "\"x5c_cert_file\": \"/mnt/gone/x.pem\", \"x5c_key_file\": \"/mnt/gone/x.key\"",
                   "");
        assert_loads(h);
}

/* ---- What is wrong ---- */

typedef struct Case {
        const char *members;
        const char *path, *message, *hint;
} Case;

static void assert_cases(Host *h, const Case *cases, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                write_step(h, cases[i].members, "");
                assert_refused(h, CERT_MANIFEST_FILE ":", cases[i].path, cases[i].message, cases[i].hint);
        }
}

static void test_what_is_missing_is_said(Host *h, const void *data)
{
        static const Case cases[] = {
                { ROOT ", " PROVISIONER ", " PASSWORD, "issuers.site: ", "where the CA is", "\"url\"" },
                { URL ", " PROVISIONER ", " PASSWORD, "issuers.site: ", "by which root",
                  "\"root_fingerprint\"" },
                { URL ", " ROOT ", " PASSWORD, "issuers.site: ", "by which provisioner", "\"provisioner\"" },
                { WITHOUT, "issuers.site: ", "what opens the provisioner's key", "\"password_file\"" },
                { WITHOUT ", \"x5c_cert_file\": \"/etc/a.pem\"", "issuers.site.x5c_cert_file",
                  "without x5c_key_file", "Add" },
                { COMPLETE ", \"x5c_key_file\": \"/etc/a.key\"", "issuers.site.x5c_key_file",
                  "without x5c_cert_file", "Add" },
        };

        assert_cases(h, cases, G_N_ELEMENTS(cases));
}

static void test_what_excludes_each_other_is_refused(Host *h, const void *data)
{
        static const Case cases[] = {
                { COMPLETE ", \"root\": \"/etc/root.pem\"", "issuers.site.root", "exclude each other",
                  "Remove one" },
                { COMPLETE ", \"password_credential\": \"x\"", "issuers.site.password_credential",
                  "exclude each other", "Remove one" },
        };

        assert_cases(h, cases, G_N_ELEMENTS(cases));
}

static void test_unknown_keys_are_refused_with_a_guess(Host *h, const void *data)
{
        write_more(h, "\"conections\": 4");
        assert_refused(h, "issuers.site.conections", "unknown", "connections");
        write_more(h, "\"crl_path\": \"/etc/x\"");
        assert_refused(h, "issuers.site.crl_path", "unknown");
}

static void test_a_password_in_the_manifest_is_refused_and_not_repeated(Host *h, const void *data)
{
        static const char *const members[] = { WITHOUT ", \"password\": \"s3cret\"",
                                               COMPLETE ", \"password\": \"s3cret\"" };

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                g_autofree char *text = NULL;

                write_step(h, members[i], "");
                assert_refused(h, "issuers.site.password", "does not belong in the manifest",
                               "\"password_file\"");
                text = manifest_problem_to_string(h->problems->pdata[0]);
                g_assert_null(strstr(text, "s3cret"));
                g_assert_null(strstr(h->error->message, "s3cret"));
        }
}

static void test_urls_are_https_with_a_host_and_nothing_else(Host *h, const void *data)
{
        static const struct {
                const char *url, *message, *hint;
        } cases[] = {
                { "http://ca.example.org", "is not https", "https://" },
                { "ca.example.org:9000", "", "https://" },
                { "ca.example.org", "cannot be read", "https://ca.example.org" },
                { "https:ca.example.org", "has no host", "https://ca.example.org" },
                { "https:///1.0", "has no host", "https://ca.example.org" },
                { "https://:9000", "has no host", "https://ca.example.org" },
                { "https://admin:s3cret@ca.example.org", "names a user", "before the @" },
                { "https://admin@ca.example.org", "names a user", "before the @" },
                { "https://ca.example.org/?token=s3cret", "has a query", "End it" },
                { "https://ca.example.org/#top", "has a fragment", "End it" },
                { "https://ca.example.org:0", "has the port 0", "https://" },
                { "https://ca.example.org:70000", "cannot be read", "https://" },
                { "https://ca.example.org:port", "cannot be read", "https://" },
                { "https://ca..example.org", "neither a name nor an address", "xn--" },
                { "https://-ca.example.org", "neither a name nor an address", "xn--" },
                { "https://c%61.example.org%2f", "neither a name nor an address", "xn--" },
                { "https://2001:db8::1", "", "" },
                { "https://c\\u00e4.example.org", "has a character that no URL has", "" },
                { "https://ca.example.org /", "has a character that no URL has", "" },
                { "https://ca.example.org\\\\@evil.example", "has a character that no URL has", "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *members = g_strdup_printf(
                        ROOT ", " PROVISIONER ", " PASSWORD ", \"url\": \"%s\"", cases[i].url);
                g_autofree char *text = NULL;

                g_test_message("%s", cases[i].url);
                write_step(h, members, "");
                assert_refused(h, "issuers.site.url", cases[i].message, cases[i].hint);
                text = manifest_problem_to_string(h->problems->pdata[0]);
                g_assert_null(strstr(text, "s3cret"));
        }
}

static void test_lists_are_of_one_to_eight_different_ones(Host *h, const void *data)
{
        write_step(h, ROOT ", " PROVISIONER ", " PASSWORD ", \"url\": []", "");
        assert_refused(h, "issuers.site.url", "an empty list");
        write_step(h,
                   ROOT ", " PROVISIONER ", " PASSWORD
                        ", \"url\": [\"https://a\", \"https://b\", \"https://a\"]",
                   "");
        assert_refused(h, "issuers.site.url[2]", "already");
        write_step(h, ROOT ", " PROVISIONER ", " PASSWORD ", \"url\": [\"https://a\", 7]", "");
        assert_refused(h, "issuers.site.url[1]", "a string is expected");
        write_step(h,
                   ROOT
                   ", " PROVISIONER ", " PASSWORD
                   ", \"url\": [\"https://1\", \"https://2\", \"https://3\", \"https://4\", \"https://5\", "
                   "\"https://6\", \"https://7\", \"https://8\", \"https://9\", \"https://10\"]",
                   "");
        assert_refused(h, "issuers.site.url[8]", "at most 8");
}

static void test_what_is_no_fingerprint_is_refused(Host *h, const void *data)
{
        static const char *const wrong[] = {
                "c8de28", /* too short */
                "a9993e364706816aba3e25717850c26c9cd0d89d",
                FINGERPRINT "00",
                "x8de28e620ec4367f734a0c405d92d7350dbec351cec3e4f6a6d1fc9512387aa",
                "C8:DE:28:E6:20:EC:43:67:F7:34:A0:C4:05:D9:2D:73:50:DB:EC:35:1C:EC:3E:4F:6A:6D:1F:C9:51:23:"
                "87",
                "C8:DE:28:E6:20:EC:43:67:F7:34:A0:C4:05:D9:2D:73:50:DB:EC:35:1C:EC:3E:4F:6A:6D:1F:C9:51:23:"
                "87:AA:",
                "C8DE:28E6:20EC:4367:F734:A0C4:05D9:2D73:50DB:EC35:1CEC:3E4F:6A6D:1FC9:5123:87AA",
                ":",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autofree char *members = g_strdup_printf(
                        URL ", " PROVISIONER ", " PASSWORD ", \"root_fingerprint\": \"%s\"", wrong[i]);

                write_step(h, members, "");
                assert_refused(h, "issuers.site.root_fingerprint", "64 hexadecimal digits", "openssl x509");
        }
}

static void test_paths_are_plain_and_not_where_everybody_writes(Host *h, const void *data)
{
        static const Case cases[] = {
                { WITHOUT ", \"password_file\": \"step.password\"", "issuers.site.password_file",
                  "is not absolute", "whole path" },
                { WITHOUT ", \"password_file\": \"/etc/../tmp/p\"", "issuers.site.password_file", "\"..\"",
                  "whole path" },
                { WITHOUT ", \"password_file\": \"/tmp/step.password\"", "issuers.site.password_file",
                  "every user can write in /tmp", CERT_CONFIG_DIR },
                { WITHOUT ", \"x5c_cert_file\": \"/etc/a.pem\", \"x5c_key_file\": \"/dev/shm/a.key\"",
                  "issuers.site.x5c_key_file", "every user can write in /dev/shm", CERT_CONFIG_DIR },
                { URL ", " PROVISIONER ", " PASSWORD ", \"root\": \"/var/tmp/root.pem\"", "issuers.site.root",
                  "every user can write in /var/tmp", CERT_CONFIG_DIR },
                { URL ", " PROVISIONER ", " PASSWORD ", \"root\": \"\"", "issuers.site.root", "empty", "" },
        };

        assert_cases(h, cases, G_N_ELEMENTS(cases));
}

static void test_other_values_are_checked(Host *h, const void *data)
{
        static const Case cases[] = {
                { COMPLETE ", \"connections\": 0", "issuers.site.connections", "from 1 to 64", "" },
                { COMPLETE ", \"connections\": 65", "issuers.site.connections", "from 1 to 64", "" },
                { COMPLETE ", \"renewal\": \"renw\"", "issuers.site.renewal", "is no way to renew",
                  "\"renew\"" },
                { COMPLETE ", \"renewal\": \"automatic\"", "issuers.site.renewal", "is no way to renew",
                  "\"rekey\"" },
                { COMPLETE ", \"certificate_lifetime\": 5", "issuers.site.certificate_lifetime",
                  "span of time", "" },
                { COMPLETE ", \"timeout\": \"0s\"", "issuers.site.timeout", "longer than nothing", "" },
                { URL ", " ROOT ", " PASSWORD ", \"provisioner\": \"a\\nb\"", "issuers.site.provisioner",
                  "control character", "" },
                { WITHOUT ", \"password_credential\": \"../x\"", "issuers.site.password_credential",
                  "name of a credential", "LoadCredential=" },
                { WITHOUT ", \"password_credential\": \"a:b\"", "issuers.site.password_credential",
                  "name of a credential", "LoadCredential=" },
        };

        assert_cases(h, cases, G_N_ELEMENTS(cases));
}

static void test_without_its_program_the_package_is_named(Host *h, const void *data)
{
        g_autofree char *program = at_root(h, CERT_PROGRAM_DIR "/cert-issuer-step");

        write_step(h, COMPLETE, "");
        g_assert_cmpint(unlink(program), ==, 0);
        assert_refused(h, "issuers.site.type", "no issuer program", "Install the package cert-issuer-step.");
}

static void test_all_problems_are_found_at_once(Host *h, const void *data)
{
        install_step(h);
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"site\": {\"type\": \"step\", \"url\": \"http://a\",\n"
                   "\"root_fingerprint\": \"aa\", \"renewal\": \"x\", \"password_file\": \"p\"}}}");
        g_assert_false(load(h));
        g_assert_cmpuint(h->problems->len, ==, 5);
}

/* ---- Keys of certificates ---- */

static void write_renewal(const Host *h, const char *renewal, const char *top, const char *key)
{
        g_autofree char *members = g_strdup_printf(COMPLETE ", \"renewal\": \"%s\"", renewal);
        g_autofree char *certificate = g_strdup_printf(
                "{\"certificates\": {\"web\": {" NAMES ", \"cert_path\": \"/etc/tls/web.pem\",\n%s}}}", key);

        write_step(h, members, top);
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/10-web.json", certificate);
}

#define KEY_PATH "\"key_path\": \"/etc/tls/web.key\""

static void test_the_renewal_decides_about_keys(Host *h, const void *data)
{
        static const char *const defaults = ", \"defaults\": {\"key\": {\"rotation\": \"%s\"}}";
        static const struct {
                const char *renewal, *rotation; /* of the defaults */
                KeyRotation wanted;
        } cases[] = {
                { "sign", "always", KEY_ROTATION_ALWAYS },  { "sign", "reuse", KEY_ROTATION_REUSE },
                { "renew", "always", KEY_ROTATION_REUSE },  { "renew", "reuse", KEY_ROTATION_REUSE },
                { "rekey", "always", KEY_ROTATION_ALWAYS }, { "rekey", "reuse", KEY_ROTATION_ALWAYS },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *top = g_strdup_printf(defaults, cases[i].rotation);

                write_renewal(h, cases[i].renewal, top, KEY_PATH);
                assert_loads(h);
                g_assert_cmpint(web(h)->key_rotation, ==, cases[i].wanted);
        }
        write_renewal(h, "renew", "", KEY_PATH);
        assert_loads(h);
        g_assert_cmpint(web(h)->key_rotation, ==, KEY_ROTATION_REUSE);
}

static void test_a_certificate_does_not_contradict_its_issuer(Host *h, const void *data)
{
        write_renewal(h, "renew", "", KEY_PATH ", \"key\": {\"rotation\": \"always\"}");
        assert_refused(h, "10-web.json:2:", "certificates.web.key.rotation", "with the same key",
                       "Remove \"rotation\"");
        write_renewal(h, "rekey", "", KEY_PATH ", \"key\": {\"rotation\": \"reuse\"}");
        assert_refused(h, "10-web.json:2:", "certificates.web.key.rotation", "with a new key",
                       "Remove \"rotation\"");
        write_renewal(h, "renew", "", KEY_PATH ", \"key\": {\"rotation\": \"reuse\"}");
        assert_loads(h);
        write_renewal(h, "rekey", "", KEY_PATH ", \"key\": {\"rotation\": \"always\"}");
        assert_loads(h);
}

static void test_a_key_in_a_token_is_renewed_but_not_made_anew(Host *h, const void *data)
{
        write_renewal(h, "renew", "", "\"key\": {\"uri\": \"pkcs11:token=t;object=web\"}");
        assert_loads(h);
        write_renewal(h, "rekey", "", "\"key\": {\"uri\": \"pkcs11:token=t;object=web\"}");
        assert_refused(h, "certificates.web.key.uri", "is not made anew", "another \"renewal\"");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (!TEST_ROOT) {
                g_print("1..0 # SKIP needs a build with -Dtest-root=true\n");
                return 0;
        }
        add("all-keys-are-read", test_all_keys_are_read);
        add("what-is-not-said-has-its-default", test_what_is_not_said_has_its_default);
        add("connections-are-no-key-of-ours-in-other-types",
            test_connections_are_no_key_of_ours_in_other_types);
        add("fingerprints-are-taken-as-programs-print-them",
            test_fingerprints_are_taken_as_programs_print_them);
        add("each-way-to-open-the-account-s-key-is-enough",
            test_each_way_to_open_the_account_s_key_is_enough);
        add("files-that-are-not-there-are-no-problem", test_files_that_are_not_there_are_no_problem);
        add("what-is-missing-is-said", test_what_is_missing_is_said);
        add("what-excludes-each-other-is-refused", test_what_excludes_each_other_is_refused);
        add("unknown-keys-are-refused-with-a-guess", test_unknown_keys_are_refused_with_a_guess);
        add("a-password-in-the-manifest-is-refused-and-not-repeated",
            test_a_password_in_the_manifest_is_refused_and_not_repeated);
        add("urls-are-https-with-a-host-and-nothing-else", test_urls_are_https_with_a_host_and_nothing_else);
        add("lists-are-of-one-to-eight-different-ones", test_lists_are_of_one_to_eight_different_ones);
        add("what-is-no-fingerprint-is-refused", test_what_is_no_fingerprint_is_refused);
        add("paths-are-plain-and-not-where-everybody-writes",
            test_paths_are_plain_and_not_where_everybody_writes);
        add("other-values-are-checked", test_other_values_are_checked);
        add("without-its-program-the-package-is-named", test_without_its_program_the_package_is_named);
        add("all-problems-are-found-at-once", test_all_problems_are_found_at_once);
        add("the-renewal-decides-about-keys", test_the_renewal_decides_about_keys);
        add("a-certificate-does-not-contradict-its-issuer",
            test_a_certificate_does_not_contradict_its_issuer);
        add("a-key-in-a-token-is-renewed-but-not-made-anew",
            test_a_key_in_a_token_is_renewed_but_not_made_anew);
        return g_test_run();
}
