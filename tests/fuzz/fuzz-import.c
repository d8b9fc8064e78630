/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever a person brings as a CA's answer, it is refused in words, or what is taken of it is for one of the
 * two keys and leads to the root that is trusted. Root and keys are fixed, so that the seeds, which they
 * signed, are good. */

#include "agent/cert-list.h"
#include "agent/key.h"
#include "common/error.h"
#include "issuers/csr/import.h"
#include "tests/unit/fixture.h"

#include <stdlib.h>
#include <string.h>

#define ROOTS_PATH "/roots.pem"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char root[] = "-----BEGIN CERTIFICATE-----\n"
                           "MIIBezCCASGgAwIBAgIQdyl1V+zNB2+FCYsxP+Wz2zAKBggqhkjOPQQDAjAMMQow\n"
                           "CAYDVQQDEwFSMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAMMQow\n"
                           "CAYDVQQDEwFSMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmNTpoYZOJ+7ySybf\n"
                           "pMQxtNK7D7bT1kqWnU4Wzj9oW1F0M6MY8sTa0ceMp0RcGfP+c98+kDU4F6EVOlVe\n"
                           "14SA8KNjMGEwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0O\n"
                           "BBYEFEqoWj+S9KjG+894i0hvWQlPY3LkMB8GA1UdIwQYMBaAFEqoWj+S9KjG+894\n"
                           "i0hvWQlPY3LkMAoGCCqGSM49BAMCA0gAMEUCIQCkYfYwy9lJ6YDUQkh4xrnsaG+O\n"
                           "NAD/uPu3qi3BK5iOaAIgBCeqFcoFytyTSR5nk+B+Rl65iLyiyg78c17HUPXDsyo=\n"
                           "-----END CERTIFICATE-----\n";

static const char request_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEawQNGaxQ4CWwdMYzBfzp2VGL9aMz\n"
                                  "lBBkWKiPROAenMqJ8anYymXQ32gRQUwCS3TXmwHYCdr1LBvwQtw58l2z4A==\n"
                                  "-----END PUBLIC KEY-----\n";

static CsrOptions options = { .name = (char *) "corp",
                              .environment = (char *) "production",
                              .roots = (char *) ROOTS_PATH };

static struct {
        char *folder;
        gnutls_pubkey_t request, current;
} fixed;

static void clear(void)
{
        gnutls_pubkey_deinit(fixed.request);
        gnutls_pubkey_deinit(fixed.current);
        fixture_root_free(fixed.folder);
}

static void prepare(void)
{
        gnutls_datum_t key = { (unsigned char *) request_key, sizeof(request_key) - 1 };
        gnutls_datum_t crt = { (unsigned char *) root, sizeof(root) - 1 };
        g_autofree char *path = NULL;
        gnutls_x509_crt_t parsed;

        if (fixed.folder)
                return;
        fixed.folder = fixture_root_new();
        path = fixture_path(fixed.folder, ROOTS_PATH);
        g_assert_true(g_file_set_contents(path, root, sizeof(root) - 1, NULL));
        g_assert_cmpint(gnutls_pubkey_init(&fixed.request), ==, 0);
        g_assert_cmpint(gnutls_pubkey_import(fixed.request, &key, GNUTLS_X509_FMT_PEM), ==, 0);
        /* The root's own: somebody signed for it, and it is found in files with the whole chain. */
        g_assert_cmpint(gnutls_x509_crt_init(&parsed), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_import(parsed, &crt, GNUTLS_X509_FMT_PEM), ==, 0);
        g_assert_cmpint(gnutls_pubkey_init(&fixed.current), ==, 0);
        g_assert_cmpint(gnutls_pubkey_import_x509(fixed.current, parsed, 0), ==, 0);
        gnutls_x509_crt_deinit(parsed);
        atexit(clear);
}

static void check_error(const GError *error)
{
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_assert_nonnull(strchr(error->message, '\n'));
}

static void check_chain(const ImportedChain *c)
{
        g_auto(CertList) chain = { 0 }, roots = { 0 };
        g_autofree char *have = NULL, *want = key_digest(c->is_current ? fixed.current : fixed.request, NULL),
                        *why = NULL;

        g_assert_cmpuint(c->chain->len, >=, 1);
        g_assert_cmpuint(c->chain->len, <=, CHAIN_MAX);
        g_assert_cmpuint(c->roots->len, ==, 1);
        g_assert_cmpint(cert_list_of_der(c->chain, &chain), >=, 0);
        g_assert_cmpint(cert_list_of_der(c->roots, &roots), >=, 0);
        have = key_digest_of_certificate(chain.crt[0], NULL);
        g_assert_cmpstr(have, ==, want);
        g_assert_true(cert_list_leads_to(&chain, &roots, &why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree uint8_t *exact = g_memdup2(data, size);
        g_autoptr(GBytes) answer = g_bytes_new_static(exact, size);
        g_autoptr(GError) error = NULL;
        g_autoptr(ImportedChain) chain = NULL;

        prepare();
        chain = import_read(&options, answer, fixed.request, fixed.current, &error);
        if (chain)
                check_chain(chain);
        else
                check_error(error);
        return 0;
}
