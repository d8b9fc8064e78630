/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the tests of several nouns need: a test root, a certificate of a manifest, a CA that signs. */

#include "tests/unit/fixture.h"

#include "agent/csr.h"
#include "agent/roots.h"
#include "common/names.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define YEAR_2020   1577836800
#define YEAR_2120   4733510400
#define SERIAL_SIZE 16

/* ---- The test root ---- */

char *fixture_root_new(void)
{
#if !TEST_ROOT
        g_error("This build was made for a real host, and the test would write to it: set it up with -Dtest-root=true");
#endif
        char *root = g_dir_make_tmp("cert-agent-test-XXXXXX", NULL);

        g_assert_nonnull(root);
        g_assert_cmpint(g_chmod(root, 0755), ==, 0);
        g_setenv(CERT_ENV_TEST_ROOT, root, TRUE);
        fixture_make_folder(root, CERT_STATE_DIR, 0700);
        return root;
}

char *fixture_root_free(char *root)
{
        const char *argv[] = { "rm", "-rf", "--", root, NULL };

        if (!root)
                return NULL;
        g_unsetenv(CERT_ENV_TEST_ROOT);
        g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
        g_free(root);
        return NULL;
}

char *fixture_path(const char *root, const char *path)
{
        return g_strconcat(root, path, NULL);
}

void fixture_make_folder(const char *root, const char *path, mode_t mode)
{
        g_autofree char *folder = fixture_path(root, path);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_assert_cmpint(g_chmod(folder, mode), ==, 0);
}

/* ---- A certificate of a manifest ---- */

static void san_destroy(gpointer p)
{
        san_free(p);
}

void fixture_certificate_set_sans(ManifestCertificate *c, const char *const *texts)
{
        g_ptr_array_set_size(c->sans, 0);
        g_strfreev(c->san_texts);
        c->san_texts = g_strdupv((char **) texts);
        for (size_t i = 0; texts[i]; i++) {
                g_autoptr(GError) error = NULL;
                San *san = san_parse(texts[i], &error);

                g_assert_no_error(error);
                g_ptr_array_add(c->sans, san);
        }
}

ManifestCertificate *fixture_certificate_new(const char *name)
{
        ManifestCertificate *c = g_new0(ManifestCertificate, 1);
        g_autofree char *host = g_strconcat(name, ".example", NULL);
        const char *sans[] = { host, NULL };

        c->name = g_strdup(name);
        c->issuer = g_strdup("site");
        c->common_name = g_strdup(host);
        c->subject = g_strconcat("CN=", host, NULL);
        c->sans = g_ptr_array_new_with_free_func(san_destroy);
        fixture_certificate_set_sans(c, sans);
        c->usage = USAGE_SERVER;
        c->key_type = KEY_TYPE_ECDSA_P256;
        c->path[MANAGED_FILE_CERT] = g_strdup_printf("/etc/tls/%s.pem", name);
        c->path[MANAGED_FILE_KEY] = g_strdup_printf("/etc/tls/%s.key", name);
        c->cert_attributes = (FileAttributes){ geteuid(), getegid(), 0644 };
        c->key_attributes = (FileAttributes){ geteuid(), getegid(), 0640 };
        c->renew_before = (RenewBefore){ .is_percent = true, .percent = 33 };
        c->units = g_ptr_array_new();
        c->keep = 3;
        c->request_digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, host, -1);
        return c;
}

ManifestCertificate *fixture_certificate_free(ManifestCertificate *c)
{
        if (!c)
                return NULL;
        g_free(c->name);
        g_free(c->issuer);
        g_free(c->common_name);
        g_free(c->subject);
        g_ptr_array_unref(c->sans);
        g_strfreev(c->san_texts);
        g_free(c->key_uri);
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                g_free(c->path[f]);
        g_free(c->directory);
        g_strfreev(c->from);
        g_ptr_array_unref(c->units);
        g_free(c->request_digest);
        g_free(c);
        return NULL;
}

ManifestCertificate *fixture_bundle_new(const char *name)
{
        ManifestCertificate *c = g_new0(ManifestCertificate, 1);
        const char *from[] = { "site", NULL };

        c->kind = MANIFEST_KIND_BUNDLE;
        c->name = g_strconcat(MANIFEST_BUNDLE_PREFIX, name, NULL);
        c->from = g_strdupv((char **) from);
        c->sans = g_ptr_array_new_with_free_func(san_destroy);
        c->path[MANAGED_FILE_CA] = g_strdup_printf("/etc/tls/%s.pem", name);
        c->cert_attributes = (FileAttributes){ geteuid(), getegid(), 0644 };
        c->units = g_ptr_array_new();
        c->keep = 3;
        return c;
}

/* ---- A CA ---- */

static gnutls_x509_privkey_t key_new_of_type(KeyType type)
{
        gnutls_x509_privkey_t key;

        g_assert_cmpint(gnutls_x509_privkey_init(&key), ==, 0);
        g_assert_cmpint(gnutls_x509_privkey_generate(key, key_type_algorithm(type), key_type_bits(type), 0),
                        ==, 0);
        return key;
}

