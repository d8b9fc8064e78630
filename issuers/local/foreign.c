/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request from elsewhere. It owns the parsed request and the names that will be certified. The order of the checks is that
 * of their cost: the size before the structure, the number of extensions before the key, the kind of key before its signature
 * is verified. */

#include "issuers/local/foreign.h"

#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"
#include "common/usage.h"
#include "issuers/local/der.h"
#include "issuers/local/request-subject.h"

#include <gnutls/abstract.h>
#include <string.h>

#define LIFETIME_MIN     (5 * USEC_PER_MINUTE)
#define LIFETIME_MAX     (36525 * USEC_PER_DAY) /* a hundred years, as in a manifest */
#define EXPONENT_MAX     8                      /* octets */
#define SIGN_WITH_SHA256 "Make the request anew, signed with SHA-256 or better."
#define MAKE_A_NEW_KEY                                                                                       \
        "Make a new key and a request of it: RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or "  \
        "Ed25519."

struct Foreign {
        gnutls_x509_crq_t crq;
        char **names;
        SignWish wish;
};

G_GNUC_PRINTF(3, 4)
static bool refuse(GError **error, CertError code, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(error, g_error_new_valist(CERT_ERROR, code, format, arguments));
        va_end(arguments);
        return false;
}

/* ---- Options ---- */

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Sorted, each once, in their normal form. */
static char **names_new(char **texts, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) wrong = NULL;

        if (g_strv_length(texts) > REQUEST_NAMES_MAX) {
                refuse(error, CERT_ERROR_ISSUER_REFUSED, "%u names are asked for, and at most %d are certified at once",
                       g_strv_length(texts), REQUEST_NAMES_MAX);
                return NULL;
        }
        for (char **text = texts; *text; text++) {
                g_autoptr(San) san = san_parse(*text, &wrong);

                if (!san) {
                        refuse(error, CERT_ERROR_ISSUER_REFUSED, "a name is none: %s", wrong->message);
                        return NULL;
                }
                g_ptr_array_add(names, san_to_string(san));
        }
        g_ptr_array_sort(names, compare);
        for (unsigned i = names->len; i > 1; i--)
                if (g_str_equal(names->pdata[i - 1], names->pdata[i - 2]))
                        g_ptr_array_remove_index(names, i - 1);
        g_ptr_array_add(names, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

static bool take_usage(char **texts, unsigned *ret, GError **error)
{
        for (char **text = texts; *text; text++) {
                Usage usage = usage_from_string(*text);

                if (!usage)
                        return refuse(error, CERT_ERROR_ISSUER_REFUSED, "\"%.64s\" is no usage: server or client", *text);
                *ret |= usage;
        }
        return true;
}

static bool take_lifetime(uint64_t lifetime, ForeignOptions *o, GError **error)
{
        if (lifetime < LIFETIME_MIN || lifetime > LIFETIME_MAX)
                return refuse(error, CERT_ERROR_ISSUER_REFUSED, "a lifetime is between five minutes and a hundred years");
        o->lifetime = lifetime;
        return true;
}

/* 1: read, 0: the value makes no sense, or negative. */
static int read_strings(sd_bus_message *m, bool is_usage, ForeignOptions *o, GError **error)
{
        char **texts = NULL; /* of malloc(), as GLib's */
        int r = sd_bus_message_enter_container(m, 'v', "as");

        if (r >= 0)
                r = sd_bus_message_read_strv(m, &texts);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0 && texts && is_usage)
                r = take_usage(texts, &o->usage, error);
        else if (r >= 0 && texts && *texts) {
                g_strfreev(o->names);
                o->names = names_new(texts, error);
                r = o->names != NULL;
        } else if (r >= 0)
                r = 1;
        g_strfreev(texts);
        return r;
}

static int read_option(sd_bus_message *m, ForeignOptions *o, GError **error)
{
        const char *key;
        uint64_t lifetime;
        int r = sd_bus_message_read(m, "s", &key);

        if (r < 0)
                return r;
        if (g_str_equal(key, "usage") || g_str_equal(key, "names"))
                return read_strings(m, g_str_equal(key, "usage"), o, error);
        if (!g_str_equal(key, "lifetime"))
                return refuse(error, CERT_ERROR_ISSUER_REFUSED, "the option \"%.64s\" is not known", key);
        r = sd_bus_message_read(m, "v", "t", &lifetime);
        return r < 0 ? r : take_lifetime(lifetime, o, error);
}

