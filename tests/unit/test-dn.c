/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Distinguished names: what GnuTLS writes with escapes is read back without them. */

#include "common/dn.h"

#include <glib.h>
#include <gnutls/x509.h>
#include <string.h>

static void test_escapes_are_taken_out(void)
{
        static const struct {
                const char *written, *plain;
        } cases[] = {
                { "", "" },
                { "www.example.org", "www.example.org" },
                { "Doe\\, Jane", "Doe, Jane" },
                { "a\\+b\\=c\\;d\\<e\\>f\\\"g\\\\h", "a+b=c;d<e>f\"g\\h" },
                { "\\#1", "#1" },
                { "J\\C3\\B6rg", "J\xc3\xb6rg" },
                { "web.example\\00.evil", "web.example\\00.evil" }, /* it must not end there */
                { "odd\\", "odd\\" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = g_strdup(cases[i].written);

                g_assert_cmpstr(dn_value_unescape(text), ==, cases[i].plain);
        }
}

static void test_gnutls_s_own_are(void)
{
        static const char *const names[] = { "Doe, Jane", "a+b@c.example", "https://a.example/?b=c,d;e", "#1", "back\\slash",
                                             "<\"quoted\">", "J\xc3\xb6rg M\xc3\xbcller" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                gnutls_x509_crq_t crq;
                char text[256];
                size_t size = sizeof(text);

                g_assert_cmpint(gnutls_x509_crq_init(&crq), ==, 0);
                g_assert_cmpint(gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, names[i],
                                                              (unsigned) strlen(names[i])), ==, 0);
                g_assert_cmpint(gnutls_x509_crq_get_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size), ==, 0);
                g_assert_cmpstr(dn_value_unescape(text), ==, names[i]);
                gnutls_x509_crq_deinit(crq);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dn/escapes_are_taken_out", test_escapes_are_taken_out);
        g_test_add_func("/dn/gnutls_s_own_are", test_gnutls_s_own_are);
        return g_test_run();
}
