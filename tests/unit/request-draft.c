/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request in the making. It owns the key and the parts that are written so far. */

#include "tests/unit/request-draft.h"

#include "issuers/local/der.h"

#include <string.h>

#define DER_SET           0x31
#define DER_BOOLEAN       0x01
#define OID_EXTENSIONS    "1.2.840.113549.1.9.14" /* extensionRequest, RFC 2985, 5.4.2 */
#define OID_NAMES         "2.5.29.17"
#define OID_PURPOSES      "2.5.29.37"
#define OID_COMMON_NAME   "2.5.4.3"
#define OID_SHA256_ECDSA  "1.2.840.10045.4.3.2"
#define OID_SHA384_ECDSA  "1.2.840.10045.4.3.3"
#define OID_SHA512_ECDSA  "1.2.840.10045.4.3.4"
#define OID_SHA1_ECDSA    "1.2.840.10045.4.1"
#define OID_RSA           "1.2.840.113549.1.1.1"
#define OID_SHA256_RSA    "1.2.840.113549.1.1.11"
#define OID_SHA1_RSA      "1.2.840.113549.1.1.5"
#define OID_MD5_RSA       "1.2.840.113549.1.1.4"
#define OID_ED25519       "1.3.101.112"

RequestDraft *request_draft_new(KeyType type)
{
        static const guint8 zero = 0;
        RequestDraft *d = g_new0(RequestDraft, 1);

        d->version = g_byte_array_append(g_byte_array_new(), &zero, 1);
        d->rdns = g_byte_array_new();
        d->extensions = g_byte_array_new();
        g_assert_cmpint(gnutls_privkey_init(&d->key), >=, 0);
        g_assert_cmpint(gnutls_privkey_generate(d->key, key_type_algorithm(type), key_type_bits(type), 0), >=, 0);
        return d;
}

RequestDraft *request_draft_free(RequestDraft *d)
{
        gnutls_privkey_deinit(d->key);
        g_byte_array_unref(d->version);
        g_byte_array_unref(d->rdns);
        g_byte_array_unref(d->extensions);
        g_clear_pointer(&d->exponent, g_byte_array_unref);
        g_free(d);
        return NULL;
}

/* ---- Subject ---- */

void request_draft_add_rdn(RequestDraft *d, const char *oid, uint8_t tag, const void *value, size_t size)
{
        GByteArray *ava = g_byte_array_new(), *set = g_byte_array_new();

        der_append_oid(ava, oid);
        der_append(ava, tag, value, size);
        der_append_array(set, DER_SEQUENCE, ava);
        der_append_array(d->rdns, DER_SET, set);
}

void request_draft_add_common_name(RequestDraft *d, const char *name)
{
        request_draft_add_rdn(d, OID_COMMON_NAME, 12, name, strlen(name));
}

/* ---- Extensions ---- */

void request_draft_add_extension(RequestDraft *d, const char *oid, bool critical, const void *value, size_t size)
{
        GByteArray *extension = g_byte_array_new();

        der_append_oid(extension, oid);
        if (critical)
                der_append(extension, DER_BOOLEAN, "\xff", 1);
        der_append(extension, DER_OCTET_STRING, value, size);
        der_append_array(d->extensions, DER_SEQUENCE, extension);
}

static void add_sequence(RequestDraft *d, const char *oid, bool critical, GByteArray *content)
{
        g_autoptr(GByteArray) sequence = g_byte_array_new();

        der_append_array(sequence, DER_SEQUENCE, content);
        request_draft_add_extension(d, oid, critical, sequence->data, sequence->len);
}

void request_draft_add_name(GByteArray *names, uint8_t tag, const void *value, size_t size)
{
        der_append(names, tag, value, size);
}

void request_draft_add_names(RequestDraft *d, bool critical, GByteArray *names)
{
        add_sequence(d, OID_NAMES, critical, names);
}

void request_draft_add_dns_names(RequestDraft *d, const char *name, ...)
{
        GByteArray *names = g_byte_array_new();
        va_list rest;

        va_start(rest, name);
        for (; name; name = va_arg(rest, const char *))
                request_draft_add_name(names, 0x82, name, strlen(name));
        va_end(rest);
        request_draft_add_names(d, false, names);
}

void request_draft_add_purposes(RequestDraft *d, const char *oid, ...)
{
        GByteArray *purposes = g_byte_array_new();
        va_list rest;

        va_start(rest, oid);
        for (; oid; oid = va_arg(rest, const char *))
                der_append_oid(purposes, oid);
        va_end(rest);
        add_sequence(d, OID_PURPOSES, false, purposes);
}

/* ---- All of it ---- */

