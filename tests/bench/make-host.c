/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* make-host: fills a test root with N certificates as an agent that ran for a while would leave them: a manifest,
 * certificate and key files, records, and the local authority that signed them all. `--unissued` makes the manifest alone, so that everything is due.
 *
 * All share one key: the benchmarks read and compare keys, they do not make them here. The key files are files of
 * their own. */

#include "agent/authority-facts.h"
#include "agent/manifest.h"
#include "agent/record.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART 20000 /* certificates in one file: a manifest's file may have 16 MiB */
#define SAVED_AT_ONCE 2000
#define YEAR_SECONDS 31557600

static const char *arg_root;
static unsigned arg_count;
static bool arg_unissued;

static void fail(const char *what, const GError *error)
{
        fprintf(stderr, "make-host: %s: %s\n", what, error ? error->message : g_strerror(errno));
        exit(EXIT_FAILURE);
}

static void write_file(const char *path, const void *data, size_t size, mode_t mode)
{
        g_autofree char *file = fixture_path(arg_root, path);
        FILE *f = fopen(file, "we");

        if (!f || fwrite(data, 1, size, f) != size || fchmod(fileno(f), mode) < 0 || fclose(f) != 0)
                fail(path, NULL);
}

static void append_certificate(GString *s, unsigned i, bool last)
{
        g_string_append_printf(s,
                               "  \"host-%06u\": { \"sans\": [\"host-%06u.example\", \"www.host-%06u.example\"],\n"
                               "    \"cert_path\": \"/etc/tls/host-%06u.pem\", \"key_path\": \"/etc/tls/host-%06u.key\"%s }%s\n",
                               i, i, i, i, i, arg_unissued ? "" : ", \"units\": [\"nginx.service\"]", last ? "" : ",");
}

/* The first file says the defaults and issuers, every further one is a drop-in. */
static void write_manifest(void)
{
        for (unsigned from = 0, part = 0; from < arg_count || part == 0; from += PART, part++) {
                unsigned to = MIN(from + PART, arg_count);
                g_autoptr(GString) s = g_string_new("{ \"version\": 1,\n");
                g_autofree char *path = part == 0 ? g_strdup(CERT_MANIFEST_FILE)
                                                  : g_strdup_printf(CERT_MANIFEST_DROPIN_DIR "/%03u.json", part);

                if (part == 0)
                        g_string_append(s, " \"defaults\": { \"issuer\": \"site\" },\n"
                                           " \"issuers\": { \"site\": { \"type\": \"local\" } },\n");
                g_string_append(s, " \"certificates\": {\n");
                for (unsigned i = from; i < to; i++)
                        append_certificate(s, i, i + 1 == to);
                g_string_append(s, "} }\n");
                write_file(path, s->str, s->len, 0644);
        }
}

static Manifest *load_manifest(void)
{
        g_autoptr(GPtrArray) problems = NULL;
        g_autoptr(GError) error = NULL;
        Manifest *m = NULL;

        if (!manifest_load(&m, &problems, &error))
                fail("the manifest", error);
        if (m->certificates->len != arg_count) {
                fprintf(stderr, "make-host: the manifest has %u certificates\n", m->certificates->len);
                exit(EXIT_FAILURE);
        }
        return m;
}

static char *pem_of(GBytes *der, size_t *ret_size)
{
        gnutls_datum_t in = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) }, out;
        char *pem;

        if (gnutls_pem_base64_encode2("CERTIFICATE", &in, &out) < 0)
                exit(EXIT_FAILURE);
        pem = g_strndup((char *) out.data, out.size);
        *ret_size = out.size;
        gnutls_free(out.data);
        return pem;
}

/* What the authority said of itself last. */
static void save_facts(const FixtureAuthority *ca)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        const AuthorityRole role = AUTHORITY_ROLE_CURRENT;
        g_autoptr(AuthorityFacts) facts = NULL;
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(ders, ca->der);
        facts = authority_facts_new(false, ders, &role, NULL, &error);
        if (!facts)
                fail("the authority", error);
        authority_facts_save(facts, "site");
}

