/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An entry
 *
 * Owns the form in which a certificate stands in the manifest: the spelling of its names, the order of its keys.
 */

#include "client/convert/entry.h"

#include "client/convert/hook.h"
#include "common/error.h"
#include "common/san.h"

#include <limits.h>
#include <string.h>

#define NAME_LENGTH     56 /* of 64: a number may follow */
#define COMMON_NAME_MAX 64 /* ub-common-name: RFC 5280, A.1 */
#define SANS_MAX        1000 /* as the manifest */

Entry *entry_new(unsigned number, const char *label)
{
        Entry *e = g_new0(Entry, 1);

        e->number = number;
        e->label = g_strdup(label);
        e->sans = g_ptr_array_new_with_free_func(g_free);
        e->mode[ENTRY_CERT] = e->mode[ENTRY_KEY] = -1;
        e->key_type = _KEY_TYPE_INVALID;
        e->units = g_ptr_array_new_with_free_func(hook_unit_free);
        e->oneshot = oneshot_new();
        return e;
}

Entry *entry_free(Entry *e)
{
        if (!e)
                return NULL;
        g_free(e->label);
        g_free(e->name);
        g_free(e->issuer);
        g_free(e->common_name);
        g_free(e->subject);
        g_ptr_array_unref(e->sans);
        for (unsigned i = 0; i < _ENTRY_FILE_MAX; i++)
                g_free(e->path[i]);
        for (unsigned i = 0; i < ENTRY_OWNED; i++)
                g_free(e->owner[i]);
        g_free(e->renew_before);
        g_ptr_array_unref(e->units);
        oneshot_free(e->oneshot);
        g_free(e);
        return NULL;
}

/* ---- Names ---- */

bool entry_has_san(const Entry *e, const char *text)
{
        for (unsigned i = 0; i < e->sans->len; i++)
                if (g_str_equal(e->sans->pdata[i], text))
                        return true;
        return false;
}

/* "DNS:www", "IP Address:…": OpenSSL's spelling, in whatever case; and what goes without a prefix. */
static char *manifest_spelling(const char *text)
{
        static const char *const prefixes[] = { "dns:", "ip:", "email:", "uri:" };

        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
                if (g_ascii_strncasecmp(text, prefixes[i], strlen(prefixes[i])) == 0)
                        return g_strconcat(prefixes[i], text + strlen(prefixes[i]), NULL);
        if (strstr(text, "://"))
                return g_strconcat("uri:", text, NULL);
        if (strchr(text, '@'))
                return g_strconcat("email:", text, NULL);
        return g_strdup(text);
}

bool entry_add_san(Entry *e, const char *text, GError **error)
{
        g_autofree char *spelt = manifest_spelling(text), *normal = NULL;
        g_autoptr(San) san = san_parse(spelt, error);

        if (!san)
                return false;
        normal = san_to_string(san);
        if (entry_has_san(e, normal))
                return true;
        if (e->sans->len == SANS_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "a certificate has at most %d names", SANS_MAX);
                return false;
        }
        g_ptr_array_add(e->sans, g_steal_pointer(&normal));
        return true;
}

const char *entry_common_name_fault(const char *text)
{
        if (*text == '\0')
                return "it is empty";
        if (!g_utf8_validate(text, -1, NULL))
                return "it is not UTF-8";
        for (const char *p = text; *p; p = g_utf8_next_char(p))
                if (g_unichar_iscntrl(g_utf8_get_char(p)))
                        return "it holds a control character";
        return g_utf8_strlen(text, -1) > COMMON_NAME_MAX ? "it is longer than 64 characters" : NULL;
}

bool entry_is_subject(const char *text)
{
        gnutls_x509_dn_t dn;
        bool good;

        if (gnutls_x509_dn_init(&dn) < 0)
                return false;
        good = gnutls_x509_dn_set_str(dn, text, NULL) >= 0;
        gnutls_x509_dn_deinit(dn);
        return good;
}

const char *entry_path_fault(const char *path)
{
        g_autofree char *normal = NULL;

        if (*path != '/')
                return "is not absolute";
        if (strlen(path) >= PATH_MAX)
                return "is longer than any path can be";
        if (!g_utf8_validate(path, -1, NULL))
                return "is not UTF-8";
        for (const char *p = path; *p; p++)
                if ((unsigned char) *p < 0x20 || *p == 0x7f)
                        return "holds a control character";
        normal = g_canonicalize_filename(path, "/");
        return g_str_equal(normal, path) && path[1] ? NULL : "is not in its plain form, without \"..\" and doubled slashes";
}

