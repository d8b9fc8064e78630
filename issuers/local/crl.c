/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A revocation list, written and signed. GnuTLS's own writer knows no reasons, and takes quadratic time. It
 * owns nothing. */

#include "issuers/local/crl.h"

#include "common/error.h"
#include "issuers/local/der.h"
#include "issuers/local/root.h"

#define OID_CRL_NUMBER       "2.5.29.20"
#define OID_REASON_CODE      "2.5.29.21"
#define OID_AUTHORITY_KEY_ID "2.5.29.35"
#define VERSION_2            1
#define EXPLICIT_0           (DER_CONTEXT | DER_CONSTRUCTED)
#define KEY_IDENTIFIER       DER_CONTEXT /* [0] */

static bool failed(int r, const Part *part, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "the revocation list of %s.pem: %s",
                            part->stem, gnutls_strerror(r));
        return r < 0;
}

static void append_extension(GByteArray *out, const char *oid, GByteArray *value)
{
        GByteArray *extension = g_byte_array_new();

        der_append_oid(extension, oid);
        der_append_array(extension, DER_OCTET_STRING, value);
        der_append_array(out, DER_SEQUENCE, extension);
}

/* ---- Entries ---- */

/* RFC 5280, 5.3.1: "unspecified" is said by saying nothing. */
static void append_reason(GByteArray *entry, const RevokedEntry *e)
{
        GByteArray *value, *extensions;

        if (e->reason == REVOCATION_UNSPECIFIED)
                return;
        value = g_byte_array_new();
        extensions = g_byte_array_new();
        der_append(value, DER_ENUMERATED, &e->reason, 1);
        append_extension(extensions, OID_REASON_CODE, value);
        der_append_array(entry, DER_SEQUENCE, extensions);
}

static GByteArray *entries_of(const Part *part, const Revoked *revoked)
{
        GByteArray *entries = g_byte_array_new();

        for (unsigned i = 0; i < revoked_size(revoked); i++) {
                const RevokedEntry *e = revoked_entry(revoked, i);
                GByteArray *entry;

                if (!g_str_equal(e->authority, part->fingerprint))
                        continue;
                entry = g_byte_array_new();
                der_append_unsigned(entry, e->serial, e->serial_size);
                der_append_time(entry, e->revoked);
                append_reason(entry, e);
                der_append_array(entries, DER_SEQUENCE, entry);
        }
        return entries;
}

/* ---- The list ---- */

/* RFC 3279, 2.2.1: with RSA the parameters are NULL; RFC 5758, 3.2 and RFC 8410, 3: else they are not there.
 */
static void append_algorithm(GByteArray *out, gnutls_sign_algorithm_t algorithm)
{
        GByteArray *content = g_byte_array_new();

        der_append_oid(content, gnutls_sign_get_oid(algorithm));
        if (gnutls_sign_get_pk_algorithm(algorithm) == GNUTLS_PK_RSA)
                der_append(content, DER_NULL, NULL, 0);
        der_append_array(out, DER_SEQUENCE, content);
}

/* RFC 5280, 5.2.1 and 5.2.3. */
static int append_extensions(GByteArray *out, const Part *part, uint64_t number)
{
        GByteArray *key_id = g_byte_array_new(), *value = g_byte_array_new(), *serial = g_byte_array_new(),
                   *list = g_byte_array_new(), *extensions = g_byte_array_new();
        unsigned char id[64];
        size_t size = sizeof(id);
        int r = gnutls_x509_crt_get_subject_key_id(part->crt, id, &size, NULL);

        if (r < 0) {
                size = sizeof(id);
                r = gnutls_x509_crt_get_key_id(part->crt, 0, id, &size);
        }
        der_append(key_id, KEY_IDENTIFIER, id, r < 0 ? 0 : size);
        der_append_array(value, DER_SEQUENCE, key_id);
        append_extension(list, OID_AUTHORITY_KEY_ID, value);
        der_append_number(serial, number);
        append_extension(list, OID_CRL_NUMBER, serial);
        der_append_array(extensions, DER_SEQUENCE, list);
        der_append_array(out, EXPLICIT_0, extensions);
        return r;
}

/* TBSCertList, RFC 5280, 5.1. */
static GByteArray *to_be_signed(const Part *part, gnutls_sign_algorithm_t algorithm, uint64_t number,
                                int64_t this_update, int64_t next_update, const Revoked *revoked,
                                GError **error)
{
        g_autoptr(GByteArray) content = g_byte_array_new();
        GByteArray *entries, *tbs;
        gnutls_datum_t issuer = { 0 };
        int r = gnutls_x509_crt_get_raw_dn(part->crt, &issuer);

        if (failed(r, part, error))
                return NULL;
        der_append_number(content, VERSION_2);
        append_algorithm(content, algorithm);
        g_byte_array_append(content, issuer.data, issuer.size);
        gnutls_free(issuer.data);
        der_append_time(content, this_update);
        der_append_time(content, next_update);
        entries = entries_of(part, revoked);
        if (entries->len > 0) /* "MUST be absent", RFC 5280, 5.1.2.6 */
                der_append(content, DER_SEQUENCE, entries->data, entries->len);
        g_byte_array_unref(entries);
        if (failed(append_extensions(content, part, number), part, error))
                return NULL;
        tbs = g_byte_array_new();
        der_append_array(tbs, DER_SEQUENCE, g_steal_pointer(&content));
        return tbs;
}

static bool may_sign(const Part *part, GError **error)
{
        unsigned usage, critical;

        if (gnutls_x509_crt_get_key_usage(part->crt, &usage, &critical) >= 0 && (usage & GNUTLS_KEY_CRL_SIGN))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "%s.pem may not sign revocation lists: its key usage lacks cRLSign (RFC 5280, 4.2.1.3)\n"
                    "Begin a new authority: certctl authority rotate ISSUER",
                    part->stem);
        return false;
}

static gnutls_sign_algorithm_t algorithm_of(gnutls_privkey_t key, gnutls_x509_crt_t crt)
{
        return gnutls_pk_to_sign((gnutls_pk_algorithm_t) gnutls_privkey_get_pk_algorithm(key, NULL),
                                 root_digest_of(crt));
}

GBytes *crl_new(const Part *part, gnutls_privkey_t key, uint64_t number, int64_t this_update,
                int64_t next_update, const Revoked *revoked, GError **error)
{
        gnutls_sign_algorithm_t algorithm = algorithm_of(key, part->crt);
        g_autoptr(GByteArray) tbs = NULL, bits = g_byte_array_new();
        GByteArray *list, *whole;
        gnutls_datum_t data, signature = { 0 };

        if (!may_sign(part, error))
                return NULL;
        tbs = to_be_signed(part, algorithm, number, this_update, next_update, revoked, error);
        if (!tbs)
                return NULL;
        data = (gnutls_datum_t){ tbs->data, tbs->len };
        if (failed(gnutls_privkey_sign_data2(key, algorithm, 0, &data, &signature), part, error))
                return NULL;
        g_byte_array_append(bits, (const guint8 *) "", 1); /* no bits unused */
        g_byte_array_append(bits, signature.data, signature.size);
        gnutls_free(signature.data);
        list = g_steal_pointer(&tbs);
        append_algorithm(list, algorithm);
        der_append(list, DER_BIT_STRING, bits->data, bits->len);
        whole = g_byte_array_new();
        der_append_array(whole, DER_SEQUENCE, list);
        return g_byte_array_free_to_bytes(whole);
}
