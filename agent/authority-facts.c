/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority's facts
 *
 * Owns what a local authority said of itself, once it is read: its certificates in their order, what it revoked, and the
 * digests by which others notice that either became another. How the facts come from a message stands in
 * agent/authority-facts-read.c, how they are kept in agent/authority-facts-file.c.
 */

#include "agent/authority-facts.h"

#include "agent/authority-facts-private.h"
#include "agent/leaf.h"
#include "agent/roots.h"
#include "common/enum-table.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#define HALF_DIGEST 32 /* characters */

static const char *const roles_table[_AUTHORITY_ROLE_MAX] = {
        [AUTHORITY_ROLE_CURRENT] = "current",
        [AUTHORITY_ROLE_NEXT] = "next",
        [AUTHORITY_ROLE_OLD] = "old",
};

ENUM_TABLE(authority_role, AuthorityRole, roles_table, _AUTHORITY_ROLE_MAX, _AUTHORITY_ROLE_INVALID)

/* ---- One certificate ---- */

static AuthorityCertificate *authority_certificate_free(AuthorityCertificate *c)
{
        if (!c)
                return NULL;
        g_free(c->fingerprint);
        g_free(c->serial);
        g_free(c->subject);
        g_clear_pointer(&c->crt, gnutls_x509_crt_deinit);
        g_clear_pointer(&c->der, g_bytes_unref);
        g_free(c);
        return NULL;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuthorityCertificate, authority_certificate_free)

static void authority_certificate_destroy(gpointer c)
{
        authority_certificate_free(c);
}

static bool import_der(AuthorityCertificate *c, GError **error)
{
        size_t size;
        const void *data = g_bytes_get_data(c->der, &size);
        gnutls_datum_t der = { (unsigned char *) data, (unsigned) size };
        int r = size <= AUTHORITY_CERTIFICATE_MAX ? gnutls_x509_crt_init(&c->crt) : GNUTLS_E_LARGE_PACKET;

        if (r >= 0)
                r = gnutls_x509_crt_import(c->crt, &der, GNUTLS_X509_FMT_DER);
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "One of the authority's certificates cannot be read: %s", gnutls_strerror(r));
        return r >= 0;
}

static AuthorityCertificate *authority_certificate_new(GBytes *der, AuthorityRole role, GError **error)
{
        g_autoptr(AuthorityCertificate) c = g_new0(AuthorityCertificate, 1);
        g_autoptr(GByteArray) packed = NULL;
        g_autofree LeafFacts *said = NULL;
        Unpack u;

        c->der = g_bytes_ref(der);
        c->role = role;
        if (!import_der(c, error))
                return NULL;
        packed = leaf_pack_certificate(c->crt, error);
        if (!packed)
                return NULL;
        u = unpack_new(packed->data, packed->len);
        said = leaf_unpack(&u);
        c->fingerprint = g_strdup(said->fingerprint);
        c->serial = g_strdup(said->serial);
        c->subject = g_strdup(said->subject);
        c->key_type = said->key_type;
        c->not_before = said->not_before;
        c->not_after = said->not_after;
        return g_steal_pointer(&c);
}

static int compare_certificates(gconstpointer a, gconstpointer b)
{
        const AuthorityCertificate *x = *(AuthorityCertificate *const *) a, *y = *(AuthorityCertificate *const *) b;

        if (x->not_before != y->not_before)
                return x->not_before < y->not_before ? -1 : 1;
        return strcmp(x->fingerprint, y->fingerprint);
}

/* ---- Serial numbers ---- */

/* Without the octet that DER puts before a number whose first bit is set (X.690, 8.3.3): the same number is written in
 * one way. */
static const char *serial_digits(const char *serial)
{
        while (serial[0] == '0' && serial[1] == '0' && serial[2])
                serial += 2;
        return serial;
}

bool authority_serial_is_sane(const char *serial)
{
        size_t n = strlen(serial);

        return n > 0 && n <= AUTHORITY_SERIAL_MAX && strspn(serial, "0123456789abcdef") == n;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Sorted, each once. */
static char **serials_new(char **serials, size_t *ret_n)
{
        size_t n = serials ? g_strv_length(serials) : 0, kept = 0;
        char **list = g_new0(char *, n + 1);

        for (size_t i = 0; i < n; i++)
                list[i] = g_strdup(serial_digits(serials[i]));
        qsort(list, n, sizeof(*list), compare_strings);
        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && g_str_equal(list[kept - 1], list[i]))
                        g_free(list[i]);
                else
                        list[kept++] = list[i];
        }
        list[kept] = NULL;
        *ret_n = kept;
        return list;
}

/* ---- All of it ---- */

static bool refuse(GError **error, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "The authority has %s", what);
        return false;
}

static bool check_roles(const AuthorityFacts *f, GError **error)
{
        unsigned n[_AUTHORITY_ROLE_MAX] = {};

        for (unsigned i = 0; i < f->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);

                n[c->role]++;
                for (unsigned j = 0; j < i; j++) {
                        const AuthorityCertificate *other = g_ptr_array_index(f->certificates, j);

                        if (g_str_equal(other->fingerprint, c->fingerprint))
                                return refuse(error, "one certificate twice");
                }
        }
        if (n[AUTHORITY_ROLE_CURRENT] > 1)
                return refuse(error, "two current certificates");
        if (n[AUTHORITY_ROLE_NEXT] > 1)
                return refuse(error, "two next certificates");
        if (!f->missing && n[AUTHORITY_ROLE_CURRENT] == 0)
                return refuse(error, "no current certificate");
        return true;
}