/* As its process keeps it (issuers/local/part.h). Gives the certificate's fingerprint; caller owns. */
static char *write_authority(const FixtureAuthority *ca)
{
        const char *folder = CERT_AUTHORITY_DIR "/site";
        g_autofree char *certificate = g_strconcat(folder, "/ca.pem", NULL), *key = g_strconcat(folder, "/ca.key", NULL);
        g_autofree char *pem = NULL;
        gnutls_datum_t text;
        size_t size;

        fixture_make_folder(arg_root, folder, 0700);
        pem = pem_of(ca->der, &size);
        write_file(certificate, pem, size, 0644);
        if (gnutls_x509_privkey_export2_pkcs8(ca->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &text) < 0)
                exit(EXIT_FAILURE);
        write_file(key, text.data, text.size, 0600);
        gnutls_free(text.data);
        save_facts(ca);
        return g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, ca->der);
}

/* Writes the pair; returns the record of its having been issued. */
static Record *issue(const FixtureAuthority *ca, const char *authority, const ManifestCertificate *c, GBytes *key)
{
        time_t now = time(NULL);
        g_autoptr(GBytes) der = fixture_authority_sign(ca, c, key, now - 86400, now + YEAR_SECONDS);
        Record *r = record_new(c->name);
        g_autofree char *pem = NULL;
        size_t size;

        pem = pem_of(der, &size);
        write_file(c->path[MANAGED_FILE_CERT], pem, size, c->cert_attributes.mode);
        write_file(c->path[MANAGED_FILE_KEY], g_bytes_get_data(key, NULL), g_bytes_get_size(key), c->key_attributes.mode);
        r->issuer = g_strdup(c->issuer);
        r->authority = g_strdup(authority);
        r->request_digest = g_strdup(c->request_digest);
        r->fingerprint = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
        r->taken = g_strdup(r->fingerprint);
        r->last_renewal = now_realtime();
        record_add_event(r, r->last_renewal, "renewed", REASON_BIT(REASON_MISSING_CERT), "01", NULL);
        return r;
}

static void save(GPtrArray *records)
{
        g_autoptr(GError) error = NULL;

        if (!record_save_many((Record *const *) records->pdata, records->len, &error))
                fail("the records", error);
        g_ptr_array_set_size(records, 0);
}

static void destroy_record(gpointer r)
{
        record_free(r);
}

static void issue_all(const Manifest *m)
{
        g_autoptr(FixtureAuthority) ca = fixture_authority_new();
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        g_autofree char *authority = write_authority(ca);
        g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(destroy_record);

        for (unsigned i = 0; i < m->certificates->len; i++) {
                g_ptr_array_add(records, issue(ca, authority, g_ptr_array_index(m->certificates, i), key));
                if (records->len == SAVED_AT_ONCE)
                        save(records);
        }
        if (records->len > 0)
                save(records);
}

int main(int argc, char **argv)
{
        g_autoptr(Manifest) m = NULL;

        arg_unissued = argc == 4 && g_str_equal(argv[1], "--unissued");
        if (argc != 3 + arg_unissued) {
                fprintf(stderr, "make-host [--unissued] ROOT COUNT\n");
                return 2;
        }
        arg_root = argv[1 + arg_unissued];
        arg_count = (unsigned) strtoul(argv[2 + arg_unissued], NULL, 10);
        g_setenv(CERT_ENV_TEST_ROOT, arg_root, TRUE);
        fixture_make_folder(arg_root, "/", 0755);
        fixture_make_folder(arg_root, CERT_MANIFEST_DROPIN_DIR, 0755);
        fixture_make_folder(arg_root, CERT_STATE_DIR, 0700);
        fixture_make_folder(arg_root, CERT_AUTHORITY_DIR, 0700);
        fixture_make_folder(arg_root, CERT_PROGRAM_DIR, 0755);
        fixture_make_folder(arg_root, CERT_SOCKET_ISSUER_DIR, 0755);
        fixture_make_folder(arg_root, "/etc/tls", 0755);
        write_manifest();
        if (arg_unissued)
                return EXIT_SUCCESS;
        m = load_manifest();
        issue_all(m);
        return EXIT_SUCCESS;
}