bool foreign_options_read(sd_bus_message *m, ForeignOptions *ret, GError **error)
{
        g_auto(ForeignOptions) o = { 0 };
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_option(m, &o, error);
                if (r == 0)
                        return false;
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "the options cannot be read: %s", g_strerror(-r));
        *ret = o;
        o = (ForeignOptions){ 0 };
        return true;
}

void foreign_options_clear(ForeignOptions *o)
{
        g_clear_pointer(&o->names, g_strfreev);
}

/* ---- The structure ---- */

/* RFC 2986, 4.1: the version is 0. GnuTLS looks at the first octet of that number alone. */
static bool check_version(const DerElement *version, GError **error)
{
        if (version->tag == DER_INTEGER && version->size == 1 && version->data[0] == 0)
                return true;
        if (version->tag == DER_INTEGER && version->size > 0 && (version->data[0] & 0x80))
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE, "the request has a negative version (RFC 2986, 4.1)");
        return refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                      "the request is not of version 0, the only one there is (RFC 2986, 4.1)");
}

static bool is_list(const unsigned char **at, size_t *left, DerElement *ret)
{
        return der_take(at, left, ret) && ret->tag == DER_SEQUENCE;
}

/* What GnuTLS reads too kindly, or does not give out. */
static bool check_structure(GBytes *der, GError **error)
{
        size_t left;
        const unsigned char *at = g_bytes_get_data(der, &left);
        DerElement request, info, version, subject;

        if (left == 0 || left > FOREIGN_REQUEST_MAX)
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE, "a request of %zu bytes (from 1 to %d)", left,
                              FOREIGN_REQUEST_MAX);
        if (!is_list(&at, &left, &request) || left > 0 || !is_list(&request.data, &request.size, &info) ||
            !der_take(&info.data, &info.size, &version))
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE, "this is no certificate request (PKCS#10, in DER)");
        if (!check_version(&version, error))
                return false;
        if (!is_list(&info.data, &info.size, &subject))
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE, "the request has no subject that can be read");
        return request_subject_check(subject.whole, subject.whole_size, error);
}

static bool import(Foreign *f, GBytes *der, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        int r = gnutls_x509_crq_init(&f->crq);

        if (r >= 0)
                r = gnutls_x509_crq_import(f->crq, &d, GNUTLS_X509_FMT_DER);
        return r >= 0 || refuse(error, CERT_ERROR_BAD_CERTIFICATE, "the certificate request cannot be read: %s",
                                gnutls_strerror(r));
}

/* ---- Key and signature ---- */

/* RFC 8017, 3.1: odd, and at least 3; with 1 a signature is its own message. A long one makes each who verifies work for
 * it. */
static bool check_exponent(gnutls_x509_crq_t crq, GError **error)
{
        gnutls_datum_t modulus = { 0 }, exponent = { 0 };
        gnutls_pubkey_t key;
        bool good;
        int r = gnutls_pubkey_init(&key);

        if (r < 0)
                return refuse(error, CERT_ERROR_ISSUER_REFUSED, "the request's key: %s", gnutls_strerror(r));
        r = gnutls_pubkey_import_x509_crq(key, crq, 0);
        if (r >= 0 && gnutls_pubkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_RSA) {
                gnutls_pubkey_deinit(key);
                return true;
        }
        if (r >= 0)
                r = gnutls_pubkey_export_rsa_raw2(key, &modulus, &exponent, GNUTLS_EXPORT_FLAG_NO_LZ);
        good = r >= 0 && exponent.size > 0 && exponent.size <= EXPONENT_MAX &&
               (exponent.data[exponent.size - 1] & 1) && (exponent.size > 1 || exponent.data[0] >= 3);
        gnutls_free(modulus.data);
        gnutls_free(exponent.data);
        gnutls_pubkey_deinit(key);
        return good || refuse(error, CERT_ERROR_ISSUER_REFUSED,
                              "the request's RSA key has a public exponent that is not certified: it is to be odd, from 3 "
                              "to 64 bits\n" MAKE_A_NEW_KEY);
}

