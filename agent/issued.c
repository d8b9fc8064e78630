/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One that was issued. It owns what it says. */

#include "agent/issued.h"

#include "agent/cert-list.h"

void issued_free(void *data)
{
        Issued *i = data;

        g_free(i->leaf);
        g_free(i->key_type);
        g_free(i);
}

static char *key_type_text(gnutls_x509_crt_t crt, KeyType type)
{
        unsigned bits = 0;
        const char *name = gnutls_pk_get_name((gnutls_pk_algorithm_t) gnutls_x509_crt_get_pk_algorithm(crt, &bits));
        g_autofree char *lower = NULL;

        if (type >= 0)
                return g_strdup(key_type_to_string(type));
        lower = g_ascii_strdown(name ?: "unknown", -1);
        return g_strdup_printf("%s-%u", lower, bits);
}

Issued *issued_new(GBytes *der)
{
        g_autoptr(GPtrArray) one = g_ptr_array_new();
        g_auto(CertList) list = {};
        g_autoptr(GByteArray) packed = NULL;
        Issued *i;
        Unpack u;

        g_ptr_array_add(one, der);
        packed = cert_list_of_der(one, &list) >= 0 ? leaf_pack_certificate(list.crt[0], NULL) : NULL;
        if (!packed)
                return NULL;
        u = unpack_new(packed->data, packed->len);
        i = g_new0(Issued, 1);
        i->leaf = leaf_unpack(&u);
        i->key_type = key_type_text(list.crt[0], i->leaf->key_type);
        return i;
}
