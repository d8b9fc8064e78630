/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manifest: what is read from it, and from which files. */

#include "tests/unit/manifest-host.h"

/* ---- What is read ---- */

static void test_all_keys_are_read(Host *h, const void *data)
{
        static const char *const sans[] = { "email:a@b.example", "ip:192.0.2.1",
                                            "uri:spiffe://example.org/web", "www.example.org", NULL };
        const ManifestCertificate *c;
        const UnitRef *unit;

        write_certificate(
                h,
                "{\"issuer\": \"site\", \"common_name\": \"www.example.org\",\n"
                "\"sans\": [\"www.example.org\", \"ip:192.0.2.1\", \"email:a@b.example\", "
                "\"uri:spiffe://example.org/web\", \"WWW.example.org\"],\n"
                "\"cert_path\": \"/etc/tls/web.pem\", \"key_path\": \"/etc/tls/web.key\",\n"
                "\"chain_path\": \"/etc/tls/chain.pem\", \"ca_path\": \"/etc/tls/ca.pem\", "
                "\"combined_path\": \"/etc/tls/all.pem\",\n"
                "\"owner\": {\"cert\": \"root:0\", \"key\": \"0:7\"}, \"permissions\": {\"cert\": \"0444\", "
                "\"key\": \"640\"},\n"
                "\"renew_before\": \"12h\", \"lifetime\": \"2d\", \"usage\": [\"server\", \"client\"],\n"
                "\"key\": {\"type\": \"rsa-3072\", \"rotation\": \"reuse\"}, \"watch\": true, \"keep\": 7,\n"
                "\"units\": [\"postfix.service\", {\"unit\": \"nginx.service\", \"action\": \"reload\"}, "
                "{\"unit\": \"db@1.service\", \"action\": \"signal:SIGUSR2\"}],\n"
                "\"verify\": {\"connect\": \"[::1]:443\", \"server_name\": \"www.example.org\", "
                "\"starttls\": \"smtp\", \"timeout\": \"20s\", \"successes\": 5}}");
        assert_loads(h);
        c = web(h);
        g_assert_cmpstr(c->issuer, ==, "site");
        g_assert_cmpstr(c->subject, ==, "CN=www.example.org");
        g_assert_cmpstrv(c->san_texts, sans);
        g_assert_cmpuint(c->sans->len, ==, 4);
        g_assert_cmpstr(c->path[MANAGED_FILE_CHAIN], ==, "/etc/tls/chain.pem");
        g_assert_cmpstr(c->path[MANAGED_FILE_CA], ==, "/etc/tls/ca.pem");
        g_assert_cmpstr(c->path[MANAGED_FILE_COMBINED], ==, "/etc/tls/all.pem");
        g_assert_cmpint(c->cert_attributes.mode, ==, 0444);
        g_assert_cmpint(c->key_attributes.mode, ==, 0640);
        g_assert_cmpint(c->key_attributes.gid, ==, 7);
        g_assert_true(manifest_certificate_attributes(c, MANAGED_FILE_COMBINED) == &c->key_attributes);
        g_assert_false(c->renew_before.is_percent);
        g_assert_cmpuint(c->renew_before.usec, ==, 12 * USEC_PER_HOUR);
        g_assert_cmpuint(c->lifetime_usec, ==, 2 * USEC_PER_DAY);
        g_assert_cmpuint(c->usage, ==, USAGE_SERVER | USAGE_CLIENT);
        g_assert_cmpint(c->key_type, ==, KEY_TYPE_RSA_3072);
        g_assert_cmpint(c->key_rotation, ==, KEY_ROTATION_REUSE);
        g_assert_true(c->watch);
        g_assert_cmpuint(c->keep, ==, 7);
        g_assert_cmpuint(c->units->len, ==, 3);
        unit = c->units->pdata[0];
        g_assert_cmpint(unit->action, ==, UNIT_ACTION_RELOAD_OR_RESTART);
        unit = c->units->pdata[2];
        g_assert_cmpint(unit->action, ==, UNIT_ACTION_SIGNAL);
        g_assert_cmpint(unit->signal, ==, SIGUSR2);
        g_assert_cmpstr(c->verify->connect, ==, "[::1]:443");
        g_assert_cmpint(c->verify->starttls, ==, STARTTLS_SMTP);
        g_assert_cmpuint(c->verify->timeout_usec, ==, 20 * USEC_PER_SEC);
        g_assert_cmpuint(c->verify->successes, ==, 5);
}