/* That MD5 and SHA-1 are no longer safe to sign with is known even to who made the request with them. */
static bool check_algorithm(gnutls_x509_crq_t crq, GError **error)
{
        int algorithm = gnutls_x509_crq_get_signature_algorithm(crq);
        const char *name = algorithm > 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t) algorithm) : NULL;

        if (name && gnutls_sign_is_secure2((gnutls_sign_algorithm_t) algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
                return true;
        return refuse(error, CERT_ERROR_ISSUER_REFUSED,
                      "the request is signed with %s, which proves nothing any more\n" SIGN_WITH_SHA256,
                      name ?: "an unknown algorithm");
}

static bool check_key(gnutls_x509_crq_t crq, GError **error)
{
        return issuer_request_check_key(crq, MAKE_A_NEW_KEY, error) && check_exponent(crq, error) &&
               check_algorithm(crq, error);
}

static bool check_proof(const Foreign *f, GError **error)
{
        int r = gnutls_x509_crq_verify(f->crq, 0);

        return r >= 0 || refuse(error, CERT_ERROR_ISSUER_REFUSED,
                                "the certificate request is not signed by its own key: %s\n"
                                "It was damaged on its way, or whoever made it does not have that key. Have it sent again.",
                                gnutls_strerror(r));
}

/* ---- What will be certified ---- */

/* Its common name, when that is a host's; caller owns. */
static char *host_of_subject(gnutls_x509_crq_t crq)
{
        char value[256];
        size_t size = sizeof(value);
        g_autoptr(San) san = NULL;

        if (gnutls_x509_crq_get_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, 0, value, &size) < 0)
                return NULL;
        san = san_parse(value, NULL);
        return san ? san_to_string(san) : NULL;
}

static bool has_subject(gnutls_x509_crq_t crq)
{
        gnutls_datum_t dn = { 0 };
        bool has = gnutls_x509_crq_get_dn3(crq, &dn, 0) >= 0 && dn.size > 0;

        gnutls_free(dn.data);
        return has;
}

/* RFC 9525, 6.3: a server is known by its alternative names alone. A client may be known by its subject. */
static bool check_names(const Foreign *f, GError **error)
{
        g_autofree char *host = NULL;

        if (*f->names || (f->wish.usage == USAGE_CLIENT && has_subject(f->crq)))
                return true;
        if (f->wish.usage == USAGE_CLIENT)
                return refuse(error, CERT_ERROR_ISSUER_REFUSED,
                              "the request names nobody: it has no subject and no subject alternative name\n"
                              "Say for whom it is: certctl sign --name NAME.");
        host = host_of_subject(f->crq);
        return refuse(error, CERT_ERROR_ISSUER_REFUSED,
                      "the request has no subject alternative name, by which alone clients know a server\n"
                      "Say its name: certctl sign --name %s.",
                      host ?: "NAME");
}

static bool take_wish(Foreign *f, const ForeignOptions *o, GError **error)
{
        RequestExtensionsWanted wanted = (o->names ? 0 : REQUEST_NAMES) | (o->usage ? 0 : REQUEST_USAGE);
        RequestExtensions said = { 0 };

        if (!request_extensions_read(f->crq, wanted, &said, error))
                return false;
        f->names = said.names ?: g_strdupv(o->names);
        f->wish = (SignWish){
                .crq = f->crq,
                .sans = f->names,
                .usage = o->usage ?: said.usage ?: USAGE_SERVER,
                .lifetime = o->lifetime,
        };
        return check_names(f, error);
}

Foreign *foreign_new_unproven(GBytes *der, const ForeignOptions *options, GError **error)
{
        g_autoptr(Foreign) f = g_new0(Foreign, 1);

        if (!check_structure(der, error) || !import(f, der, error) || !request_extensions_check(f->crq, error) ||
            !check_key(f->crq, error) || !take_wish(f, options, error))
                return NULL;
        return g_steal_pointer(&f);
}

Foreign *foreign_new(GBytes *der, const ForeignOptions *options, GError **error)
{
        g_autoptr(Foreign) f = foreign_new_unproven(der, options, error);

        return f && check_proof(f, error) ? g_steal_pointer(&f) : NULL;
}

Foreign *foreign_free(Foreign *f)
{
        if (!f)
                return NULL;
        if (f->crq)
                gnutls_x509_crq_deinit(f->crq);
        g_strfreev(f->names);
        g_free(f);
        return NULL;
}

const SignWish *foreign_wish(const Foreign *f)
{
        return &f->wish;
}
