/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certmonger's requests: bytes as such a file. Reading either fails with a reason or gives values and lists. */

#include "client/convert/certmonger-request.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const keys[] = { "id", "cert", "template_hostname", "post_certsave_command", "a" };
        g_autofree char *text = g_strndup((const char *) data, size);
        g_autoptr(GError) error = NULL;
        g_autoptr(CertmongerRequest) r = certmonger_request_new(text, &error);

        g_assert_cmpint(r != NULL, ==, error == NULL);
        for (size_t i = 0; r && i < G_N_ELEMENTS(keys); i++) {
                const char *value = certmonger_request_get(r, keys[i]);
                g_auto(GStrv) list = certmonger_request_list(r, keys[i]);

                g_assert_cmpint(value != NULL, ==, list[0] != NULL);
                g_assert_true(!value || g_utf8_validate(value, -1, NULL));
        }
        return 0;
}
