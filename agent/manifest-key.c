/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of a key, be it a certificate's or an authority's: its type, and its URI when it lies in a
 * token. */

#include "agent/manifest-read.h"

#include <string.h>

#define KEY_URI_MAX 4096

void manifest_read_key_type(ManifestReading *r, const JsonValue *v, KeyType *ret)
{
        const char *names[_KEY_TYPE_MAX], *text = manifest_read_string(r, v);
        KeyType type = text ? key_type_from_string(text) : _KEY_TYPE_INVALID;
        g_autofree char *hint = NULL;

        if (type != _KEY_TYPE_INVALID)
                *ret = type;
        if (!text || type != _KEY_TYPE_INVALID)
                return;
        for (int i = 0; i < _KEY_TYPE_MAX; i++)
                names[i] = key_type_to_string((KeyType) i);
        hint = manifest_did_you_mean(text, names, _KEY_TYPE_MAX);
        manifest_complain(
                r, v,
                hint
                        ?: "There are ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-2048, rsa-3072 and "
                           "rsa-4096.",
                "\"%s\" is no type of key", text);
}

char *manifest_read_key_uri(ManifestReading *r, const JsonValue *v)
{
        const char *text = manifest_read_string(r, v);

        if (!text)
                return NULL;
        if (g_str_has_prefix(text, "pkcs11:") && strlen(text) <= KEY_URI_MAX && strchr(text, '=') &&
            g_str_is_ascii(text) && !strpbrk(text, " \t\n"))
                return manifest_keep_string(r, text);
        manifest_complain(r, v, "Write it as RFC 7512 does: \"pkcs11:token=hsm;object=web;type=private\".",
                          "this is no URI of a key");
        return NULL;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* RFC 7512, 2.3: the order of the attributes means nothing, nor how a character is escaped; what follows the
 * question mark is how to get at the key, and the class of the object goes without saying. */
char *manifest_key_uri_object(const char *uri)
{
        bool names_object = false;
        g_autofree char *path = g_strndup(uri + strlen("pkcs11:"), strcspn(uri + strlen("pkcs11:"), "?"));
        g_auto(GStrv) attributes = g_strsplit(path, ";", -1);
        g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(g_free);

        for (char **a = attributes; *a; a++) {
                names_object |= g_str_has_prefix(*a, "object=") || g_str_has_prefix(*a, "id=");
                if (**a && !g_str_has_prefix(*a, "type="))
                        g_ptr_array_add(kept, g_uri_unescape_string(*a, NULL) ?: g_strdup(*a));
        }
        if (!names_object)
                return NULL;
        g_ptr_array_sort(kept, compare_strings);
        g_ptr_array_add(kept, NULL);
        return g_strjoinv("\n", (char **) kept->pdata);
}
