/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority in a test. It owns the test root and the lists that were read. */

#include "tests/unit/authority-bench.h"

#include "agent/csr.h"
#include "common/names.h"
#include "common/timespan.h"
#include "issuers/local/authority.h"
#include "issuers/local/sign.h"
#include "tests/unit/fixture.h"

AuthorityBench *authority_bench_new(void)
{
        AuthorityBench *b = g_new0(AuthorityBench, 1);

        b->root = fixture_root_new();
        b->folder = fixture_path(b->root, CERT_AUTHORITY_DIR "/site");
        b->options = (AuthorityOptions){ .name = (char *) "site",
                                         .key_type = KEY_TYPE_ECDSA_P256,
                                         .lifetime = 3650 * USEC_PER_DAY,
                                         .certificate_lifetime = 90 * USEC_PER_DAY,
                                         .crl_lifetime = 7 * USEC_PER_DAY };
        b->lists = revocation_lists_new();
        return b;
}

AuthorityBench *authority_bench_free(AuthorityBench *b)
{
        if (!b)
                return NULL;
        revocation_lists_free(b->lists);
        fixture_root_free(b->root);
        g_free(b->folder);
        g_free(b);
        return NULL;
}

void authority_bench_change(AuthorityBench *b, AuthorityBenchChange change)
{
        g_autoptr(GError) error = NULL;

        (void) change(&b->options, &error);
        g_assert_no_error(error);
}

GBytes *authority_bench_issue(AuthorityBench *b, uint64_t lifetime)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(Authority) a = authority_open(&b->options, NULL);
        g_autoptr(Key) key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_autoptr(GBytes) csr = csr_new(c, key, NULL);
        g_autoptr(GError) error = NULL;
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(csr, NULL),
                             (unsigned) g_bytes_get_size(csr) };
        IssuerRequest r = { .certificate = c->name,
                            .subject = c->subject,
                            .sans = c->san_texts,
                            .usage = c->usage,
                            .lifetime = lifetime };
        GBytes *der;

        g_assert_nonnull(a);
        g_assert_cmpint(gnutls_x509_crq_init(&r.crq), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_import(r.crq, &d, GNUTLS_X509_FMT_DER), >=, 0);
        der = sign_request(a, &b->options, &r, now_realtime(), &error);
        g_assert_no_error(error);
        gnutls_x509_crq_deinit(r.crq);
        return der;
}
