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

static void check_certificate(const ManifestCertificate *c)
{
        g_autofree char *digest = manifest_certificate_request_digest(c);

        g_assert_cmpuint(strlen(digest), ==, 64);
        g_assert_nonnull(c->issuer);
        g_assert_nonnull(c->subject);
        g_assert_cmpuint(c->sans->len, ==, g_strv_length(c->san_texts));
        g_assert_true(c->sans->len > 0 || *c->subject);
        g_assert_true(c->directory || c->path[MANAGED_FILE_CERT] || c->path[MANAGED_FILE_COMBINED]);
        g_assert_cmpuint(c->key_attributes.mode & 0027, ==, 0);
        g_assert_cmpuint(c->cert_attributes.mode & 0133, ==, 0);
        for (unsigned i = 1; i < c->sans->len; i++)
                g_assert_cmpstr(c->san_texts[i - 1], <, c->san_texts[i]);
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
        for (unsigned i = 0; i < m->certificates->len; i++)
                check_certificate(m->certificates->pdata[i]);
        return 0;
}
