/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Revocation: a certificate put on its authority's list, and the lists signed. It owns the lists that were
 * read. */

#include "issuers/local/revocation.h"

#include "common/error.h"
#include "common/bounds.h"
#include "common/timespan.h"
#include "issuers/local/crl.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_FILE     "crl-number"
#define NUMBER_FILE_MAX 64

struct RevocationLists {
        GHashTable *lists; /* name -> Revoked* */
};

static void free_list(void *list)
{
        revoked_free(list);
}

RevocationLists *revocation_lists_new(void)
{
        RevocationLists *l = g_new0(RevocationLists, 1);

        l->lists = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_list);
        return l;
}

RevocationLists *revocation_lists_free(RevocationLists *l)
{
        if (!l)
                return NULL;
        g_hash_table_unref(l->lists);
        g_free(l);
        return NULL;
}

/* Borrowed. */
static Revoked *list_of(RevocationLists *l, const Store *s, const AuthorityOptions *o, GError **error)
{
        Revoked *r = g_hash_table_lookup(l->lists, o->name);

        if (r && revoked_is_current(r, s))
                return r;
        g_hash_table_remove(l->lists, o->name);
        r = revoked_new(s, error);
        if (r)
                g_hash_table_insert(l->lists, g_strdup(o->name), r);
        return r;
}

const Revoked *revocation_list(RevocationLists *l, const AuthorityLook *look, const AuthorityOptions *o, GError **error)
{
        return list_of(l, look->store, o, error);
}

/* ---- Facts ---- */

static bool is_of(const RevokedEntry *e, const Parts *parts)
{
        for (unsigned i = 0; i < parts->list->len; i++)
                if (g_str_equal(((const Part *) g_ptr_array_index(parts->list, i))->fingerprint,
                                e->authority))
                        return true;
        return false;
}

/* What is told of, and counts. */
static bool is_told(const RevokedEntry *e, const Parts *parts, int64_t now)
{
        return e->not_after >= now && is_of(e, parts);
}

static char *serial_text(const RevokedEntry *e)
{
        static const char digits[] = "0123456789abcdef";
        char *text = g_malloc(2 * (size_t) e->serial_size + 1);

        for (unsigned i = 0; i < e->serial_size; i++) {
                text[2 * i] = digits[e->serial[i] >> 4];
                text[2 * i + 1] = digits[e->serial[i] & 0x0f];
        }
        text[2 * e->serial_size] = '\0';
        return text;
}

char **revocation_serials(RevocationLists *l, const AuthorityLook *look, const AuthorityOptions *o,
                          uint64_t now, GError **error)
{
        g_autoptr(GPtrArray) serials = g_ptr_array_new_with_free_func(g_free);
        const Revoked *r = NULL;

        if (!look->parts->missing) {
                r = list_of(l, look->store, o, error);
                if (!r)
                        return NULL;
        }
        for (unsigned i = 0; r && i < revoked_size(r); i++) {
                const RevokedEntry *e = revoked_entry(r, i);

                if (is_told(e, look->parts, (int64_t) (now / USEC_PER_SEC)))
                        g_ptr_array_add(serials, serial_text(e));
        }
        g_ptr_array_add(serials, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&serials), FALSE);
}

/* ---- Revoking ---- */

static bool to_entry(const Parts *parts, const AuthorityOptions *o, gnutls_x509_crt_t crt, RevokedEntry *e,
                     GError **error)
{
        const Part *signer = parts_signer_of(parts, crt);
        size_t size = sizeof(e->serial);

        if (!signer) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "the certificate was not signed by the authority \"%s\", as it is known now\n"
                            "Only who signed a certificate can revoke it.",
                            o->name);
                return false;
        }
        if (gnutls_x509_crt_get_serial(crt, e->serial, &size) < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "the serial number of the certificate is not one of 1 to 20 octets\n"
                            "Give it as it was issued, in DER.");
                return false;
        }
        e->serial_size = (unsigned char) size;
        g_strlcpy(e->authority, signer->fingerprint, sizeof(e->authority));
        e->not_after = (int64_t) gnutls_x509_crt_get_expiration_time(crt);
        return true;
}

/* One more than can be told of would make the whole authority unusable. */
static bool has_room(const Revoked *r, const Parts *parts, const AuthorityOptions *o, const RevokedEntry *one,
                     GError **error)
{
        unsigned n = 0;

        if (revoked_size(r) < CERT_REVOKED_MAX || revoked_has(r, one))
                return true;
        for (unsigned i = 0; i < revoked_size(r); i++)
                n += is_told(revoked_entry(r, i), parts, one->revoked);
        if (n < CERT_REVOKED_MAX)
                return true;
        g_set_error(
                error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                "the authority \"%s\" has revoked %u certificates that are not past their end, and cannot "
                "revoke one more\n"
                "Rotate it: certctl authority rotate %s. What the old one revoked counts until it has "
                "retired.",
                o->name, n, o->name);
        return false;
}