static GBytes *bytes_take_datum(gnutls_datum_t *d)
{
        GBytes *bytes = g_bytes_new(d->data, d->size);

        gnutls_free(d->data);
        return bytes;
}

static void set_random_serial(gnutls_x509_crt_t crt)
{
        uint8_t serial[SERIAL_SIZE];

        g_assert_cmpint(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial), ==, 0);
        serial[0] &= 0x7f; /* positive: RFC 5280, 4.1.2.2 */
        serial[0] |= 0x40;
        g_assert_cmpint(gnutls_x509_crt_set_serial(crt, serial, sizeof serial), ==, 0);
}

static gnutls_x509_crt_t certificate_new(const char *common_name, gnutls_x509_privkey_t key,
                                         time_t not_before, time_t not_after)
{
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_version(crt, 3), ==, 0);
        set_random_serial(crt);
        if (common_name)
                g_assert_cmpint(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
                                                              common_name, (unsigned) strlen(common_name)),
                                ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_activation_time(crt, not_before), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_expiration_time(crt, not_after), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_key(crt, key), ==, 0);
        return crt;
}

static FixtureAuthority *authority_new(time_t not_before, time_t not_after, bool key_ids)
{
        FixtureAuthority *a = g_new0(FixtureAuthority, 1);
        uint8_t id[64];
        size_t size = sizeof id;
        gnutls_datum_t der;

        a->key = key_new_of_type(KEY_TYPE_ECDSA_P256);
        a->crt = certificate_new("Test Authority", a->key, not_before, not_after);
        g_assert_cmpint(gnutls_x509_crt_set_basic_constraints(a->crt, 1, -1), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_key_usage(a->crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN),
                        ==, 0);
        if (key_ids) {
                g_assert_cmpint(gnutls_x509_privkey_get_key_id(a->key, 0, id, &size), ==, 0);
                g_assert_cmpint(gnutls_x509_crt_set_subject_key_id(a->crt, id, size), ==, 0);
        }
        g_assert_cmpint(gnutls_x509_crt_sign2(a->crt, a->crt, a->key, GNUTLS_DIG_SHA256, 0), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(a->crt, GNUTLS_X509_FMT_DER, &der), ==, 0);
        a->der = bytes_take_datum(&der);
        return a;
}

FixtureAuthority *fixture_authority_new(void)
{
        return authority_new(YEAR_2020, YEAR_2120, false);
}

FixtureAuthority *fixture_authority_new_between(time_t not_before, time_t not_after)
{
        return authority_new(not_before, not_after, true);
}

FixtureAuthority *fixture_authority_free(FixtureAuthority *a)
{
        if (!a)
                return NULL;
        gnutls_x509_privkey_deinit(a->key);
        gnutls_x509_crt_deinit(a->crt);
        g_bytes_unref(a->der);
        g_free(a);
        return NULL;
}

GBytes *fixture_key_new(KeyType type)
{
        gnutls_x509_privkey_t key = key_new_of_type(type);
        gnutls_datum_t pem;

        g_assert_cmpint(
                gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem),
                ==, 0);
        gnutls_x509_privkey_deinit(key);
        return bytes_take_datum(&pem);
}

static void set_usage(gnutls_x509_crt_t crt, unsigned usage)
{
        if (usage & USAGE_SERVER)
                g_assert_cmpint(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0), ==, 0);
        if (usage & USAGE_CLIENT)
                g_assert_cmpint(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), ==, 0);
}

GBytes *fixture_authority_sign(const FixtureAuthority *a, const ManifestCertificate *c, GBytes *key_pem,
                               time_t not_before, time_t not_after)
{
        gnutls_datum_t pem = { .size = (unsigned) g_bytes_get_size(key_pem) }, der;
        uint8_t id[64];
        size_t id_size = sizeof id;
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;

        pem.data = (unsigned char *) g_bytes_get_data(key_pem, NULL);
        g_assert_cmpint(gnutls_x509_privkey_init(&key), ==, 0);
        g_assert_cmpint(gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN),
                        ==, 0);
        crt = certificate_new(c->common_name, key, not_before, not_after);
        for (unsigned i = 0; i < c->sans->len; i++) {
                g_autoptr(GError) error = NULL;

                g_assert_true(san_add_to_certificate(g_ptr_array_index(c->sans, i), crt, &error));
                g_assert_no_error(error);
        }
        set_usage(crt, c->usage);
        if (gnutls_x509_crt_get_subject_key_id(a->crt, id, &id_size, NULL) >= 0)
                g_assert_cmpint(gnutls_x509_crt_set_authority_key_id(crt, id, id_size), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_sign2(crt, a->crt, a->key, GNUTLS_DIG_SHA256, 0), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), ==, 0);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
        return bytes_take_datum(&der);
}

