/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PKCS#12: owns its two bags. The certificate and its key have one key id, by which readers know that they are a pair. */

#include "client/export/pkcs12.h"

#include "common/error.h"

#include <gnutls/pkcs12.h>

#define KEY_ID_SIZE 20 /* SHA-1 of the public key (RFC 5280, 4.2.1.2); an id, and nothing else */

typedef struct KeyId {
        unsigned char data[KEY_ID_SIZE];
        size_t size;
} KeyId;

static bool fail(int r, GError **error)
{
        if (r >= 0)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "Making the PKCS#12 file: %s", gnutls_strerror(r));
        return false;
}

static int add_certificate(gnutls_pkcs12_bag_t bag, gnutls_x509_crt_t crt)
{
        return gnutls_pkcs12_bag_set_crt(bag, crt);
}

/* Readers show the name of the pair; the others are known by their subjects. */
static int fill_certificates(gnutls_pkcs12_bag_t bag, const Material *m, const char *name, const KeyId *id)
{
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < m->chain.n; i++) {
                r = add_certificate(bag, m->chain.crt[i]);
                if (r >= 0 && i == 0) {
                        int place = r;

                        r = gnutls_pkcs12_bag_set_friendly_name(bag, (unsigned) place, name);
                        if (r >= 0)
                                r = gnutls_pkcs12_bag_set_key_id(bag, (unsigned) place,
                                                                 &(gnutls_datum_t) { (unsigned char *) id->data, (unsigned) id->size });
                }
        }
        if (r >= 0 && m->ca)
                r = add_certificate(bag, m->ca);
        return r;
}

static int add_certificates(gnutls_pkcs12_t p12, const Material *m, const char *name, const KeyId *id, const char *password)
{
        gnutls_pkcs12_bag_t bag;
        int r = gnutls_pkcs12_bag_init(&bag);

        if (r < 0)
                return r;
        r = fill_certificates(bag, m, name, id);
        if (r >= 0)
                r = gnutls_pkcs12_bag_encrypt(bag, password, GNUTLS_PKCS_PBES2_AES_256);
        if (r >= 0)
                r = gnutls_pkcs12_set_bag(p12, bag);
        gnutls_pkcs12_bag_deinit(bag);
        return r;
}

/* The key as PKCS#8, encrypted. */
static int encrypt_key(GBytes *pem, const char *password, gnutls_datum_t *ret)
{
        size_t size;
        const void *data = g_bytes_get_data(pem, &size);
        gnutls_x509_privkey_t key;
        int r = gnutls_x509_privkey_init(&key);

        if (r < 0)
                return r;
        r = gnutls_x509_privkey_import(key, &(gnutls_datum_t) { (unsigned char *) data, (unsigned) size }, GNUTLS_X509_FMT_PEM);
        if (r >= 0)
                r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, password, GNUTLS_PKCS_PBES2_AES_256, ret);
        gnutls_x509_privkey_deinit(key);
        return r;
}

static int fill_key(gnutls_pkcs12_bag_t bag, const gnutls_datum_t *encrypted, const char *name, const KeyId *id)
{
        int place = gnutls_pkcs12_bag_set_data(bag, GNUTLS_BAG_PKCS8_ENCRYPTED_KEY, encrypted);
        int r = place;

        if (r >= 0)
                r = gnutls_pkcs12_bag_set_friendly_name(bag, (unsigned) place, name);
        if (r >= 0)
                r = gnutls_pkcs12_bag_set_key_id(bag, (unsigned) place,
                                                 &(gnutls_datum_t) { (unsigned char *) id->data, (unsigned) id->size });
        return r;
}

static int add_key(gnutls_pkcs12_t p12, const Material *m, const char *name, const KeyId *id, const char *password)
{
        gnutls_datum_t encrypted = {};
        gnutls_pkcs12_bag_t bag;
        int r = gnutls_pkcs12_bag_init(&bag);

        if (r < 0)
                return r;
        r = encrypt_key(m->key, password, &encrypted);
        if (r >= 0)
                r = fill_key(bag, &encrypted, name, id);
        if (r >= 0)
                r = gnutls_pkcs12_set_bag(p12, bag);
        gnutls_free(encrypted.data);
        gnutls_pkcs12_bag_deinit(bag);
        return r;
}

static int make(gnutls_pkcs12_t p12, const Material *m, const char *name, const char *password, gnutls_datum_t *ret)
{
        KeyId id = { .size = sizeof id.data };
        int r = gnutls_x509_crt_get_key_id(m->chain.crt[0], GNUTLS_KEYID_USE_SHA1, id.data, &id.size);

        if (r >= 0)
                r = add_certificates(p12, m, name, &id, password);
        if (r >= 0)
                r = add_key(p12, m, name, &id, password);
        if (r >= 0)
                r = gnutls_pkcs12_generate_mac2(p12, GNUTLS_MAC_SHA256, password);
        return r >= 0 ? gnutls_pkcs12_export2(p12, GNUTLS_X509_FMT_DER, ret) : r;
}

GBytes *pkcs12_make(const Material *m, const char *name, const Secret *password, GError **error)
{
        gnutls_datum_t der = {};
        GBytes *made = NULL;
        gnutls_pkcs12_t p12;

        if (!fail(gnutls_pkcs12_init(&p12), error))
                return NULL;
        if (fail(make(p12, m, name, (const char *) password->data, &der), error))
                made = g_bytes_new(der.data, der.size);
        gnutls_free(der.data);
        gnutls_pkcs12_deinit(p12);
        return made;
}
