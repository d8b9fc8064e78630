/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manifest: what is read from it, and that everything that is wrong with one is found, with its place and
 * what to do. Each test has a root folder of its own. */

#include "agent/manifest-read.h"
#include "agent/manifest.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOB 54321 /* a user who is neither root nor we */

typedef struct Host {
        char *root;
        Manifest *manifest;
        GPtrArray *problems;
        GError *error;
} Host;

static char *at_root(const Host *h, const char *path)
{
        return g_strconcat(h->root, path, NULL);
}

static void make_folder(const Host *h, const char *path, mode_t mode)
{
        g_autofree char *opened = at_root(h, path);

        g_assert_cmpint(g_mkdir_with_parents(opened, 0755), ==, 0);
        g_assert_cmpint(chmod(opened, mode), ==, 0);
}

static void write_bytes(const Host *h, const char *path, const char *bytes, size_t size)
{
        g_autofree char *opened = at_root(h, path), *folder = g_path_get_dirname(opened);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_file_set_contents_full(opened, bytes, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error);
        g_assert_no_error(error);
}

static void write_text(const Host *h, const char *path, const char *text)
{
        write_bytes(h, path, text, strlen(text));
}

static void link_to(const Host *h, const char *target, const char *path)
{
        g_autofree char *opened = at_root(h, path);

        g_assert_cmpint(symlink(target, opened), ==, 0);
}

static void host_set_up(Host *h, const void *data)
{
        h->root = g_dir_make_tmp("cert-agent-manifest-XXXXXX", NULL);
        g_assert_cmpint(chmod(h->root, 0755), ==, 0);
        g_setenv(CERT_ENV_TEST_ROOT, h->root, TRUE);
        make_folder(h, "/etc/tls", 0755);
}

static void host_forget(Host *h)
{
        h->manifest = manifest_free(h->manifest);
        g_clear_pointer(&h->problems, g_ptr_array_unref);
        g_clear_error(&h->error);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
        return remove(path);
}

static void host_tear_down(Host *h, const void *data)
{
        host_forget(h);
        nftw(h->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        g_free(h->root);
}

static bool load(Host *h)
{
        bool ok;

        host_forget(h);
        ok = manifest_load(&h->manifest, &h->problems, &h->error);
        g_assert_nonnull(h->problems);
        g_assert_cmpint(ok, ==, h->manifest != NULL);
        g_assert_cmpint(ok, ==, h->problems->len == 0);
        if (!ok)
                g_assert_error(h->error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
        return ok;
}

static void assert_loads(Host *h)
{
        bool ok = load(h);

        for (unsigned i = 0; i < h->problems->len; i++) {
                g_autofree char *text = manifest_problem_to_string(h->problems->pdata[i]);

                g_test_message("%s", text);
        }
        g_assert_no_error(h->error);
        g_assert_true(ok);
}

/* Exactly one problem, and all of `texts` in how it is told. */
static void assert_one_problem(Host *h, const char *const *texts)
{
        g_autofree char *text = NULL;

        g_assert_false(load(h));
        for (unsigned i = 0; i < h->problems->len; i++) {
                g_autofree char *told = manifest_problem_to_string(h->problems->pdata[i]);

                g_test_message("%s", told);
        }
        g_assert_cmpuint(h->problems->len, ==, 1);
        text = manifest_problem_to_string(h->problems->pdata[0]);
        for (; *texts; texts++)
                if (!strstr(text, *texts))
                        g_error("\"%s\" is not in: %s", *texts, text);
}

#define assert_refused(h, ...) assert_one_problem(h, (const char *const[]){ __VA_ARGS__, NULL })

#define NAMES   "\"issuer\": \"site\", \"common_name\": \"www.example.org\""
#define PATHS   "\"cert_path\": \"/etc/tls/web.pem\", \"key_path\": \"/etc/tls/web.key\""
#define ISSUERS "\"issuers\": {\"site\": {\"type\": \"local\"}}"

/* A manifest whose one certificate, "web", is the given object. */
static void write_certificate(const Host *h, const char *object)
{
        g_autofree char *text = g_strdup_printf("{\"version\": 1,\n" ISSUERS ",\n\"certificates\": {\"web\": %s}}", object);

        write_text(h, CERT_MANIFEST_FILE, text);
}

static const ManifestCertificate *web(const Host *h)
{
        const ManifestCertificate *c = manifest_find(h->manifest, "web");

        g_assert_nonnull(c);
        return c;
}

/* ---- What is read ---- */

static void test_all_keys_are_read(Host *h, const void *data)
{
        static const char *const sans[] = { "email:a@b.example", "ip:192.0.2.1", "uri:spiffe://example.org/web",
                                            "www.example.org", NULL };
        const ManifestCertificate *c;
        const UnitRef *unit;

        write_certificate(h, "{\"issuer\": \"site\", \"common_name\": \"www.example.org\",\n"
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
                   "{\"version\": 1, " ISSUERS ", \"defaults\": {\"issuer\": \"site\", \"keep\": 9, \"renew_before\": \"20%\", "
                   "\"key\": {\"type\": \"ed25519\", \"rotation\": \"reuse\"}, \"permissions\": {\"key\": \"0640\"}, "
                   "\"units\": [\"nginx.service\"]}}");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/10-a.json",
                   "{\"defaults\": {\"keep\": 8}, \"certificates\": {\"web\": {\"common_name\": \"www.example.org\", " PATHS
                   ", \"key\": {\"type\": \"rsa-2048\"}, \"permissions\": {\"cert\": \"0444\"}, \"units\": []}}}");
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
        write_certificate(h, "{\"issuer\": \"site\", \"common_name\": \"192.0.2.7\", \"sans\": [], " PATHS "}");
        assert_loads(h);
        g_assert_cmpstr(web(h)->san_texts[0], ==, "ip:192.0.2.7");
        write_certificate(h, "{\"issuer\": \"site\", \"common_name\": \"alice\", \"usage\": [\"client\"], " PATHS "}");
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
                g_autofree char *object = g_strdup_printf("{\"issuer\": \"site\", %s, \"sans\": [\"a.example\"], " PATHS "}",
                                                          members[i]);
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
        g_autofree char *program = at_root(h, CERT_PROGRAM_DIR "/cert-issuer-step");

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"x\": {\"type\": \"step\", \"url\": \"https://ca\"}}}");
        assert_refused(h, "issuers.x.type", "no issuer program", "cert-issuer-step");
        write_text(h, CERT_PROGRAM_DIR "/cert-issuer-step", "");
        g_assert_cmpint(chmod(program, 0755), ==, 0);
        assert_loads(h);
}