static void test_what_is_not_said_has_the_documented_default(Host *h, const void *data)
{
        const ManifestCertificate *c;

        write_certificate(h, "{" NAMES ", " PATHS "}");
        assert_loads(h);
        c = web(h);
        g_assert_cmpstr(c->san_texts[0], ==, "www.example.org");
        g_assert_null(c->san_texts[1]);
        g_assert_cmpint(c->cert_attributes.mode, ==, 0644);
        g_assert_cmpint(c->key_attributes.mode, ==, 0600);
        g_assert_cmpint(c->key_attributes.uid, ==, 0);
        g_assert_true(c->renew_before.is_percent);
        g_assert_cmpuint(c->renew_before.percent, ==, 33);
        g_assert_cmpuint(c->lifetime_usec, ==, 0);
        g_assert_cmpuint(c->usage, ==, USAGE_SERVER);
        g_assert_cmpint(c->key_type, ==, KEY_TYPE_ECDSA_P256);
        g_assert_cmpint(c->key_rotation, ==, KEY_ROTATION_ALWAYS);
        g_assert_cmpuint(c->units->len, ==, 0);
        g_assert_null(c->verify);
        g_assert_false(c->watch);
        g_assert_cmpuint(c->keep, ==, 3);
        g_assert_cmpuint(strlen(h->manifest->digest), ==, 64);
}

static void test_defaults_apply_and_are_replaced_key_by_key(Host *h, const void *data)
{
        const ManifestCertificate *c;

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, " ISSUERS
                   ", \"defaults\": {\"issuer\": \"site\", \"keep\": 9, \"renew_before\": \"20%\", "
                   "\"key\": {\"type\": \"ed25519\", \"rotation\": \"reuse\"}, \"permissions\": {\"key\": "
                   "\"0640\"}, "
                   "\"units\": [\"nginx.service\"]}}");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/10-a.json",
                   "{\"defaults\": {\"keep\": 8}, \"certificates\": {\"web\": {\"common_name\": "
                   "\"www.example.org\", " PATHS ", \"key\": {\"type\": \"rsa-2048\"}, \"permissions\": "
                   "{\"cert\": \"0444\"}, \"units\": []}}}");
        assert_loads(h);
        c = web(h);
        g_assert_cmpuint(c->keep, ==, 8);
        g_assert_cmpuint(c->renew_before.percent, ==, 20);
        g_assert_cmpint(c->key_type, ==, KEY_TYPE_RSA_2048);
        g_assert_cmpint(c->key_rotation, ==, KEY_ROTATION_REUSE);
        g_assert_cmpint(c->key_attributes.mode, ==, 0640);
        g_assert_cmpint(c->cert_attributes.mode, ==, 0444);
        g_assert_cmpuint(c->units->len, ==, 0);
}

static void test_the_common_name_becomes_a_server_s_only_name(Host *h, const void *data)
{
        write_certificate(h,
                          "{\"issuer\": \"site\", \"common_name\": \"192.0.2.7\", \"sans\": [], " PATHS "}");
        assert_loads(h);
        g_assert_cmpstr(web(h)->san_texts[0], ==, "ip:192.0.2.7");
        write_certificate(
                h, "{\"issuer\": \"site\", \"common_name\": \"alice\", \"usage\": [\"client\"], " PATHS "}");
        assert_loads(h);
        g_assert_null(web(h)->san_texts[0]);
        write_certificate(h, "{\"issuer\": \"site\", \"subject\": \"CN=b.example,O=B\", " PATHS "}");
        assert_loads(h);
        g_assert_cmpstr(web(h)->san_texts[0], ==, "b.example");
        g_assert_cmpstr(web(h)->common_name, ==, "b.example");
        write_certificate(h, "{\"issuer\": \"site\", \"sans\": [\"a.example\"], " PATHS "}");
        assert_loads(h);
        g_assert_cmpstr(web(h)->subject, ==, "");
        g_assert_null(web(h)->common_name);
}

/* The subject as GnuTLS reads it back from a request that was made with it. */
static char *subject_read_back(const char *subject)
{
        gnutls_datum_t text = { NULL, 0 };
        gnutls_x509_crq_t crq;
        char *result;

        g_assert_cmpint(gnutls_x509_crq_init(&crq), ==, 0);
        g_assert_cmpint(gnutls_x509_crq_set_dn(crq, subject, NULL), ==, 0);
        g_assert_cmpint(gnutls_x509_crq_get_dn3(crq, &text, 0), ==, 0);
        result = g_strndup((const char *) text.data, text.size);
        gnutls_free(text.data);
        gnutls_x509_crq_deinit(crq);
        return result;
}

