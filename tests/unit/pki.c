/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A public-key infrastructure for a test. Each entity owns its key and its certificate. */

#include "tests/unit/pki.h"

#include "common/environment.h"

#include <gnutls/crypto.h>
#include <gnutls/pkcs7.h>
#include <stdarg.h>
#include <string.h>

static void good(int r)
{
        g_assert_cmpstr(r < 0 ? gnutls_strerror(r) : NULL, ==, NULL);
}

gnutls_x509_privkey_t pki_key_new(void)
{
        gnutls_x509_privkey_t key;

        good(gnutls_x509_privkey_init(&key));
        good(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
        return key;
}

gnutls_pubkey_t pki_public_key(gnutls_x509_privkey_t key)
{
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;

        good(gnutls_privkey_init(&private_key));
        good(gnutls_privkey_import_x509(private_key, key, GNUTLS_PRIVKEY_IMPORT_COPY));
        good(gnutls_pubkey_init(&public_key));
        good(gnutls_pubkey_import_privkey(public_key, private_key, 0, 0));
        gnutls_privkey_deinit(private_key);
        return public_key;
}

static gnutls_x509_privkey_t key_for(const PkiWish *wish)
{
        gnutls_x509_privkey_t key;

        if (!wish->key)
                return pki_key_new();
        good(gnutls_x509_privkey_init(&key));
        good(gnutls_x509_privkey_cpy(key, wish->key));
        return key;
}

/* ---- Certificates ---- */

static void set_identifiers(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
        unsigned char id[64];
        size_t size = sizeof(id);

        good(gnutls_x509_crt_get_key_id(crt, 0, id, &size));
        good(gnutls_x509_crt_set_subject_key_id(crt, id, size));
        size = sizeof(id);
        good(gnutls_x509_crt_get_key_id(issuer, 0, id, &size));
        good(gnutls_x509_crt_set_authority_key_id(crt, id, size));
}

static void set_constraint(gnutls_x509_crt_t crt, const char *permitted)
{
        gnutls_x509_name_constraints_t constraints;
        gnutls_datum_t name = { (unsigned char *) permitted, (unsigned) strlen(permitted) };

        good(gnutls_x509_name_constraints_init(&constraints));
        good(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &name));
        good(gnutls_x509_crt_set_name_constraints(crt, constraints, 1));
        gnutls_x509_name_constraints_deinit(constraints);
}

static void set_leaf(gnutls_x509_crt_t crt, const char *name)
{
        g_autofree char *host = g_strconcat(name, ".example", NULL);

        good(gnutls_x509_crt_set_basic_constraints(crt, 0, -1));
        good(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host, (unsigned) strlen(host), 0));
        good(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
        good(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
}

static void set_ca(gnutls_x509_crt_t crt, const PkiWish *wish)
{
        good(gnutls_x509_crt_set_basic_constraints(crt, 1, -1));
        good(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
        if (wish->permitted)
                set_constraint(crt, wish->permitted);
        if (wish->environment)
                good(environment_mark(crt, wish->environment));
}

static void fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name, const PkiWish *wish)
{
        g_autofree char *subject = wish->subject ? g_strdup(wish->subject) : g_strconcat("CN=", name, NULL);
        unsigned char serial[16];
        time_t now = time(NULL);

        good(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)));
        serial[0] &= 0x7f;
        good(gnutls_x509_crt_set_version(crt, 3));
        good(gnutls_x509_crt_set_key(crt, key));
        good(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)));
        if (*subject)
                good(gnutls_x509_crt_set_dn(crt, subject, NULL));
        good(gnutls_x509_crt_set_activation_time(crt, wish->from ?: now - 3600));
        good(gnutls_x509_crt_set_expiration_time(crt, wish->to ?: now + 90 * 86400));
        if (wish->is_ca)
                set_ca(crt, wish);
        else
                set_leaf(crt, name);
}

static GBytes *export(gnutls_x509_crt_t crt, gnutls_x509_crt_fmt_t format)
{
        gnutls_datum_t d;

        good(gnutls_x509_crt_export2(crt, format, &d));
        return g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data);
}

PkiEntity *pki_new(const char *name, const PkiWish *wish)
{
        PkiEntity *e = g_new0(PkiEntity, 1);
        gnutls_x509_crt_t issuer;

        e->key = key_for(wish);
        good(gnutls_x509_crt_init(&e->crt));
        fill(e->crt, e->key, name, wish);
        issuer = wish->issuer ? wish->issuer->crt : e->crt;
        if (!wish->without_identifiers)
                set_identifiers(e->crt, issuer);
        good(gnutls_x509_crt_sign2(e->crt, issuer,
                                   wish->signer
                                           ?: wish->issuer ? wish->issuer->key
                                                           : e->key,
                                   GNUTLS_DIG_SHA256, 0));
        e->der = export(e->crt, GNUTLS_X509_FMT_DER);
        e->pem = export(e->crt, GNUTLS_X509_FMT_PEM);
        return e;
}

PkiEntity *pki_free(PkiEntity *e)
{
        if (!e)
                return NULL;
        gnutls_x509_privkey_deinit(e->key);
        gnutls_x509_crt_deinit(e->crt);
        g_bytes_unref(e->der);
        g_bytes_unref(e->pem);
        g_free(e);
        return NULL;
}

/* ---- Files of several ---- */

GBytes *pki_pkcs7(gnutls_x509_crt_fmt_t format, const PkiEntity *first, ...)
{
        gnutls_pkcs7_t p7;
        gnutls_datum_t d;
        va_list more;

        good(gnutls_pkcs7_init(&p7));
        va_start(more, first);
        for (const PkiEntity *e = first; e; e = va_arg(more, const PkiEntity *))
                good(gnutls_pkcs7_set_crt(p7, e->crt));
        va_end(more);
        good(gnutls_pkcs7_export2(p7, format, &d));
        gnutls_pkcs7_deinit(p7);
        return g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data);
}

GBytes *pki_pem(const PkiEntity *first, ...)
{
        GByteArray *all = g_byte_array_new();
        va_list more;

        va_start(more, first);
        for (const PkiEntity *e = first; e; e = va_arg(more, const PkiEntity *))
                g_byte_array_append(all, g_bytes_get_data(e->pem, NULL), (unsigned) g_bytes_get_size(e->pem));
        va_end(more);
        return g_byte_array_free_to_bytes(all);
}
