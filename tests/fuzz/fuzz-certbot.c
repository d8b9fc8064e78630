/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certbot's renewal files: bytes as such a file. Reading either fails with a reason or gives values that can be asked for. */

#include "client/convert/certbot-conf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const keys[] = { "fullchain", "privkey", "renew_hook", "server", "a" };
        g_autofree char *text = g_strndup((const char *) data, size);
        g_autoptr(GError) error = NULL;
        g_autoptr(CertbotConf) c = certbot_conf_new(text, &error);

        g_assert_cmpint(c != NULL, ==, error == NULL);
        for (size_t i = 0; c && i < G_N_ELEMENTS(keys); i++) {
                const char *value = certbot_conf_get(c, "renewalparams", keys[i]);

                g_assert_true(!value || certbot_conf_has(c, "renewalparams", keys[i]));
                g_assert_true(!value || g_utf8_validate(value, -1, NULL));
                (void) certbot_conf_get(c, "", keys[i]);
        }
        return 0;
}