/* The revocation lists are of who signs them and of what is revoked: each has its half of the digest, so that one can say
 * which of them changed (plan-bundle.c). 128 bits are enough where nobody gains by a collision. */
static void make_digests(AuthorityFacts *f)
{
        g_autoptr(GChecksum) trust = g_checksum_new(G_CHECKSUM_SHA256), revoked = g_checksum_new(G_CHECKSUM_SHA256);

        for (unsigned i = 0; i < f->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);

                g_checksum_update(trust, (const guchar *) c->fingerprint, (gssize) strlen(c->fingerprint) + 1);
        }
        for (char **serial = f->revoked; *serial; serial++)
                g_checksum_update(revoked, (const guchar *) *serial, (gssize) strlen(*serial) + 1);
        f->trust_digest = g_strdup(g_checksum_get_string(trust));
        f->crl_digest = g_strdup_printf("%.*s%.*s", HALF_DIGEST, f->trust_digest, HALF_DIGEST,
                                        g_checksum_get_string(revoked));
}

bool authority_crl_digest_same_signers(const char *a, const char *b)
{
        return strncmp(a, b, HALF_DIGEST) == 0;
}

AuthorityFacts *authority_facts_new(bool missing, GPtrArray *ders, const AuthorityRole *roles, char **revoked,
                                    GError **error)
{
        g_autoptr(AuthorityFacts) f = g_new0(AuthorityFacts, 1);

        f->references = 1;
        f->missing = missing;
        f->certificates = g_ptr_array_new_with_free_func(authority_certificate_destroy);
        for (unsigned i = 0; i < ders->len; i++) {
                AuthorityCertificate *c = authority_certificate_new(g_ptr_array_index(ders, i), roles[i], error);

                if (!c)
                        return NULL;
                g_ptr_array_add(f->certificates, c);
        }
        g_ptr_array_sort(f->certificates, compare_certificates);
        f->revoked = serials_new(revoked, &f->n_revoked);
        if (!check_roles(f, error))
                return NULL;
        make_digests(f);
        return g_steal_pointer(&f);
}

void authority_facts_set_issued_until(AuthorityFacts *f, const char *fingerprint, uint64_t until)
{
        for (unsigned i = 0; i < f->certificates->len; i++) {
                AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);

                if (g_str_equal(c->fingerprint, fingerprint))
                        c->issued_until = MIN(until, c->not_after); /* nothing of it is believed for longer */
        }
}

AuthorityFacts *authority_facts_ref(AuthorityFacts *f)
{
        f->references++;
        return f;
}

AuthorityFacts *authority_facts_unref(AuthorityFacts *f)
{
        if (!f || --f->references > 0)
                return NULL;
        g_clear_pointer(&f->certificates, g_ptr_array_unref);
        g_strfreev(f->revoked);
        g_free(f->trust_digest);
        g_free(f->crl_digest);
        g_free(f);
        return NULL;
}

/* ---- Questions ---- */

const AuthorityCertificate *authority_facts_in_role(const AuthorityFacts *f, AuthorityRole role)
{
        for (unsigned i = f->certificates->len; i > 0; i--) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i - 1);

                if (c->role == role)
                        return c;
        }
        return NULL;
}

uint64_t authority_facts_old_needed_until(const AuthorityFacts *f)
{
        uint64_t until = 0;

        for (unsigned i = 0; i < f->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);

                if (c->role == AUTHORITY_ROLE_OLD)
                        until = MAX(until, c->issued_until);
        }
        return until;
}

const AuthorityCertificate *authority_facts_find(const AuthorityFacts *f, const char *fingerprint)
{
        for (unsigned i = 0; fingerprint && i < f->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);

                if (g_str_equal(c->fingerprint, fingerprint))
                        return c;
        }
        return NULL;
}

/* Whose signature it is, no more: whether either is valid now, and by today's measures, others judge. Names and key
 * identifiers are compared first (RFC 5280, 4.2.1.1); all certificates of one authority may bear the same name. */
static bool has_signed(const AuthorityCertificate *c, gnutls_x509_crt_t leaf)
{
        unsigned flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |
                         GNUTLS_VERIFY_ALLOW_BROKEN;
        gnutls_x509_crt_t issuer = c->crt;
        unsigned status = 0;

        return gnutls_x509_crt_check_issuer(leaf, issuer) &&
               gnutls_x509_crt_verify(leaf, &issuer, 1, flags, &status) >= 0 && status == 0;
}

const AuthorityCertificate *authority_facts_signer(const AuthorityFacts *f, gnutls_x509_crt_t leaf)
{
        for (unsigned i = f->certificates->len; i > 0; i--) { /* the youngest first: most are of it */
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i - 1);

                if (has_signed(c, leaf))
                        return c;
        }
        return NULL;
}

bool authority_facts_is_revoked(const AuthorityFacts *f, const char *serial)
{
        const char *digits = serial_digits(serial);

        return bsearch(&digits, f->revoked, f->n_revoked, sizeof(*f->revoked), compare_strings) != NULL;
}

GBytes *authority_facts_to_pem(const AuthorityFacts *f)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new();

        for (unsigned i = 0; i < f->certificates->len; i++)
                g_ptr_array_add(ders, ((AuthorityCertificate *) g_ptr_array_index(f->certificates, i))->der);
        return roots_to_pem(ders, NULL); /* they were parsed already: only memory could fail it */
}