static void test_what_a_request_depends_on_is_its_digest(Host *h, const void *data)
{
        g_autofree char *first = NULL, *moved = NULL, *renamed = NULL;

        write_certificate(h, "{" NAMES ", " PATHS "}");
        assert_loads(h);
        first = manifest_certificate_request_digest(web(h));
        write_certificate(h, "{" NAMES ", \"combined_path\": \"/etc/tls/all.pem\", \"units\": [\"a.service\"]}");
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
        write_text(h, CERT_MANIFEST_FILE, "{\"version\": 1, " ISSUERS ", \"defaults\": {\"issuer\": \"site\"}}");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/a.json",
                   "{\"certificates\": {\"vendor-a\": {\"common_name\": \"a.example\", \"combined_path\": \"/etc/tls/a\"}}}");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/b.json",
                   "{\"certificates\": {\"vendor-b\": {\"common_name\": \"b.example\", \"combined_path\": \"/etc/tls/b\"}}}");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/c.json", "not even JSON");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/d.json", "not even JSON");
        write_text(h, CERT_MANIFEST_VENDOR_DIR "/README", "no drop-in");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/.hidden.json", "no drop-in");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/b.json",
                   "{\"certificates\": {\"own-b\": {\"common_name\": \"b.example\", \"combined_path\": \"/etc/tls/b\"}}}");
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
        assert_refused(h, CERT_MANIFEST_DROPIN_DIR "/b.json:1: certificates.web", CERT_MANIFEST_FILE " has", "mask");
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
        g_autofree char *open = g_strnfill(10000, '['), *text = g_strconcat("{\"version\": 1, \"defaults\":\n", open, NULL);

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
        g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC);
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

/* ---- What is wrong with a certificate ---- */

typedef struct Wrong {
        const char *object;
        const char *told[4];
} Wrong;

#define WEB "certificates.web"

