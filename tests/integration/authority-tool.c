/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The local authority without its process: what test-independent.py makes with it is then checked by others'
 * programs.
 *
 * authority-tool CONFIG make                        makes the authority; its certificates as PEM
 * authority-tool CONFIG begin                       makes the next one
 * authority-tool CONFIG issue CSR USAGE [SAN…]      signs a request (a file of DER); USAGE "server", "client"
 * or "both"; PEM authority-tool CONFIG revoke CERTIFICATE REASON   (a file of DER) authority-tool CONFIG crl
 * FOLDER                  writes 0.crl, 1.crl, … (DER)
 *
 * CONFIG is the issuer's, as its process gets it. An error is printed, its two parts on lines of their own,
 * and is 1. */

#include "common/error.h"
#include "common/timespan.h"
#include "common/usage.h"
#include "issuers/local/authority.h"
#include "issuers/local/change.h"
#include "issuers/local/revocation.h"
#include "issuers/local/sign.h"
#include "issuers/request.h"

#include <stdio.h>
#include <string.h>

static void print_pem(GBytes *der)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL),
                             (unsigned) g_bytes_get_size(der) },
                       pem = { 0 };

        g_assert_cmpint(gnutls_pem_base64_encode2("CERTIFICATE", &d, &pem), >=, 0);
        printf("%.*s", (int) pem.size, (char *) pem.data);
        gnutls_free(pem.data);
}

static GBytes *read_file(const char *path, GError **error)
{
        char *data;
        gsize size;

        return g_file_get_contents(path, &data, &size, error) ? g_bytes_new_take(data, size) : NULL;
}

static bool print_trusted(const AuthorityOptions *o, GError **error)
{
        g_autoptr(GPtrArray) roots = authority_trusted(o, error);

        for (unsigned i = 0; roots && i < roots->len; i++)
                print_pem(roots->pdata[i]);
        return roots;
}

static bool issue(const AuthorityOptions *o, char **argv, GError **error)
{
        g_autoptr(GBytes) csr = read_file(argv[0], error), der = NULL;
        bool both = g_str_equal(argv[1], "both");
        IssuerRequest r = { .certificate = (char *) "check",
                            .subject = (char *) "",
                            .sans = argv + 2,
                            .usage = both ? USAGE_SERVER | USAGE_CLIENT : usage_from_string(argv[1]),
                            .csr = csr };
        g_autoptr(Authority) a = csr ? authority_open(o, error) : NULL;
        gnutls_datum_t d;

        if (!a)
                return false;
        d = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(csr, NULL),
                              (unsigned) g_bytes_get_size(csr) };
        g_assert_cmpint(gnutls_x509_crq_init(&r.crq), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_import(r.crq, &d, GNUTLS_X509_FMT_DER), >=, 0);
        if (issuer_request_check(&r, error))
                der = sign_request(a, o, &r, now_realtime(), error);
        gnutls_x509_crq_deinit(r.crq);
        if (der)
                print_pem(der);
        return der;
}

static bool revoke_certificate(const AuthorityOptions *o, char **argv, GError **error)
{
        g_autoptr(GBytes) der = read_file(argv[0], error);
        g_autoptr(RevocationLists) lists = revocation_lists_new();

        return der && revocation_add(lists, o, der, argv[1], now_realtime(), error);
}

static bool write_lists(const AuthorityOptions *o, const char *folder, GError **error)
{
        g_autoptr(RevocationLists) lists = revocation_lists_new();
        g_autoptr(GPtrArray) crls = revocation_sign(lists, o, now_realtime(), error);

        for (unsigned i = 0; crls && i < crls->len; i++) {
                g_autofree char *path = g_strdup_printf("%s/%u.crl", folder, i);

                if (!g_file_set_contents(path, g_bytes_get_data(crls->pdata[i], NULL),
                                         (gssize) g_bytes_get_size(crls->pdata[i]), error))
                        return false;
        }
        return crls;
}

static bool run(int argc, char **argv, GError **error)
{
        g_autoptr(AuthorityOptions) o = authority_options_new(argv[1], error);
        const char *verb = argv[2];

        if (!o)
                return false;
        if (g_str_equal(verb, "make"))
                return change_make(o, error) && print_trusted(o, error);
        if (g_str_equal(verb, "begin"))
                return change_begin(o, error) && print_trusted(o, error);
        if (g_str_equal(verb, "issue") && argc >= 5)
                return issue(o, argv + 3, error);
        if (g_str_equal(verb, "revoke") && argc == 5)
                return revoke_certificate(o, argv + 3, error);
        if (g_str_equal(verb, "crl") && argc == 4)
                return write_lists(o, argv[3], error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "what is \"%s\"?", verb);
        return false;
}

int main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        if (argc < 3)
                return 2;
        if (run(argc, argv, &error))
                return 0;
        fprintf(stderr, "%s\n", error->message);
        return 1;
}
