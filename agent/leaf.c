/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A leaf's facts
 *
 * Reads from a certificate what the plan compares, and keeps it in a packed form that is also the cache's. In
 * memory a LeafFacts, its lists and its strings are one allocation.
 */

#include "agent/leaf.h"

#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

#define SERIAL_MAX 64 /* RFC 5280, 4.1.2.2: 20 octets; more are seen */

static char *hex(const uint8_t *data, size_t size)
{
        static const char digits[] = "0123456789abcdef";
        char *s = g_malloc(2 * size + 1);

        for (size_t i = 0; i < size; i++) {
                s[2 * i] = digits[data[i] >> 4];
                s[2 * i + 1] = digits[data[i] & 15];
        }
        s[2 * size] = '\0';
        return s;
}

static bool leaf_error(GError **error, const char *what, int r)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "The certificate's %s cannot be read: %s", what,
                    gnutls_strerror(r));
        return false;
}

static bool pack_fingerprint(GByteArray *a, gnutls_x509_crt_t crt, GError **error)
{
        uint8_t digest[32];
        size_t size = sizeof(digest);
        int r = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &size);
        g_autofree char *text = NULL;

        if (r < 0)
                return leaf_error(error, "fingerprint", r);
        text = hex(digest, size);
        pack_string(a, text);
        return true;
}

static bool pack_serial(GByteArray *a, gnutls_x509_crt_t crt, GError **error)
{
        uint8_t serial[SERIAL_MAX];
        size_t size = sizeof(serial);
        int r = gnutls_x509_crt_get_serial(crt, serial, &size);
        g_autofree char *text = NULL;

        if (r < 0)
                return leaf_error(error, "serial number", r);
        text = hex(serial, size);
        pack_string(a, text);
        return true;
}

/* A name in RFC 4514 form; "" for an empty one. */
static bool pack_name(GByteArray *a, int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned), gnutls_x509_crt_t crt,
                      const char *what, GError **error)
{
        gnutls_datum_t name = {};
        int r = get(crt, &name, 0);

        if (r < 0 && r != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                return leaf_error(error, what, r);
        pack_string(a, name.data ? (const char *) name.data : "");
        gnutls_free(name.data);
        return true;
}

static bool pack_time(GByteArray *a, time_t t, const char *what, GError **error)
{
        if (t == (time_t) -1)
                return leaf_error(error, what, GNUTLS_E_ASN1_DER_ERROR);
        pack_u64(a, t > 0 ? (uint64_t) t * USEC_PER_SEC : 0);
        return true;
}

static KeyType key_type_of_certificate(gnutls_x509_crt_t crt)
{
        gnutls_pubkey_t key = NULL;
        KeyType type = _KEY_TYPE_INVALID;

        if (gnutls_pubkey_init(&key) >= 0 && gnutls_pubkey_import_x509(key, crt, 0) >= 0)
                type = key_type_of(key);
        gnutls_pubkey_deinit(key);
        return type;
}

GByteArray *leaf_pack_certificate(gnutls_x509_crt_t crt, GError **error)
{
        g_autoptr(GByteArray) a = g_byte_array_sized_new(512);
        g_auto(GStrv) sans = san_list_of_certificate(crt, error);

        if (!sans || !pack_fingerprint(a, crt, error) || !pack_serial(a, crt, error) ||
            !pack_name(a, gnutls_x509_crt_get_dn3, crt, "subject", error) ||
            !pack_name(a, gnutls_x509_crt_get_issuer_dn3, crt, "issuer", error))
                return NULL;
        pack_strv(a, (const char *const *) sans);
        pack_u32(a, usage_of_certificate(crt));
        pack_u32(a, (uint32_t) key_type_of_certificate(crt));
        if (!pack_time(a, gnutls_x509_crt_get_activation_time(crt), "start of validity", error) ||
            !pack_time(a, gnutls_x509_crt_get_expiration_time(crt), "end of validity", error))
                return NULL;
        pack_u8(a, 0);
        pack_u8(a, 0);
        return g_steal_pointer(&a);
}

void leaf_pack(GByteArray *a, const LeafFacts *leaf)
{
        pack_string(a, leaf->fingerprint);
        pack_string(a, leaf->serial);
        pack_string(a, leaf->subject);
        pack_string(a, leaf->issuer);
        pack_strv(a, (const char *const *) leaf->sans);
        pack_u32(a, leaf->usage);
        pack_u32(a, (uint32_t) leaf->key_type);
        pack_u64(a, leaf->not_before);
        pack_u64(a, leaf->not_after);
        pack_u8(a, leaf->key_matches);
        pack_u8(a, leaf->derived_match);
}

/* Strings are copied one after the other behind the struct and its list of names. */
typedef struct Tail {
        char *at;
} Tail;

static char *tail_copy(Tail *tail, Unpack *u)
{
        const char *s = unpack_string(u);
        size_t n;
        char *copy = tail->at;

        if (!s) {
                u->damaged = true;
                return NULL;
        }
        n = strlen(s) + 1;
        memcpy(copy, s, n);
        tail->at += n;
        return copy;
}

/* How much memory the facts need; also finds out whether the bytes are sound up to the end of the names. */
static bool measure(Unpack u, uint32_t *ret_n_sans, size_t *ret_size)
{
        const uint8_t *start = u.at;
        uint32_t n;

        for (unsigned i = 0; i < 4; i++)
                (void) unpack_string(&u);
        n = unpack_strv_size(&u);
        for (uint32_t i = 0; i < n && !u.damaged; i++)
                (void) unpack_string(&u);
        *ret_n_sans = n;
        *ret_size = sizeof(LeafFacts) + ((size_t) n + 1) * sizeof(char *) + (size_t) (u.at - start);
        return !u.damaged;
}

LeafFacts *leaf_unpack(Unpack *u)
{
        LeafFacts *leaf;
        uint32_t n;
        size_t size;
        Tail tail;

        if (!measure(*u, &n, &size))
                return NULL;
        leaf = g_malloc0(size);
        leaf->sans = (char **) (leaf + 1);
        tail.at = (char *) (leaf->sans + n + 1);
        leaf->fingerprint = tail_copy(&tail, u);
        leaf->serial = tail_copy(&tail, u);
        leaf->subject = tail_copy(&tail, u);
        leaf->issuer = tail_copy(&tail, u);
        (void) unpack_strv_size(u);
        for (uint32_t i = 0; i < n; i++)
                leaf->sans[i] = tail_copy(&tail, u);
        leaf->usage = unpack_u32(u);
        leaf->key_type = (KeyType) unpack_u32(u);
        leaf->not_before = unpack_u64(u);
        leaf->not_after = unpack_u64(u);
        leaf->key_matches = unpack_u8(u);
        leaf->derived_match = unpack_u8(u);
        if (!u->damaged)
                return leaf;
        g_free(leaf);
        return NULL;
}
