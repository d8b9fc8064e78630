/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subject alternative names, from both sides: bytes as the text of a name, whose normal form must stand by
 * itself and survive a request; and bytes as the extension of a certificate, whose names must be tellable. */

#include "common/san.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(const San *san, const char *text)
{
        g_auto(GStrv) list = NULL;
        gnutls_x509_crq_t crq;

        g_assert_cmpint(gnutls_x509_crq_init(&crq), ==, 0);
        g_assert_true(san_add_to_request(san, crq, NULL));
        list = san_list_of_request(crq, NULL);
        g_assert_nonnull(list);
        g_assert_cmpuint(g_strv_length(list), ==, 1);
        g_assert_cmpstr(list[0], ==, text);
        gnutls_x509_crq_deinit(crq);
}

static void check_text(const uint8_t *data, size_t size)
{
        g_autofree char *input = g_strndup((const char *) data, size), *text = NULL, *again = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(San) san = NULL, second = NULL;

        if (!g_utf8_validate(input, -1, NULL))
                return;
        san = san_parse(input, &error);
        g_assert_cmpint(san != NULL, ==, error == NULL);
        if (!san)
                return;
        text = san_to_string(san);
        second = san_parse(text, NULL);
        g_assert_nonnull(second);
        again = san_to_string(second);
        g_assert_cmpstr(text, ==, again);
        check_request(san, text);
}

static void check_extension(const uint8_t *data, size_t size)
{
        g_auto(GStrv) list = NULL;
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        if (size > 0 && gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", data, size, 0) == 0) {
                g_autoptr(GError) error = NULL;

                list = san_list_of_certificate(crt, &error);
                g_assert_cmpint(list != NULL, ==, error == NULL);
                for (unsigned i = 0; list && list[i]; i++) {
                        g_assert_true(g_str_is_ascii(list[i]));
                        g_assert_cmpint(i == 0 || strcmp(list[i - 1], list[i]) < 0, ==, true);
                }
        }
        gnutls_x509_crt_deinit(crt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_text(data, size);
        check_extension(data, size);
        return 0;
}