static const Wrong wrongs[] = {
        { "[]", { WEB ": ", "an object is expected here, not a list" } },
        { "{" NAMES ", " PATHS ", \"renew_befor\": \"1h\"}", { WEB ".renew_befor: ", "unknown", "Did you mean \"renew_before\"?" } },
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
        { "{" NAMES ", " PATHS ", \"renew_before\": \"2h\", \"lifetime\": \"1h\"}", { WEB ".renew_before: ", "never stop", "33%" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": \"1h\", \"lifetime\": \"1h\"}", { WEB ".renew_before: ", "never stop" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": \"100%\"}", { WEB ".renew_before: ", "1% to 99%" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": \"0%\"}", { WEB ".renew_before: ", "1% to 99%" } },
        { "{" NAMES ", " PATHS ", \"renew_before\": 33}", { WEB ".renew_before: ", "not a number" } },
        { "{" NAMES ", " PATHS ", \"usage\": []}", { WEB ".usage: ", "no use" } },
        { "{" NAMES ", " PATHS ", \"usage\": [\"code\"]}", { WEB ".usage[0]: ", "no usage", "\"client\"" } },
        { "{" NAMES ", " PATHS ", \"key\": \"rsa-2048\"}", { WEB ".key: ", "object is expected", "type" } },
        { "{" NAMES ", " PATHS ", \"key\": {\"type\": \"rsa-1024\"}}", { WEB ".key.type: ", "no type of key", "rsa-" } },
        { "{" NAMES ", " PATHS ", \"key\": {\"rotation\": \"never\"}}", { WEB ".key.rotation: ", "no rotation" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/c\", \"key\": {\"uri\": \"file:x\"}}", { WEB ".key.uri: ", "RFC 7512" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/c\", \"key\": {\"uri\": \"pkcs11:token=a\", \"rotation\": \"always\"}}",
          { WEB ".key: ", "not made anew" } },
        { "{" NAMES ", " PATHS ", \"key\": {\"uri\": \"pkcs11:token=a\"}}", { WEB ".key_path: ", "token" } },
        /* names */
        { "{\"issuer\": \"site\", " PATHS "}", { WEB ": ", "no name" } },
        { "{\"issuer\": \"site\", \"common_name\": \"Web 1\", " PATHS "}", { WEB ": ", "its common name is none" } },
        { "{\"issuer\": \"site\", \"usage\": [\"client\"], " PATHS "}", { WEB ": ", "names nobody" } },
        { "{\"issuer\": \"site\", \"common_name\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", " PATHS "}",
          { WEB ".common_name: ", "65 characters", "64" } },
        { "{\"issuer\": \"site\", \"common_name\": \"\", " PATHS "}", { WEB ".common_name: ", "empty" } },
        { "{\"issuer\": \"site\", \"common_name\": \"a\\nb\", " PATHS "}", { WEB ".common_name: ", "control" } },
        { "{" NAMES ", \"subject\": \"CN=x.example\", " PATHS "}", { WEB ".common_name: ", "exclude" } },
        { "{\"issuer\": \"site\", \"subject\": \"www\", " PATHS "}", { WEB ".subject: ", "RFC 4514" } },
        { "{\"issuer\": \"site\", \"subject\": \"CN=x.example,C=DEU\", " PATHS "}", { WEB ".subject: ", "country" } },
        { "{\"issuer\": \"site\", \"subject\": \"CN=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", " PATHS "}",
          { WEB ".subject: ", "65 characters" } },
        { "{" NAMES ", " PATHS ", \"sans\": \"a.example\"}", { WEB ".sans: ", "a list is expected" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"a.example\", \"b example\"]}", { WEB ".sans[1]: ", "no DNS name" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"ip:300.1.1.1\"]}", { WEB ".sans[0]: ", "no IP address" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"*.org\"]}", { WEB ".sans[0]: ", "wildcard", "*.example.org" } },
        { "{" NAMES ", " PATHS ", \"sans\": [\"a.*.example.org\"]}", { WEB ".sans[0]: ", "wildcard" } },
        { "{" NAMES ", " PATHS ", \"sans\": [7]}", { WEB ".sans[0]: ", "not a number", "double quotes" } },
        /* places */
        { "{" NAMES "}", { WEB ": ", "where the certificate goes" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/c\"}", { WEB ": ", "where the key goes" } },
        { "{" NAMES ", \"cert_path\": \"tls/c\", \"key_path\": \"/etc/tls/k\"}", { WEB ".cert_path: ", "not absolute" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/../c\", \"key_path\": \"/etc/tls/k\"}", { WEB ".cert_path: ", "\"..\"" } },
        { "{" NAMES ", \"cert_path\": \"/etc/./c\", \"key_path\": \"/etc/tls/k\"}", { WEB ".cert_path: ", "\".\"" } },
        { "{" NAMES ", \"cert_path\": \"/etc//c\", \"key_path\": \"/etc/tls/k\"}", { WEB ".cert_path: ", "slash" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/\", \"key_path\": \"/etc/tls/k\"}", { WEB ".cert_path: ", "slash" } },
        { "{" NAMES ", \"cert_path\": \"/etc/t\\nls\", \"key_path\": \"/etc/tls/k\"}", { WEB ".cert_path: ", "control" } },
        { "{" NAMES ", \"cert_path\": \"/proc/c\", \"key_path\": \"/etc/tls/k\"}", { WEB ".cert_path: ", "no place" } },
        { "{" NAMES ", \"cert_path\": \"/etc/cert-agent/manifest.d/a.json\", \"key_path\": \"/etc/tls/k\"}",
          { WEB ".cert_path: ", "no place" } },
        { "{" NAMES ", \"cert_path\": \"/etc/tls/x\", \"key_path\": \"/etc/tls/x\"}", { WEB ".key_path: ", "already" } },
        { "{" NAMES ", \"directory\": \"/etc/tls/web\", \"ca_path\": \"/etc/ca.pem\"}", { WEB ".ca_path: ", "exclude" } },
        /* owner and permissions */
        { "{" NAMES ", " PATHS ", \"owner\": \"no-such-user:root\"}", { WEB ".owner: ", "no user \"no-such-user\"" } },
        { "{" NAMES ", " PATHS ", \"owner\": \"root:no-such-group\"}", { WEB ".owner: ", "no group \"no-such-group\"" } },
        { "{" NAMES ", " PATHS ", \"owner\": {\"key\": \":no-such-group\"}}", { WEB ".owner.key: ", "no group" } },
        { "{" NAMES ", " PATHS ", \"owner\": \"a:b:c\"}", { WEB ".owner: ", "no owner" } },
        { "{" NAMES ", " PATHS ", \"owner\": 0}", { WEB ".owner: ", "a string is expected" } },
        { "{" NAMES ", " PATHS ", \"permissions\": \"0644\"}", { WEB ".permissions: ", "all users could use the key", "group" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"key\": \"0604\"}}", { WEB ".permissions.key: ", "all users" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"key\": \"0660\"}}", { WEB ".permissions.key: ", "written by others" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"key\": \"0040\"}}", { WEB ".permissions.key: ", "owner could not read" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"0666\"}}", { WEB ".permissions.cert: ", "written by others" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"0755\"}}", { WEB ".permissions.cert: ", "executed" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"rw-r--r--\"}}", { WEB ".permissions.cert: ", "octal" } },
        { "{" NAMES ", " PATHS ", \"permissions\": {\"cert\": \"4644\"}}", { WEB ".permissions.cert: ", "octal" } },
        { "{" NAMES ", " PATHS ", \"permissions\": 640}", { WEB ".permissions: ", "not a number", "\"0640\"" } },
        /* units */
        { "{" NAMES ", " PATHS ", \"units\": \"nginx.service\"}", { WEB ".units: ", "a list is expected" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"nginx\"]}", { WEB ".units[0]: ", "unit type", "nginx.service" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"nginx.servise\"]}", { WEB ".units[0]: ", "unit type" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"a b.service\"]}", { WEB ".units[0]: ", "no name of a unit" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"../a.service\"]}", { WEB ".units[0]: ", "no name of a unit" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"db@.service\"]}", { WEB ".units[0]: ", "template" } },
        { "{" NAMES ", " PATHS ", \"units\": [\"a.service\", \"a.service\"]}", { WEB ".units[1]: ", "twice" } },
        { "{" NAMES ", " PATHS ", \"units\": [{\"action\": \"reload\"}]}", { WEB ".units[0]: ", "names no unit" } },
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
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost\"}}", { WEB ".verify.connect: ", "nothing to connect to" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"::1:443\"}}", { WEB ".verify.connect: ", "nothing to connect to" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost:70000\"}}", { WEB ".verify.connect: ", "nothing" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost:443\", \"server_name\": \"192.0.2.1\"}}",
          { WEB ".verify.server_name: ", "no host's name" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost:25\", \"starttls\": \"pop3\"}}",
          { WEB ".verify.starttls: ", "postgresql" } },
        { "{" NAMES ", " PATHS ", \"verify\": {\"connect\": \"localhost:25\", \"timeout\": \"2h\"}}",
          { WEB ".verify.timeout: ", "10 minutes" } },
        /* issuer */
        { "{\"common_name\": \"a.example\", " PATHS "}", { WEB ": ", "no issuer", "defaults" } },
        { "{\"common_name\": \"a.example\", \"issuer\": \"stie\", " PATHS "}", { WEB ".issuer: ", "Did you mean \"site\"?" } },
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
                                             "certificates.b.units[0]", "bundles.x" };

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, " ISSUERS ",\n\"certificates\": {\n"
                   "\"a\": {\"renew_befor\": 1,\n\"issuer\": \"site\", \"sans\": [\"*\"],\n\"permissions\": \"0666\", " PATHS "},\n"
                   "\"b\": {\"issuer\": \"nobody\",\n\"common_name\": \"b.example\", \"units\": [\"x\"], "
                   "\"combined_path\": \"/etc/tls/b\"}},\n"
                   "\"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/tls/ca.pem\"}}}");
        g_assert_false(load(h));
        g_assert_cmpuint(h->problems->len, ==, G_N_ELEMENTS(paths));
        for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
                const ManifestProblem *p = h->problems->pdata[i];

                g_assert_cmpstr(p->path, ==, paths[i]);
                g_assert_cmpstr(p->file, ==, CERT_MANIFEST_FILE);
                g_assert_cmpuint(p->line, ==, i + 3);
        }
        g_assert_nonnull(strstr(h->error->message, "6 problems"));
        g_assert_nonnull(strstr(((ManifestProblem *) h->problems->pdata[5])->message, "not supported by this version"));
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
        static const char *const bad[] = { "", ".web", "-web", "a/b", "a b", "..", "w\xc3\xa4",
                                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
        static const char *const good[] = { "web", "9", "a.b-c_d@e",
                                            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("{\"version\": 1, " ISSUERS ", \"certificates\": {\"%s\": {" NAMES
                                                        ", " PATHS "}}}",
                                                        bad[i]);

                write_text(h, CERT_MANIFEST_FILE, text);
                assert_refused(h, "cannot be the name of a certificate");
        }
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *text = g_strdup_printf("{\"version\": 1, " ISSUERS ", \"certificates\": {\"%s\": {" NAMES
                                                        ", " PATHS "}}}",
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
                { "\"issuers\": {\"x\": {\"type\": \"loacl\"}}", { "issuers.x.type: ", "Did you mean \"local\"?" } },
                { "\"issuers\": {\"x\": {\"type\": \"../../bin/sh\"}}", { "issuers.x.type: ", "no issuer program" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"subjcet\": \"CN=x\"}}", { "issuers.x.subjcet: ", "\"subject\"" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"subject\": \"x\"}}", { "issuers.x.subject: ", "RFC 4514" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"lifetime\": \"x\"}}", { "issuers.x.lifetime: ", "span" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"key\": {\"type\": \"dsa\"}}}", { "issuers.x.key.type: ", "type of key" } },
                { "\"issuers\": {\"a/b\": {\"type\": \"local\"}}", { "name of an issuer" } },
                { "\"environment\": \"production\", \"issuers\": {\"x\": {\"type\": \"local\", \"environment\": \"test\"}}",
                  { "issuers.x.environment: ", "\"test\", the manifest of \"production\"" } },
                { "\"issuers\": {\"x\": {\"type\": \"local\", \"environment\": \"test\"}}", { "issuers.x.environment: ", "of none" } },
                { ISSUERS ", \"defaults\": {\"issuer\": \"stie\"}", { "defaults.issuer: ", "Did you mean \"site\"?" } },
                { "\"defaults\": {\"cert_path\": \"/etc/x\"}", { "defaults.cert_path: ", "cannot have a default" } },
                { "\"defaults\": {\"key\": {\"uri\": \"pkcs11:a=b\"}}", { "defaults.key.uri: ", "every certificate's" } },
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
        assert_refused(h, "a.json:1: certificates.b.combined_path", "\"web\" writes to \"/etc/tls/web.key\" already");
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
        assert_refused(h, WEB ".combined_path", "every user can write in the folder /srv/a/b ", "chmod o-w /srv/a/b");
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
        assert_refused(h, WEB ".combined_path", "the user 54321 owns the folder /srv/bob ", "chown root /srv/bob");
        write_certificate(h, "{" NAMES ", \"owner\": \"54321:0\", \"combined_path\": \"/srv/bob/tls/web.pem\"}");
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

/* ---- The schema ---- */

/* Each key that the schema knows is one that the checker knows, and the other way round. */
static void test_the_schema_knows_the_same_keys(Host *h, const void *data)
{
        g_autofree char *file = g_build_filename(g_getenv("G_TEST_SRCDIR"), "../../agent/manifest.schema.json", NULL);
        g_autoptr(JsonDocument) d = NULL;
        const JsonValue *properties;
        size_t n = 0, members = 0;
        const ManifestField *fields = manifest_certificate_fields(&n);
        char *text;
        gsize size;

        g_assert_true(g_file_get_contents(file, &text, &size, NULL));
        d = json_document_new(text, size);
        g_assert_cmpuint(json_document_faults(d)->len, ==, 0);
        properties = json_value_member(json_value_member(json_document_root(d), "$defs"), "certificate");
        properties = json_value_member(properties, "properties");
        g_assert_nonnull(properties);
        for (size_t i = 0; i < n; i++)
                if (!json_value_member(properties, fields[i].key))
                        g_error("the schema lacks \"%s\"", fields[i].key);
        for (const JsonValue *v = properties->first; v; v = v->next)
                members++;
        g_assert_cmpuint(members, ==, n);
}

typedef void (*Test)(Host *h, const void *data);

static void add(const char *name, Test test)
{
        g_autofree char *path = g_strconcat("/manifest/", name, NULL);

        g_test_add(path, Host, NULL, host_set_up, test, host_tear_down);
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
        add("the-common-name-becomes-a-server-s-only-name", test_the_common_name_becomes_a_server_s_only_name);
        add("a-subject-compares-equal-with-what-a-certificate-says",
            test_a_subject_compares_equal_with_what_a_certificate_says);
        add("an-issuer-s-object-is-handed-on-as-given", test_an_issuer_s_object_is_handed_on_as_given);
        add("a-type-whose-program-is-installed-is-known", test_a_type_whose_program_is_installed_is_known);
        add("what-a-request-depends-on-is-its-digest", test_what_a_request_depends_on_is_its_digest);
        add("drop-ins-add-and-etc-masks-the-vendor", test_drop_ins_add_and_etc_masks_the_vendor);
        add("no-manifest-at-all-names-certctl-init", test_no_manifest_at_all_names_certctl_init);
        add("one-name-in-two-files-names-both", test_one_name_in_two_files_names_both);
        add("the-digest-is-of-all-files", test_the_digest_is_of_all_files);
        add("text-that-is-no-json-is-refused-with-its-line", test_text_that_is_no_json_is_refused_with_its_line);
        add("ten-thousand-levels-are-refused", test_ten_thousand_levels_are_refused);
        add("fifty-megabytes-are-refused-unread", test_fifty_megabytes_are_refused_unread);
        add("what-is-no-file-does-not-block", test_what_is_no_file_does_not_block);
        add("a-file-that-others-write-is-refused", test_a_file_that_others_write_is_refused);
        add("one-file-is-checked-as-if-it-were-the-whole", test_one_file_is_checked_as_if_it_were_the_whole);
        add("every-wrong-certificate-is-refused-with-place-and-hint",
            test_every_wrong_certificate_is_refused_with_place_and_hint);
        add("all-problems-are-told-at-once-in-their-order", test_all_problems_are_told_at_once_in_their_order);
        add("problems-carry-nothing-unprintable", test_problems_carry_nothing_unprintable);
        add("a-flood-of-problems-is-counted-not-kept", test_a_flood_of_problems_is_counted_not_kept);
        add("names-are-safe-as-files-and-instances", test_names_are_safe_as_files_and_instances);
        add("issuers-and-defaults-are-checked", test_issuers_and_defaults_are_checked);
        add("two-certificates-never-write-to-one-place", test_two_certificates_never_write_to_one_place);
        add("a-folder-that-others-write-is-no-place", test_a_folder_that_others_write_is_no_place);
        add("what-is-on-the-way-must-be-a-folder", test_what_is_on_the_way_must_be_a_folder);
        add("another-user-s-folder-or-link-is-no-place", test_another_user_s_folder_or_link_is_no_place);
        add("the-schema-knows-the-same-keys", test_the_schema_knows_the_same_keys);
        return g_test_run();
}