static bool add_certificate(RevocationLists *l, const AuthorityOptions *o, gnutls_x509_crt_t crt,
                            RevokedEntry *e, GError **error)
{
        g_autoptr(AuthorityLook) look = authority_look_at_present(o, true, error);
        Revoked *r;

        if (!look || !to_entry(look->parts, o, crt, e, error))
                return false;
        r = list_of(l, look->store, o, error);
        return r && has_room(r, look->parts, o, e, error) && revoked_add(r, look->store, e, error);
}

static bool check_reason(const char *text, RevokedEntry *e, GError **error)
{
        RevocationReason reason = revocation_reason_read(text, error);

        if (reason >= 0)
                e->reason = (unsigned char) reason;
        return reason >= 0;
}

bool revocation_add(RevocationLists *l, const AuthorityOptions *o, GBytes *der, const char *reason,
                    uint64_t now, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL),
                             (unsigned) g_bytes_get_size(der) };
        RevokedEntry entry = { .revoked = (int64_t) (now / USEC_PER_SEC) };
        gnutls_x509_crt_t crt;
        bool good = false;
        int r;

        if (!check_reason(reason, &entry, error))
                return false;
        r = gnutls_x509_crt_init(&crt);
        if (r >= 0) {
                r = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER);
                good = r >= 0 && add_certificate(l, o, crt, &entry, error);
                gnutls_x509_crt_deinit(crt);
        }
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "what is to be revoked is no certificate: %s\nGive it as it was issued, in DER.",
                            gnutls_strerror(r));
        return good;
}

/* ---- Signing lists ---- */

/* The number of the last list, and when it was signed (seconds since 1970). */
static bool read_number(const Store *s, uint64_t *ret_number, int64_t *ret_time, GError **error)
{
        g_autoptr(GBytes) content = NULL;
        g_autofree char *text = NULL;
        char rest;

        *ret_number = 0;
        *ret_time = 0;
        if (!store_read(s, NUMBER_FILE, NUMBER_FILE_MAX, &content, error))
                return false;
        if (!content)
                return true;
        text = g_strndup(g_bytes_get_data(content, NULL), g_bytes_get_size(content));
        if (sscanf(text, "%19" G_GUINT64_FORMAT " %19" G_GINT64_FORMAT " %c", ret_number, ret_time, &rest) ==
            2)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "%s/" NUMBER_FILE " does not hold a number and a time\n"
                    "Remove it: the next number is then the time, which is larger than all before.",
                    store_shown(s));
        return false;
}

/* On disk before a list has it. It is the time, so that it grows (RFC 5280, 5.2.3) even when the file was
 * lost. */
static bool next_number(Store *s, int64_t now, uint64_t last, uint64_t *ret, GError **error)
{
        uint64_t number = MAX(last + 1, (uint64_t) now);
        char *text = g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT "\n", number, now);
        g_autoptr(GBytes) content = g_bytes_new_take(text, strlen(text));

        *ret = number;
        return store_write(s, NUMBER_FILE, content, error);
}

static bool sign_one(const AuthorityLook *look, const AuthorityOptions *o, const Part *part, const Revoked *r,
                     uint64_t number, int64_t now, GPtrArray *lists, GError **error)
{
        int64_t end = (int64_t) gnutls_x509_crt_get_expiration_time(part->crt);
        int64_t next = MIN(now + (int64_t) (o->crl_lifetime / USEC_PER_SEC), end);
        gnutls_privkey_t key;
        GBytes *list;

        if (end <= now) /* nobody would believe it, and what it signed has ended too */
                return true;
        if (!part_open_key(part, look->store, o, &key, error))
                return false;
        list = crl_new(part, key, number, now, next, r, error);
        gnutls_privkey_deinit(key);
        if (list)
                g_ptr_array_add(lists, list);
        return list != NULL;
}

GPtrArray *revocation_sign(RevocationLists *l, const AuthorityOptions *o, uint64_t now_usec, GError **error)
{
        g_autoptr(AuthorityLook) look = authority_look_at_present(o, true, error);
        g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        int64_t now = (int64_t) (now_usec / USEC_PER_SEC), last_time;
        uint64_t last, number;
        Revoked *r;

        if (!look || !read_number(look->store, &last, &last_time, error))
                return NULL;
        r = list_of(l, look->store, o, error);
        /* What had ended when the last list was signed was on it: RFC 5280, 5, asks for no more. */
        if (!r || !revoked_drop(r, look->store, last_time, error) ||
            !next_number(look->store, now, last, &number, error))
                return NULL;
        for (unsigned i = 0; i < look->parts->list->len; i++)
                if (!sign_one(look, o, g_ptr_array_index(look->parts->list, i), r, number, now, lists, error))
                        return NULL;
        return g_steal_pointer(&lists);
}