static void test_a_subject_compares_equal_with_what_a_certificate_says(Host *h, const void *data)
{
        static const char *const members[] = {
                "\"subject\": \"cn=a.example, o=Ex\\\\, ample,C=DE\"",
                "\"subject\": \"CN=a.example,OU=x,OU=y,O=Ä\"",
                "\"common_name\": \"Web, server; #1 \\\\ \\\"x\\\"\"",
                "\"common_name\": \" edge \"",
                "\"common_name\": \"#hash\"",
                "\"common_name\": \"Größe <1>+2=3\"",
                "\"common_name\": \"www.example.org\"",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                g_autofree char *object = g_strdup_printf(
                        "{\"issuer\": \"site\", %s, \"sans\": [\"a.example\"], " PATHS "}", members[i]);
                g_autofree char *back = NULL;

                write_certificate(h, object);
                assert_loads(h);
                back = subject_read_back(web(h)->subject);
                g_assert_cmpstr(web(h)->subject, ==, back);
        }
}

static void test_an_issuer_s_object_is_handed_on_as_given(Host *h, const void *data)
{
        const ManifestIssuer *issuer;

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"environment\": \"lab\", \"issuers\": {\"x\": {\"type\": \"fake\", "
                   "\"environment\": \"lab\",  \"n\": 1.50 }}}");
        assert_loads(h);
        issuer = manifest_find_issuer(h->manifest, "x");
        g_assert_cmpstr(issuer->type, ==, "fake");
        g_assert_cmpstr(issuer->environment, ==, "lab");
        g_assert_cmpstr(issuer->config, ==, "{\"type\": \"fake\", \"environment\": \"lab\",  \"n\": 1.50 }");
        g_assert_null(manifest_find_issuer(h->manifest, "y"));
}

static void test_a_type_whose_program_is_installed_is_known(Host *h, const void *data)
{
        g_autofree char *program = at_root(h, CERT_PROGRAM_DIR "/cert-issuer-acme");

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"x\": {\"type\": \"acme\", \"odd\": 7}}}");
        assert_refused(h, "issuers.x.type", "no issuer program", "cert-issuer-acme");
        write_text(h, CERT_PROGRAM_DIR "/cert-issuer-acme", "");
        g_assert_cmpint(chmod(program, 0755), ==, 0);
        assert_loads(h);
}

static void test_what_a_request_depends_on_is_its_digest(Host *h, const void *data)
{
        g_autofree char *first = NULL, *moved = NULL, *renamed = NULL;

        write_certificate(h, "{" NAMES ", " PATHS "}");
        assert_loads(h);
        first = manifest_certificate_request_digest(web(h));
        write_certificate(h,
                          "{" NAMES ", \"combined_path\": \"/etc/tls/all.pem\", \"units\": [\"a.service\"]}");
        assert_loads(h);
        moved = manifest_certificate_request_digest(web(h));
        write_certificate(h, "{" NAMES ", " PATHS ", \"sans\": [\"b.example\"]}");
        assert_loads(h);
        renamed = manifest_certificate_request_digest(web(h));
        g_assert_cmpstr(first, ==, moved);
        g_assert_cmpstr(first, !=, renamed);
}

/* ---- Files ---- */

static void test_drop_ins_add_and_etc_masks_the_vendor(Host *h, const void *data)
{
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, " ISSUERS ", \"defaults\": {\"issuer\": \"site\"}}");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/a.json",
                   "{\"certificates\": {\"vendor-a\": {\"common_name\": \"a.example\", \"combined_path\": "
                   "\"/etc/tls/a\"}}}");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/b.json",
                   "{\"certificates\": {\"vendor-b\": {\"common_name\": \"b.example\", \"combined_path\": "
                   "\"/etc/tls/b\"}}}");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/c.json", "not even JSON");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/d.json", "not even JSON");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/README", "no drop-in");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/.hidden.json", "no drop-in");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/b.json",
                   "{\"certificates\": {\"own-b\": {\"common_name\": \"b.example\", \"combined_path\": "
                   "\"/etc/tls/b\"}}}");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/c.json", "");
        link_to(h, "/dev/null", CERT_MANIFEST_DROPIN_DIR "/d.json");
        assert_loads(h);
        g_assert_cmpuint(h->manifest->certificates->len, ==, 2);
        g_assert_nonnull(manifest_find(h->manifest, "vendor-a"));
        g_assert_nonnull(manifest_find(h->manifest, "own-b"));
        g_assert_cmpstr(((ManifestCertificate *) h->manifest->certificates->pdata[0])->name, ==, "own-b");
}