/* RFC 8017, A.1.1, in a SubjectPublicKeyInfo (RFC 3279, 2.3.1). */
static void append_rsa_key(GByteArray *out, gnutls_privkey_t key, const GByteArray *exponent)
{
        GByteArray *numbers = g_byte_array_new(), *algorithm = g_byte_array_new(), *info = g_byte_array_new();
        GByteArray *bits = g_byte_array_append(g_byte_array_new(), (const guint8 *) "", 1);
        gnutls_datum_t modulus, own;

        g_assert_cmpint(gnutls_privkey_export_rsa_raw2(key, &modulus, &own, NULL, NULL, NULL, NULL, NULL, NULL,
                                                       GNUTLS_EXPORT_FLAG_NO_LZ),
                        >=, 0);
        der_append_unsigned(numbers, modulus.data, modulus.size);
        der_append_unsigned(numbers, exponent->data, exponent->len);
        gnutls_free(modulus.data);
        gnutls_free(own.data);
        der_append_array(bits, DER_SEQUENCE, numbers);
        der_append_oid(algorithm, OID_RSA);
        der_append(algorithm, DER_NULL, "", 0);
        der_append_array(info, DER_SEQUENCE, algorithm);
        der_append_array(info, DER_BIT_STRING, bits);
        der_append_array(out, DER_SEQUENCE, info);
}

static void append_key(GByteArray *out, gnutls_privkey_t key)
{
        gnutls_pubkey_t public_key;
        gnutls_datum_t der;

        g_assert_cmpint(gnutls_pubkey_init(&public_key), >=, 0);
        g_assert_cmpint(gnutls_pubkey_import_privkey(public_key, key, 0, 0), >=, 0);
        g_assert_cmpint(gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &der), >=, 0);
        g_byte_array_append(out, der.data, der.size);
        gnutls_free(der.data);
        gnutls_pubkey_deinit(public_key);
}

static void append_attributes(GByteArray *out, GByteArray *extensions)
{
        GByteArray *set = g_byte_array_new(), *attribute = g_byte_array_new(), *all = g_byte_array_new();

        if (extensions->len > 0) {
                der_append(set, DER_SEQUENCE, extensions->data, extensions->len);
                der_append_oid(attribute, OID_EXTENSIONS);
                der_append_array(attribute, DER_SET, set);
                der_append_array(all, DER_SEQUENCE, attribute);
        } else {
                g_byte_array_unref(set);
                g_byte_array_unref(attribute);
        }
        der_append_array(out, DER_CONTEXT | DER_CONSTRUCTED, all);
}

static gnutls_digest_algorithm_t digest_of(const RequestDraft *d)
{
        switch (gnutls_privkey_get_pk_algorithm(d->key, NULL)) {
        case GNUTLS_PK_EDDSA_ED25519:
                return GNUTLS_DIG_SHA512;
        default:
                return d->digest ?: GNUTLS_DIG_SHA256;
        }
}

static void append_algorithm(GByteArray *out, const RequestDraft *d)
{
        GByteArray *algorithm = g_byte_array_new();
        gnutls_digest_algorithm_t digest = digest_of(d);

        switch (gnutls_privkey_get_pk_algorithm(d->key, NULL)) {
        case GNUTLS_PK_RSA:
                der_append_oid(algorithm, digest == GNUTLS_DIG_MD5    ? OID_MD5_RSA
                                          : digest == GNUTLS_DIG_SHA1 ? OID_SHA1_RSA
                                                                      : OID_SHA256_RSA);
                der_append(algorithm, DER_NULL, "", 0);
                break;
        case GNUTLS_PK_EDDSA_ED25519:
                der_append_oid(algorithm, OID_ED25519);
                break;
        default:
                der_append_oid(algorithm, digest == GNUTLS_DIG_SHA1     ? OID_SHA1_ECDSA
                                          : digest == GNUTLS_DIG_SHA384 ? OID_SHA384_ECDSA
                                          : digest == GNUTLS_DIG_SHA512 ? OID_SHA512_ECDSA
                                                                        : OID_SHA256_ECDSA);
        }
        der_append_array(out, DER_SEQUENCE, algorithm);
}

static void append_signature(GByteArray *out, const RequestDraft *d, const GByteArray *info)
{
        gnutls_datum_t data = { info->data, info->len }, signature;
        GByteArray *bits = g_byte_array_append(g_byte_array_new(), (const guint8 *) "", 1);

        g_assert_cmpint(gnutls_privkey_sign_data(d->key, digest_of(d), 0, &data, &signature), >=, 0);
        if (d->broken)
                signature.data[signature.size - 1] ^= 1;
        g_byte_array_append(bits, signature.data, signature.size);
        gnutls_free(signature.data);
        der_append_array(out, DER_BIT_STRING, bits);
}

GBytes *request_draft_sign(const RequestDraft *d)
{
        GByteArray *content = g_byte_array_new(), *info = g_byte_array_new(), *request = g_byte_array_new();
        GByteArray *whole = g_byte_array_new();

        der_append(content, DER_INTEGER, d->version->data, d->version->len);
        der_append(content, DER_SEQUENCE, d->rdns->data, d->rdns->len);
        if (d->exponent)
                append_rsa_key(content, d->key, d->exponent);
        else
                append_key(content, d->key);
        append_attributes(content, d->extensions);
        der_append_array(info, DER_SEQUENCE, content);
        g_byte_array_append(request, info->data, info->len);
        append_algorithm(request, d);
        append_signature(request, d, info);
        g_byte_array_unref(info);
        der_append_array(whole, DER_SEQUENCE, request);
        return g_byte_array_free_to_bytes(whole);
}
