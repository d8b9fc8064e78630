/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever an authority's process says of itself, or stands in the file where that is kept, it is an authority within its
 * bounds, which is the same after it was kept and read again; or it is refused. An input that begins with a brace is such
 * a file; every other is a message as tests/fuzz/message.h says. */

#include "agent/authority-facts-private.h"
#include "common/error.h"
#include "tests/fuzz/message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_certificates(const AuthorityFacts *f)
{
        unsigned n[_AUTHORITY_ROLE_MAX] = {};

        g_assert_cmpuint(f->certificates->len, <=, AUTHORITY_CERTIFICATES_MAX);
        for (unsigned i = 0; i < f->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);

                g_assert_true(c->role >= 0 && c->role < _AUTHORITY_ROLE_MAX);
                g_assert_cmpuint(strlen(c->fingerprint), ==, 64);
                g_assert_true(authority_facts_find(f, c->fingerprint) == c);
                g_assert_cmpuint(c->issued_until, <=, c->not_after);
                n[c->role]++;
        }
        g_assert_cmpuint(n[AUTHORITY_ROLE_NEXT], <=, 1);
        g_assert_cmpuint(n[AUTHORITY_ROLE_CURRENT], <=, 1);
        g_assert_true(f->missing || n[AUTHORITY_ROLE_CURRENT] == 1);
}

static void check_revoked(const AuthorityFacts *f)
{
        for (size_t i = 0; i < f->n_revoked; i++) {
                g_assert_true(authority_serial_is_sane(f->revoked[i]));
                g_assert_true(authority_facts_is_revoked(f, f->revoked[i]));
                g_assert_true(i == 0 || strcmp(f->revoked[i - 1], f->revoked[i]) < 0);
        }
        g_assert_null(f->revoked[f->n_revoked]);
}

static void check_facts(const AuthorityFacts *f)
{
        size_t size;
        g_autofree char *text = authority_facts_to_json(f, &size);
        g_autoptr(AuthorityFacts) again = authority_facts_from_json(text, size);

        check_certificates(f);
        check_revoked(f);
        g_assert_nonnull(again);
        g_assert_cmpint(again->missing, ==, f->missing);
        g_assert_cmpstr(again->trust_digest, ==, f->trust_digest);
        g_assert_cmpstr(again->crl_digest, ==, f->crl_digest);
        g_assert_cmpuint(authority_facts_old_needed_until(again), ==, authority_facts_old_needed_until(f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const keys[] = { "State", "Certificates", "Revoked", "IssuedUntil", NULL };
        g_autoptr(AuthorityFacts) f = NULL;
        g_autoptr(GError) error = NULL;
        sd_bus_message *m;

        if (size > 0 && data[0] == '{') {
                f = authority_facts_from_json((const char *) data, size);
        } else {
                m = fuzz_message_new(data, size, keys, false);
                if (!m)
                        return 0;
                f = authority_facts_read(m, "site", &error);
                g_assert_cmpint(f != NULL, ==, error == NULL);
                g_assert_true(!error || g_error_matches(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL));
                g_assert_true(!error || g_utf8_validate(error->message, -1, NULL));
                sd_bus_message_unref(m);
        }
        if (f)
                check_facts(f);
        return 0;
}