static void test_no_manifest_at_all_names_certctl_init(Host *h, const void *data)
{
        assert_refused(h, CERT_MANIFEST_FILE, "no manifest yet", "certctl init");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/a.json", "{}");
        assert_loads(h);
        g_assert_cmpuint(h->manifest->certificates->len, ==, 0);
}

static void test_one_name_in_two_files_names_both(Host *h, const void *data)
{
        write_certificate(h, "{" NAMES ", " PATHS "}");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/b.json",
                   "{\"certificates\": {\"web\": {" NAMES ", \"combined_path\": \"/etc/tls/b\"}}}");
        assert_refused(h, CERT_MANIFEST_DROPIN_DIR "/b.json:1: certificates.web", CERT_MANIFEST_FILE " has",
                       "mask");
}

static void test_the_digest_is_of_all_files(Host *h, const void *data)
{
        g_autofree char *before = NULL;

        write_certificate(h, "{" NAMES ", " PATHS "}");
        assert_loads(h);
        before = g_strdup(h->manifest->digest);
        assert_loads(h);
        g_assert_cmpstr(before, ==, h->manifest->digest);
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/b.json", "{}");
        assert_loads(h);
        g_assert_cmpstr(before, !=, h->manifest->digest);
}

static void test_text_that_is_no_json_is_refused_with_its_line(Host *h, const void *data)
{
        write_text(h, CERT_MANIFEST_FILE, "hello");
        assert_refused(h, CERT_MANIFEST_FILE ":1: ", "'h' stands where a value should");
        write_text(h, CERT_MANIFEST_FILE, "");
        assert_refused(h, "empty");
        write_text(h, CERT_MANIFEST_FILE, "{\n\"version\": 1,\n\"certificates\": {");
        assert_refused(h, ":3: certificates: ", "ends where", "cut off");
        write_bytes(h, CERT_MANIFEST_FILE, "{\n\0}", 4);
        assert_refused(h, ":2: ", "NUL byte");
        write_text(h, CERT_MANIFEST_FILE, "{\"version\": 1, \"environment\": \"\xc3\x28\"}");
        assert_refused(h, ":1: ", "UTF-8");
        write_text(h, CERT_MANIFEST_FILE, "{\"version\": 1,\n\"certificates\": {},\n\"certificates\": {}}");
        assert_refused(h, ":3: ", "stands twice in one object, first on line 2");
        write_text(h, CERT_MANIFEST_FILE, "[]");
        assert_refused(h, "an object is expected here, not a list");
        write_text(h, CERT_MANIFEST_FILE, "{\"version\": 2}");
        assert_refused(h, "version", "only manifests of version 1");
        write_text(h, CERT_MANIFEST_FILE, "{}");
        assert_refused(h, "does not say its version", "Add");
}

static void test_ten_thousand_levels_are_refused(Host *h, const void *data)
{
        g_autofree char *open = g_strnfill(10000, '['),
                        *text = g_strconcat("{\"version\": 1, \"defaults\":\n", open, NULL);

        write_text(h, CERT_MANIFEST_FILE, text);
        assert_refused(h, ":2: ", "deeper than 64");
}

static void test_fifty_megabytes_are_refused_unread(Host *h, const void *data)
{
        g_autofree char *opened = at_root(h, CERT_MANIFEST_FILE);
        gint64 start;

        write_text(h, CERT_MANIFEST_FILE, "{}");
        g_assert_cmpint(truncate(opened, 50 * 1024 * 1024), ==, 0);
        start = g_get_monotonic_time();
        assert_refused(h, CERT_MANIFEST_FILE, "larger than 16 MiB", "drop-ins");
        g_assert_cmpint(g_get_monotonic_time() - start, <, 10 * G_USEC_PER_SEC);
}