GBytes *fixture_authority_crl(const FixtureAuthority *a, time_t next_update)
{
        gnutls_x509_crl_t crl;
        gnutls_datum_t pem;

        g_assert_cmpint(gnutls_x509_crl_init(&crl), ==, 0);
        g_assert_cmpint(gnutls_x509_crl_set_version(crl, 2), ==, 0);
        g_assert_cmpint(gnutls_x509_crl_set_this_update(crl, YEAR_2020), ==, 0);
        g_assert_cmpint(gnutls_x509_crl_set_next_update(crl, next_update), ==, 0);
        g_assert_cmpint(gnutls_x509_crl_sign2(crl, a->crt, a->key, GNUTLS_DIG_SHA256, 0), ==, 0);
        g_assert_cmpint(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem), ==, 0);
        gnutls_x509_crl_deinit(crl);
        return bytes_take_datum(&pem);
}

static void bytes_destroy(gpointer p)
{
        g_bytes_unref(p);
}

Generation *fixture_bundle_generation_new(unsigned n)
{
        g_autoptr(GPtrArray) roots = g_ptr_array_new_with_free_func(bytes_destroy);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) pem = NULL;
        Generation *g;

        for (unsigned i = 0; i < n; i++) {
                g_autoptr(FixtureAuthority) a = fixture_authority_new();

                g_ptr_array_add(roots, g_bytes_ref(a->der));
        }
        pem = roots_to_pem(roots, &error);
        g_assert_no_error(error);
        g = generation_new_content(pem, &error);
        g_assert_no_error(error);
        return g;
}

Generation *fixture_generation_new(const FixtureAuthority *a, const ManifestCertificate *c)
{
        time_t now = (time_t) (g_get_real_time() / G_USEC_PER_SEC);
        g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func(bytes_destroy);
        g_autoptr(GPtrArray) roots = g_ptr_array_new_with_free_func(bytes_destroy);
        g_autoptr(GBytes) key = fixture_key_new(c->key_type);
        g_autoptr(GError) error = NULL;
        Generation *g;

        g_ptr_array_add(chain, fixture_authority_sign(a, c, key, now - 3600, now + 90 * 86400));
        g_ptr_array_add(roots, g_bytes_ref(a->der));
        g = generation_new(key, chain, roots, &error);
        g_assert_no_error(error);
        return g;
}

Generation *fixture_request_generation_new(GBytes *key_pem)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GError) error = NULL;
        g_autoptr(Key) key = key_new_from_pem(key_pem, &error);
        g_autoptr(GBytes) request = key ? csr_new(c, key, &error) : NULL;
        Generation *g = request ? generation_new_request(key_pem, request, &error) : NULL;

        g_assert_no_error(error);
        return g;
}

/* ---- What is installed ---- */

bool fixture_is_root(void)
{
        if (geteuid() == 0)
                return true;
        if (g_getenv("CI"))
                g_test_fail_printf("not root: this was NOT tested");
        else
                g_test_skip("not root: this was NOT tested");
        return false;
}

void fixture_assert_file(const char *root, const char *path, GBytes *content, const FileAttributes *a)
{
        g_autofree char *file = fixture_path(root, path);
        g_autofree char *present = NULL;
        gsize size;
        struct stat st;

        g_assert_cmpint(lstat(file, &st), ==, 0);
        g_assert_true(S_ISREG(st.st_mode));
        g_assert_cmpuint(st.st_uid, ==, a->uid);
        g_assert_cmpuint(st.st_gid, ==, a->gid);
        g_assert_cmpuint(st.st_mode & 07777, ==, a->mode);
        g_assert_true(g_file_get_contents(file, &present, &size, NULL));
        g_assert_cmpmem(present, size, g_bytes_get_data(content, NULL), g_bytes_get_size(content));
}

void fixture_assert_installed(const char *root, const ManifestCertificate *c, const Generation *g)
{
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++) {
                g_autoptr(GBytes) content = c->path[f] ? generation_file(g, f) : NULL;

                if (content)
                        fixture_assert_file(root, c->path[f], content, manifest_certificate_attributes(c, f));
        }
}

void fixture_assert_reasons(ReasonSet got, ReasonSet wanted)
{
        g_autofree char *a = reason_set_to_string(got), *b = reason_set_to_string(wanted);

        g_assert_cmpstr(a, ==, b);
}

unsigned fixture_count_staged(const char *root, const char *path)
{
        g_autofree char *folder = fixture_path(root, path);
        GDir *dir = g_dir_open(folder, 0, NULL);
        unsigned n = 0;

        g_assert_nonnull(dir);
        for (const char *name; (name = g_dir_read_name(dir));)
                n += name[0] == '.' && g_str_has_suffix(name, ".cert-agent");
        g_dir_close(dir);
        return n;
}

unsigned fixture_count_opened(int inotify)
{
        union {
                struct inotify_event event;
                char bytes[4096];
        } buffer;
        ssize_t n = read(inotify, buffer.bytes, sizeof(buffer.bytes));

        g_assert_true(n > 0 || errno == EAGAIN);
        return n > 0 ? (unsigned) ((size_t) n / sizeof(struct inotify_event)) : 0;
}