char *entry_name_from(const char *text)
{
        bool is_wildcard = g_str_has_prefix(text, "*.");
        GString *s = g_string_new(is_wildcard ? "wildcard" : NULL);

        for (const char *p = text + is_wildcard; *p && s->len < NAME_LENGTH; p++) {
                char c = g_ascii_isalnum(*p) || strchr("._-", *p) ? *p : '-';

                /* The first is a letter or digit; one hyphen for a row of what cannot stand. */
                if (s->len > 0 ? c != '-' || s->str[s->len - 1] != '-' : g_ascii_isalnum(c))
                        g_string_append_c(s, c);
        }
        while (s->len > 0 && strchr("-.", s->str[s->len - 1]))
                g_string_truncate(s, s->len - 1);
        if (s->len == 0)
                g_string_assign(s, "certificate");
        return g_string_free(s, FALSE);
}

/* ---- The manifest ---- */

static void write_string(JsonOut *j, const char *key, const char *value)
{
        if (value)
                json_out_string(j, key, value);
}

/* One string where both files have the same, else one each. */
static void write_both(JsonOut *j, const char *key, const char *cert, const char *key_file)
{
        if (g_strcmp0(cert, key_file) == 0) {
                write_string(j, key, cert);
                return;
        }
        json_out_begin(j, key, '{');
        write_string(j, "cert", cert);
        write_string(j, "key", key_file);
        json_out_end(j);
}

static char *mode_text(int mode)
{
        return mode < 0 ? NULL : g_strdup_printf("%04o", (unsigned) mode);
}

/* Each file's own, so that nobody wonders which of the two is meant. */
static void write_modes(const Entry *e, JsonOut *j)
{
        g_autofree char *cert = mode_text(e->mode[ENTRY_CERT]), *key = mode_text(e->mode[ENTRY_KEY]);

        if (!cert && !key)
                return;
        json_out_begin(j, "permissions", '{');
        write_string(j, "cert", cert);
        write_string(j, "key", key);
        json_out_end(j);
}

static void write_key(const Entry *e, JsonOut *j)
{
        if (e->key_type == _KEY_TYPE_INVALID && !e->reuse_key)
                return;
        json_out_begin(j, "key", '{');
        write_string(j, "type", key_type_to_string(e->key_type));
        if (e->reuse_key)
                json_out_string(j, "rotation", "reuse");
        json_out_end(j);
}

static void write_units(const Entry *e, JsonOut *j)
{
        if (e->units->len == 0)
                return;
        json_out_begin(j, "units", '[');
        for (unsigned i = 0; i < e->units->len; i++) {
                const HookUnit *u = e->units->pdata[i];

                json_out_begin(j, NULL, '{');
                json_out_string(j, "unit", u->unit);
                json_out_string(j, "action", u->action);
                json_out_end(j);
        }
        json_out_end(j);
}

static void write_sans(const Entry *e, JsonOut *j)
{
        if (e->sans->len == 0)
                return;
        json_out_begin(j, "sans", '[');
        for (unsigned i = 0; i < e->sans->len; i++)
                json_out_string(j, NULL, e->sans->pdata[i]);
        json_out_end(j);
}

void entry_write(const Entry *e, JsonOut *j)
{
        static const char *const path_keys[_ENTRY_FILE_MAX] = { "cert_path", "key_path", "chain_path" };

        json_out_begin(j, e->name, '{');
        write_string(j, "issuer", e->issuer);
        write_string(j, "common_name", e->common_name);
        write_string(j, "subject", e->subject);
        write_sans(e, j);
        if (e->usage != 0) {
                g_auto(GStrv) usage = usage_to_strv(e->usage);

                json_out_strv(j, "usage", usage);
        }
        write_key(e, j);
        for (unsigned i = 0; i < _ENTRY_FILE_MAX; i++)
                write_string(j, path_keys[i], e->path[i]);
        write_both(j, "owner", e->owner[ENTRY_CERT], e->owner[ENTRY_KEY]);
        write_modes(e, j);
        write_string(j, "renew_before", e->renew_before);
        write_units(e, j);
        json_out_end(j);
}
