/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever bytes stand in a manifest, the load ends with a whole manifest or with problems that can be told.
 */

#include "agent/manifest-read.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const GPtrArray *problems)
{
        g_assert_cmpuint(problems->len, >, 0);
        for (unsigned i = 0; i < problems->len; i++) {
                const ManifestProblem *p = problems->pdata[i];
                g_autofree char *text = manifest_problem_to_string(p);

                g_assert_true(g_utf8_validate(text, -1, NULL));
                g_assert_null(strpbrk(text, "\n\r\x1b"));
                g_assert_cmpuint(p->line, >, 0);
                g_assert_cmpuint(p->column, >, 0);
        }
}

/* What holds for all kinds. */
static void check_managed(const Manifest *m, const ManifestCertificate *c)
{
        g_autofree char *digest = manifest_certificate_request_digest(c);

        g_assert_cmpstr(digest, ==, c->request_digest);
        g_assert_true(manifest_find(m, c->name) == c);
        g_assert_nonnull(manifest_find_issuer(m, c->issuer));
        g_assert_nonnull(c->subject);
        g_assert_nonnull(c->units);
        g_assert_cmpuint(c->cert_attributes.mode & 0133, ==, 0);
        g_assert_cmpuint(c->keep, >=, 1);
}

static void check_certificate(const ManifestCertificate *c)
{
        g_assert_cmpint(c->kind, ==, MANIFEST_KIND_CERTIFICATE);
        g_assert_null(strchr(c->name, ':'));
        g_assert_null(c->from);
        g_assert_cmpuint(c->sans->len, ==, g_strv_length(c->san_texts));
        g_assert_true(c->sans->len > 0 || *c->subject);
        g_assert_true(c->directory || c->path[MANAGED_FILE_CERT] || c->path[MANAGED_FILE_COMBINED]);
        g_assert_cmpuint(c->key_attributes.mode & 0027, ==, 0);
        for (unsigned i = 1; i < c->sans->len; i++)
                g_assert_cmpstr(c->san_texts[i - 1], <, c->san_texts[i]);
}

static void check_bundle(const Manifest *m, const ManifestCertificate *c)
{
        const char *prefix = c->kind == MANIFEST_KIND_CRL ? MANIFEST_CRL_PREFIX : MANIFEST_BUNDLE_PREFIX;

        g_assert_cmpint(c->kind, !=, MANIFEST_KIND_CERTIFICATE);
        g_assert_true(g_str_has_prefix(c->name, prefix));
        g_assert_cmpstr(c->issuer, ==, c->from[0]);
        for (char **name = c->from; *name; name++)
                g_assert_nonnull(manifest_find_issuer(m, *name));
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                g_assert_cmpint(c->path[f] != NULL, ==, f == MANAGED_FILE_CA);
        g_assert_null(c->directory);
}

static void check_issuer(const ManifestIssuer *issuer)
{
        const ManifestAuthority *a = issuer->authority;

        g_assert_cmpint(a != NULL, ==, g_str_equal(issuer->type, "local"));
        if (!a)
                return;
        g_assert_null(strpbrk(issuer->name, "/@:"));
        g_assert_cmpuint(strlen(a->request_digest), ==, 64);
        g_assert_true(a->renew_before.is_percent ? a->renew_before.percent - 1 < 99
                                                 : a->renew_before.usec > 0);
}

static void check_all(const Manifest *m)
{
        GHashTableIter iter;
        void *issuer;

        g_hash_table_iter_init(&iter, m->issuers);
        while (g_hash_table_iter_next(&iter, NULL, &issuer))
                check_issuer(issuer);
        for (unsigned i = 0; i < m->certificates->len; i++) {
                check_managed(m, m->certificates->pdata[i]);
                check_certificate(m->certificates->pdata[i]);
        }
        for (unsigned i = 0; i < m->bundles->len; i++) {
                check_managed(m, m->bundles->pdata[i]);
                check_bundle(m, m->bundles->pdata[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(Manifest) m = NULL;
        g_autoptr(GPtrArray) problems = NULL;
        g_autoptr(GError) error = NULL;

        if (!manifest_load_text("/etc/cert-agent/manifest.json", g_memdup2(data, size), size, &m, &problems,
                                &error)) {
                g_assert_nonnull(error);
                check_problems(problems);
                return 0;
        }
        g_assert_cmpuint(problems->len, ==, 0);
        check_all(m);
        return 0;
}
