/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates with one flaw each, for the fake issuer. It owns nothing. */

#include "issuers/fake/leaf.h"

#include "common/san.h"
#include "common/timespan.h"
#include "common/usage.h"
#include "issuers/local/sign.h"

#define DAY (24 * 3600)

static void must(int r)
{
        if (r < 0)
                g_error("fake issuer: %s", gnutls_strerror(r));
}

static GBytes *to_der(gnutls_x509_crt_t crt)
{
        gnutls_datum_t der;

        must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der));
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

static gnutls_x509_privkey_t new_key(void)
{
        gnutls_x509_privkey_t key;

        must(gnutls_x509_privkey_init(&key));
        must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
        return key;
}

static void set_serial(gnutls_x509_crt_t crt)
{
        unsigned char serial[SERIAL_SIZE];

        if (!sign_random_serial(serial, NULL))
                g_error("fake issuer: no random numbers");
        must(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)));
}

static void add_name(gnutls_x509_crt_t crt, const char *text)
{
        g_autoptr(San) san = san_parse(text, NULL);

        if (!san || !san_add_to_certificate(san, crt, NULL))
                g_error("fake issuer: the name %s", text);
}

static void set_names(gnutls_x509_crt_t crt, const IssuerRequest *r, LeafFlaw flaw)
{
        for (char **name = r->sans; *name; name++)
                add_name(crt, flaw == LEAF_OTHER_NAME && name == r->sans ? "wrong.example" : *name);
        if (flaw == LEAF_EXTRA_NAME)
                add_name(crt, "extra.example");
}

static void set_times(gnutls_x509_crt_t crt, const IssuerRequest *r, LeafFlaw flaw)
{
        time_t now = now_realtime() / USEC_PER_SEC;
        time_t lifetime = r->lifetime > 0 ? (time_t) (r->lifetime / USEC_PER_SEC) + 60 : 30 * DAY;
        time_t from = flaw == LEAF_EXPIRED ? now - 90 * DAY : flaw == LEAF_NOT_YET ? now + DAY : now - 60;

        must(gnutls_x509_crt_set_activation_time(crt, from));
        must(gnutls_x509_crt_set_expiration_time(crt, flaw == LEAF_EXPIRED ? now - DAY : from + lifetime));
}

static void set_usages(gnutls_x509_crt_t crt, const IssuerRequest *r, LeafFlaw flaw)
{
        unsigned usage = r->usage;

        must(gnutls_x509_crt_set_basic_constraints(crt, flaw == LEAF_AUTHORITY, -1));
        must(gnutls_x509_crt_set_key_usage(crt, flaw == LEAF_AUTHORITY ? GNUTLS_KEY_KEY_CERT_SIGN
                                                                       : GNUTLS_KEY_DIGITAL_SIGNATURE));
        if (flaw == LEAF_OTHER_USAGE)
                must(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_CODE_SIGNING, 0));
        else if (usage & USAGE_SERVER)
                must(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
        if (flaw != LEAF_OTHER_USAGE && (usage & USAGE_CLIENT))
                must(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0));
}

static gnutls_x509_crt_t new_leaf(const IssuerRequest *r, LeafFlaw flaw)
{
        gnutls_x509_crt_t crt;
        gnutls_x509_privkey_t other;

        must(gnutls_x509_crt_init(&crt));
        must(gnutls_x509_crt_set_crq(crt, r->crq));
        must(gnutls_x509_crt_set_version(crt, 3));
        if (flaw == LEAF_OTHER_KEY) {
                other = new_key();
                must(gnutls_x509_crt_set_key(crt, other));
                gnutls_x509_privkey_deinit(other);
        }
        set_serial(crt);
        set_times(crt, r, flaw);
        set_names(crt, r, flaw);
        set_usages(crt, r, flaw);
        return crt;
}

/* An authority below the root: *ret_key signs for it. */
static gnutls_x509_crt_t new_intermediate(const Authority *a, gnutls_x509_privkey_t *ret_key)
{
        gnutls_x509_crt_t crt;
        time_t now = now_realtime() / USEC_PER_SEC;

        *ret_key = new_key();
        must(gnutls_x509_crt_init(&crt));
        must(gnutls_x509_crt_set_version(crt, 3));
        must(gnutls_x509_crt_set_dn(crt, "CN=fake intermediate", NULL));
        must(gnutls_x509_crt_set_key(crt, *ret_key));
        set_serial(crt);
        must(gnutls_x509_crt_set_activation_time(crt, now - 60));
        must(gnutls_x509_crt_set_expiration_time(crt, now + 60 * DAY));
        must(gnutls_x509_crt_set_basic_constraints(crt, 1, 0));
        must(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN));
        must(gnutls_x509_crt_privkey_sign(crt, authority_certificate(a), authority_key(a),
                                          authority_digest(a), 0));
        return crt;
}

GPtrArray *fake_chain_new(const Authority *a, const IssuerRequest *r, LeafFlaw flaw)
{
        GPtrArray *chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        gnutls_x509_crt_t leaf = new_leaf(r, flaw), intermediate;
        gnutls_x509_privkey_t key;

        if (flaw != LEAF_INTERMEDIATE) {
                must(gnutls_x509_crt_privkey_sign(leaf, authority_certificate(a), authority_key(a),
                                                  authority_digest(a), 0));
                g_ptr_array_add(chain, to_der(leaf));
        } else {
                intermediate = new_intermediate(a, &key);
                must(gnutls_x509_crt_sign2(leaf, intermediate, key, GNUTLS_DIG_SHA256, 0));
                g_ptr_array_add(chain, to_der(leaf));
                g_ptr_array_add(chain, to_der(intermediate));
                gnutls_x509_crt_deinit(intermediate);
                gnutls_x509_privkey_deinit(key);
        }
        gnutls_x509_crt_deinit(leaf);
        return chain;
}
