/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever an issuer gives as a chain, or a service serves, the check ends with a sentence or with a certificate that is
 * right. The input is a list of certificates in DER, each after its length in two bytes (big endian). */

#include "agent/chain.h"
#include "agent/key.h"
#include "agent/roots.h"
#include "agent/trust.h"
#include "common/error.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key that the seeds' leaf is for. */
static const char key_pem_text[] = "-----BEGIN PRIVATE KEY-----\n"
                                   "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1CMnFVDgLSBUEZwh\n"
                                   "BKXuELNuceRm7NsB/dCxtisqj06hRANCAAQgkQhmARMTyiQQs2IO7sb1fzAxxyXt\n"
                                   "Iq10MIq6U7a8GnQsQNrUHfrCTGIEyQ9OST4ey8jFgyYMICwYJVUp0R33\n"
                                   "-----END PRIVATE KEY-----\n";

static GPtrArray *read_list(const uint8_t *data, size_t size)
{
        GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);

        while (size >= 2) {
                size_t length = MIN((size_t) data[0] << 8 | data[1], size - 2);

                g_ptr_array_add(list, g_bytes_new(data + 2, length));
                data += 2 + length;
                size -= 2 + length;
        }
        return list;
}

static void check_error(const GError *error)
{
        g_assert_nonnull(error);
        g_assert_true(error->domain == CERT_ERROR);
        g_assert_cmpint(error->code, ==, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

/* The list as it is served, to who trusts its last certificate alone. */
static void check_trust(GPtrArray *list)
{
        g_autoptr(GPtrArray) last = g_ptr_array_new();
        g_autoptr(GBytes) bundle = NULL;
        g_autoptr(GError) error = NULL;

        if (list->len > 0)
                g_ptr_array_add(last, list->pdata[list->len - 1]);
        bundle = roots_to_pem(last, NULL);
        if (bundle && !trust_check_chain(bundle, list, UINT64_C(1800000000000000), &error))
                check_error(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *names[] = { (char *) "web.example", NULL };
        ManifestCertificate c = { .name = (char *) "web",
                                  .issuer = (char *) "site",
                                  .common_name = (char *) "web.example",
                                  .subject = (char *) "CN=web.example",
                                  .san_texts = names,
                                  .usage = USAGE_SERVER };
        g_autoptr(GPtrArray) list = read_list(data, size), mended = NULL;
        g_autoptr(GBytes) pem = g_bytes_new_static(key_pem_text, strlen(key_pem_text));
        g_autoptr(Key) key = key_new_from_pem(pem, NULL);
        g_autoptr(Generation) g = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_nonnull(key);
        check_trust(list);
        mended = chain_mend(list, key_public(key), &error);
        if (!mended) {
                check_error(error);
                return 0;
        }
        /* the list's last certificate is the root as well */
        g = generation_new(NULL, mended, list, &error);
        if (!g || !chain_check(&c, g, key_public(key), CHAIN_OF_ISSUER, UINT64_C(1800000000000000), &error))
                check_error(error);
        return 0;
}
