/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever a file is, it is told, and what is handed on of it holds no private key and can travel on the bus.
 */

#include "common/error.h"
#include "common/filekind.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_blocks(GBytes *text, unsigned max)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) blocks = pem_blocks(text, max, &error);

        if (!blocks) {
                g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
                return;
        }
        g_assert_no_error(error);
        g_assert_cmpuint(blocks->len, <=, max);
        for (unsigned i = 0; i < blocks->len; i++) {
                const PemBlock *b = &g_array_index(blocks, PemBlock, i);

                g_assert_cmpint(b->der == NULL, ==, b->kind == FILE_KIND_PRIVATE_KEY);
        }
}

static bool is_for_ca(FileKind kind)
{
        return kind == FILE_KIND_CERTIFICATE || kind == FILE_KIND_PKCS7 || kind == FILE_KIND_REQUEST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree uint8_t *exact = g_memdup2(data, size);
        g_autoptr(GBytes) file = g_bytes_new_static(exact, size), again = NULL;
        FileKind kind = file_kind(file);
        g_autofree char *pem = file_to_pem(file);

        g_assert_nonnull(file_kind_to_string(kind));
        g_assert_cmpint(pem != NULL, ==, is_for_ca(kind));
        check_blocks(file, 8);
        if (!pem)
                return 0;
        g_assert_true(g_str_is_ascii(pem));
        again = g_bytes_new_static(pem, strlen(pem));
        /* Not always the same kind: DER may have had a heading within. */
        g_assert_cmpint(file_kind(again), !=, FILE_KIND_PRIVATE_KEY);
        check_blocks(again, 8);
        return 0;
}
