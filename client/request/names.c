/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names in a request. GnuTLS and libtasn1 look for the n-th name from the first one on each time, so that
 * a megabyte of names takes minutes: this reads the list once, element by element. */

#include "client/request/names.h"

#include "issuers/local/der.h"

#include <arpa/inet.h>
#include <string.h>

/* The tags of GeneralName (RFC 5280, 4.2.1.6), implicit but for directoryName. */
enum {
        TAG_EMAIL = 0x81,
        TAG_DNS = 0x82,
        TAG_URI = 0x86,
        TAG_IP = 0x87,
        TAG_REGISTERED_ID = 0x88,
        TAG_OTHER = 0xa0,
        TAG_DIRECTORY = 0xa4,
};

/* ---- One name ---- */

/* "\00" for a byte that cannot be printed: RFC 4514's way, which shows where a NUL hides. */
static char *escape(const guint8 *data, size_t size)
{
        GString *s = g_string_sized_new(size);

        for (size_t i = 0; i < size; i++)
                if (data[i] > 0x20 && data[i] < 0x7f)
                        g_string_append_c(s, (char) data[i]);
                else
                        g_string_append_printf(s, "\\%02x", data[i]);
        return g_string_free(s, FALSE);
}

static bool is_plain(const DerElement *e)
{
        for (size_t i = 0; i < e->size; i++)
                if (e->data[i] <= 0x20 || e->data[i] >= 0x7f)
                        return false;
        return e->size > 0;
}

static char *address_text(const DerElement *e)
{
        char text[INET6_ADDRSTRLEN];

        if (e->size != 4 && e->size != 16)
                return NULL;
        return g_strdup(inet_ntop(e->size == 4 ? AF_INET : AF_INET6, e->data, text, sizeof(text)));
}

static bool is_broken(const DerElement *e)
{
        if (e->tag == TAG_IP)
                return e->size != 4 && e->size != 16;
        return (e->tag == TAG_EMAIL || e->tag == TAG_DNS || e->tag == TAG_URI) && !is_plain(e);
}

static char *name_text(const DerElement *e)
{
        g_autofree char *text = e->tag == TAG_IP ? address_text(e) : NULL;

        if (!text)
                text = escape(e->data, e->size);
        switch (e->tag) {
        case TAG_DNS:
                return g_strconcat(is_broken(e) || strchr(text, ':') ? "dns:" : "", text, NULL);
        case TAG_IP:
                return g_strconcat("ip:", text, NULL);
        case TAG_EMAIL:
                return g_strconcat("email:", text, NULL);
        case TAG_URI:
                return g_strconcat("uri:", text, NULL);
        case TAG_DIRECTORY:
                return g_strdup("other:directory-name");
        case TAG_REGISTERED_ID:
                return g_strdup("other:registered-id");
        case TAG_OTHER:
                return g_strdup("other:other-name");
        default:
                return g_strdup_printf("other:%u", e->tag & 0x1f);
        }
}

/* ---- All ---- */

bool request_names_read(const guint8 *der, size_t size, RequestNames *ret_names)
{
        g_autoptr(GPtrArray) texts = g_ptr_array_new();
        DerElement list = { 0 }, e;
        bool good = der_take(&der, &size, &list) && list.tag == DER_SEQUENCE && size == 0;

        *ret_names = (RequestNames){ NULL, 0 };
        while (good && list.size > 0) {
                good = der_take(&list.data, &list.size, &e);
                if (!good)
                        break;
                ret_names->count++;
                if (texts->len < REQUEST_NAMES_KEPT)
                        g_ptr_array_add(texts, name_text(&e));
        }
        g_ptr_array_add(texts, NULL);
        ret_names->texts = (char **) g_ptr_array_free(g_steal_pointer(&texts), FALSE);
        return good;
}

void request_names_clear(RequestNames *n)
{
        g_clear_pointer(&n->texts, g_strfreev);
}