static void test_what_is_no_file_does_not_block(Host *h, const void *data)
{
        g_autofree char *fifo = at_root(h, CERT_MANIFEST_DROPIN_DIR "/b.json");

        write_certificate(h, "{" NAMES ", " PATHS "}");
        make_folder(h, CERT_MANIFEST_DROPIN_DIR, 0755);
        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        assert_refused(h, "b.json: ", "no regular file");
        g_assert_cmpint(unlink(fifo), ==, 0);
        g_assert_cmpint(mkdir(fifo, 0755), ==, 0);
        assert_refused(h, "b.json: ", "no regular file");
        g_assert_cmpint(rmdir(fifo), ==, 0);
        g_assert_cmpint(symlink("/dev/zero", fifo), ==, 0);
        assert_refused(h, "b.json: ", "no regular file");
        g_assert_cmpint(unlink(fifo), ==, 0);
        g_assert_cmpint(symlink("b.json", fifo), ==, 0);
        assert_refused(h, "b.json: ", "cannot be opened");
}

static void test_a_file_that_others_write_is_refused(Host *h, const void *data)
{
        g_autofree char *opened = at_root(h, CERT_MANIFEST_FILE);

        write_certificate(h, "{" NAMES ", " PATHS "}");
        g_assert_cmpint(chmod(opened, 0646), ==, 0);
        assert_refused(h, CERT_MANIFEST_FILE, "every user can write", "chmod o-w");
        g_assert_cmpint(chmod(opened, 0644), ==, 0);
        if (chown(opened, BOB, BOB) < 0) {
                g_test_skip("only root can give files away");
                return;
        }
        assert_refused(h, CERT_MANIFEST_FILE, "owned by the user 54321", "chown root:root");
}

static void test_one_file_is_checked_as_if_it_were_the_whole(Host *h, const void *data)
{
        g_autofree char *file = at_root(h, "/draft.json"), *missing = at_root(h, "/none.json");

        write_text(h, CERT_MANIFEST_FILE, "broken");
        write_text(h, "/draft.json", "{\"version\": 1, \"nonsense\": 1}");
        g_assert_false(manifest_load_file(file, &h->manifest, &h->problems, &h->error));
        g_assert_cmpuint(h->problems->len, ==, 1);
        g_assert_cmpstr(((ManifestProblem *) h->problems->pdata[0])->path, ==, "nonsense");
        host_forget(h);
        g_assert_false(manifest_load_file(missing, &h->manifest, &h->problems, &h->error));
        g_assert_cmpstr(((ManifestProblem *) h->problems->pdata[0])->message, ==, "there is no such file");
        host_forget(h);
        write_text(h, "/draft.json", "{\"version\": 1}");
        g_assert_true(manifest_load_file(file, &h->manifest, &h->problems, &h->error));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (!TEST_ROOT) {
                g_print("1..0 # SKIP needs a build with -Dtest-root=true\n");
                return 0;
        }
        add("all-keys-are-read", test_all_keys_are_read);
        add("what-is-not-said-has-the-documented-default", test_what_is_not_said_has_the_documented_default);
        add("defaults-apply-and-are-replaced-key-by-key", test_defaults_apply_and_are_replaced_key_by_key);
        add("the-common-name-becomes-a-server-s-only-name",
            test_the_common_name_becomes_a_server_s_only_name);
        add("a-subject-compares-equal-with-what-a-certificate-says",
            test_a_subject_compares_equal_with_what_a_certificate_says);
        add("an-issuer-s-object-is-handed-on-as-given", test_an_issuer_s_object_is_handed_on_as_given);
        add("a-type-whose-program-is-installed-is-known", test_a_type_whose_program_is_installed_is_known);
        add("what-a-request-depends-on-is-its-digest", test_what_a_request_depends_on_is_its_digest);
        add("drop-ins-add-and-etc-masks-the-vendor", test_drop_ins_add_and_etc_masks_the_vendor);
        add("no-manifest-at-all-names-certctl-init", test_no_manifest_at_all_names_certctl_init);
        add("one-name-in-two-files-names-both", test_one_name_in_two_files_names_both);
        add("the-digest-is-of-all-files", test_the_digest_is_of_all_files);
        add("text-that-is-no-json-is-refused-with-its-line",
            test_text_that_is_no_json_is_refused_with_its_line);
        add("ten-thousand-levels-are-refused", test_ten_thousand_levels_are_refused);
        add("fifty-megabytes-are-refused-unread", test_fifty_megabytes_are_refused_unread);
        add("what-is-no-file-does-not-block", test_what_is_no_file_does_not_block);
        add("a-file-that-others-write-is-refused", test_a_file_that_others_write_is_refused);
        add("one-file-is-checked-as-if-it-were-the-whole", test_one_file_is_checked_as_if_it_were_the_whole);
        return g_test_run();
}
