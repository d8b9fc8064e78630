/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signing: from a request and an authority to a certificate. The names and the key come from the request,
 * which has proven to hold them; all else is the profile. It owns nothing. */

#include "issuers/local/sign.h"

#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"
#include "common/usage.h"

#include <gnutls/crypto.h>

#define OID_SUBJECT_ALT_NAME "2.5.29.17"
#define BACKDATE_USEC        USEC_PER_MINUTE /* clocks differ */
#define LIFETIME_MIN         (2 * USEC_PER_MINUTE)

static bool failed(int r, const char *what, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s: %s", what, gnutls_strerror(r));
        return r < 0;
}

bool sign_random_serial(unsigned char serial[SERIAL_SIZE], GError **error)
{
        if (failed(gnutls_rnd(GNUTLS_RND_NONCE, serial, SERIAL_SIZE), "a random serial number", error))
                return false;
        serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and of one length */
        return true;
}

/* From a minute ago until the lifetime's end, but never longer than the authority itself. */
static bool set_validity(gnutls_x509_crt_t crt, const Authority *a, const AuthorityOptions *o,
                         const SignWish *w, uint64_t now, GError **error)
{
        uint64_t lifetime = w->lifetime ?: o->certificate_lifetime;
        uint64_t end =
                (uint64_t) gnutls_x509_crt_get_expiration_time(authority_certificate(a)) * USEC_PER_SEC;
        uint64_t to = lifetime < end - MIN(end, now) ? now + lifetime : end;
        int n;

        if (end < now + LIFETIME_MIN) {
                g_autofree char *text = timestamp_format(end);

                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "the authority's own certificate ends on %s\nBegin a new authority: certctl "
                            "authority "
                            "rotate %s",
                            text, o->name);
                return false;
        }
        n = gnutls_x509_crt_set_activation_time(crt, (now - MIN(now, BACKDATE_USEC)) / USEC_PER_SEC);
        if (n >= 0)
                n = gnutls_x509_crt_set_expiration_time(crt, to / USEC_PER_SEC);
        return !failed(n, "the times of a certificate", error);
}

/* RFC 5280, 4.2.1.6: with an empty subject the extension must be critical. GnuTLS writes it as not critical.
 */
static int make_names_critical(gnutls_x509_crt_t crt)
{
        gnutls_datum_t value = { 0 };
        unsigned critical;
        int r = 0;

        for (unsigned i = 0; r >= 0; i++) {
                char oid[64];
                size_t size = sizeof(oid);

                r = gnutls_x509_crt_get_extension_info(crt, i, oid, &size, &critical);
                if (r < 0 || !g_str_equal(oid, OID_SUBJECT_ALT_NAME))
                        continue;
                r = gnutls_x509_crt_get_extension_data2(crt, i, &value);
                if (r >= 0)
                        r = gnutls_x509_crt_set_extension_by_oid(crt, OID_SUBJECT_ALT_NAME, value.data,
                                                                 value.size, 1);
                gnutls_free(value.data);
                return r;
        }
        return r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? 0 : r;
}

static bool set_names(gnutls_x509_crt_t crt, const SignWish *w, GError **error)
{
        gnutls_datum_t dn = { 0 };
        bool empty;

        for (char *const *name = w->sans; *name; name++) {
                g_autoptr(San) san = san_parse(*name, error);

                if (!san || !san_add_to_certificate(san, crt, error))
                        return false;
        }
        empty = gnutls_x509_crq_get_dn3(w->crq, &dn, 0) < 0 || dn.size == 0;
        gnutls_free(dn.data);
        if (empty && !*w->sans) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "a certificate without any name is not signed");
                return false;
        }
        return !empty || !failed(make_names_critical(crt), "the names of a certificate", error);
}

/* What the manifest says now, and what the certificate in place says: the one may have changed since the
 * other was made. */
static bool check_constraints(gnutls_x509_crt_t crt, const Authority *a, const AuthorityOptions *o,
                              GError **error)
{
        g_autoptr(Constraints) own = constraints_of_certificate(authority_certificate(a), error);

        return own && constraints_check(own, o->name, crt, error) &&
               constraints_check(o->names, o->name, crt, error);
}

/* RFC 5280, 4.2.1.1 to 4.2.1.12. */
static bool set_extensions(gnutls_x509_crt_t crt, const Authority *a, const SignWish *w, GError **error)
{
        bool rsa = gnutls_x509_crt_get_pk_algorithm(crt, NULL) == GNUTLS_PK_RSA;
        unsigned char id[64];
        size_t size = sizeof(id);
        int n = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);

        if (n >= 0)
                n = gnutls_x509_crt_set_key_usage(
                        crt, GNUTLS_KEY_DIGITAL_SIGNATURE |
                                     (rsa && (w->usage & USAGE_SERVER) ? GNUTLS_KEY_KEY_ENCIPHERMENT : 0));
        if (n >= 0 && (w->usage & USAGE_SERVER))
                n = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
        if (n >= 0 && (w->usage & USAGE_CLIENT))
                n = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
        if (n >= 0)
                n = gnutls_x509_crt_get_key_id(crt, 0, id, &size);
        if (n >= 0)
                n = gnutls_x509_crt_set_subject_key_id(crt, id, size);
        size = sizeof(id);
        if (n >= 0)
                n = gnutls_x509_crt_get_subject_key_id(authority_certificate(a), id, &size, NULL);
        if (n >= 0)
                n = gnutls_x509_crt_set_authority_key_id(crt, id, size);
        return !failed(n, "the extensions of a certificate", error);
}

static GBytes *sign(gnutls_x509_crt_t crt, const Authority *a, GError **error)
{
        gnutls_datum_t der = { 0 };
        int n = gnutls_x509_crt_privkey_sign(crt, authority_certificate(a), authority_key(a),
                                             authority_digest(a), 0);

        if (n >= 0)
                n = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
        if (failed(n, "signing a certificate", error))
                return NULL;
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

GBytes *sign_wish(const Authority *a, const AuthorityOptions *o, const SignWish *w, uint64_t now, GError **error)
{
        unsigned char serial[SERIAL_SIZE];
        gnutls_x509_crt_t crt;
        GBytes *der = NULL;
        int n;

        if (!sign_random_serial(serial, error) || failed(gnutls_x509_crt_init(&crt), "a certificate", error))
                return NULL;
        n = gnutls_x509_crt_set_crq(crt, w->crq); /* subject and key */
        if (n >= 0)
                n = gnutls_x509_crt_set_version(crt, 3);
        if (n >= 0)
                n = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
        if (!failed(n, "a certificate", error) && set_validity(crt, a, o, w, now, error) &&
            set_names(crt, w, error) && check_constraints(crt, a, o, error) &&
            set_extensions(crt, a, w, error))
                der = sign(crt, a, error);
        gnutls_x509_crt_deinit(crt);
        return der;
}

GBytes *sign_request(const Authority *a, const AuthorityOptions *o, const IssuerRequest *r, uint64_t now,
                     GError **error)
{
        const SignWish w = { .crq = r->crq, .sans = r->sans, .usage = r->usage, .lifetime = r->lifetime };

        return sign_wish(a, o, &w, now, error);
}
