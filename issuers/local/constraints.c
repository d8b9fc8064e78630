/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an authority may sign, as a whole: the sets of permitted and of excluded subtrees, read from the
 * manifest or from a CA certificate, written into one, and held against the names of a certificate before it
 * is signed. */

#include "issuers/local/constraints.h"

#include "common/error.h"
#include "common/subtree.h"

#include <string.h>

static void subtree_destroy(void *c)
{
        subtree_free(c);
}

static Constraints *constraints_empty(void)
{
        Constraints *c = g_new0(Constraints, 1);

        c->permitted = g_ptr_array_new_with_free_func(subtree_destroy);
        c->excluded = g_ptr_array_new_with_free_func(subtree_destroy);
        return c;
}

Constraints *constraints_free(Constraints *c)
{
        if (!c)
                return NULL;
        g_ptr_array_unref(c->permitted);
        g_ptr_array_unref(c->excluded);
        g_free(c);
        return NULL;
}

/* ---- From the manifest ---- */

static bool add_texts(GPtrArray *to, const char *issuer, const char *key, char *const *texts, GError **error)
{
        for (unsigned i = 0; texts && texts[i]; i++) {
                g_autoptr(GError) wrong = NULL;
                Subtree *c = subtree_parse(texts[i], &wrong);

                if (!c) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                                    "issuers.%s.names.%s[%u]: %s", issuer, key, i, wrong->message);
                        return false;
                }
                g_ptr_array_add(to, c);
        }
        return true;
}

Constraints *constraints_new(const char *issuer, char *const *permitted, char *const *excluded,
                             GError **error)
{
        g_autoptr(Constraints) c = constraints_empty();

        return add_texts(c->permitted, issuer, "permitted", permitted, error) &&
                               add_texts(c->excluded, issuer, "excluded", excluded, error)
                       ? g_steal_pointer(&c)
                       : NULL;
}

/* ---- From and into a certificate ---- */

typedef int (*GetConstraint)(gnutls_x509_name_constraints_t nc, unsigned i, unsigned *type,
                             gnutls_datum_t *name);
typedef int (*AddConstraint)(gnutls_x509_name_constraints_t nc, gnutls_x509_subject_alt_name_t type,
                             const gnutls_datum_t *name);

static int read_all(GPtrArray *to, gnutls_x509_name_constraints_t nc, GetConstraint get)
{
        unsigned type;
        gnutls_datum_t name;
        int r;

        for (unsigned i = 0;; i++) {
                r = get(nc, i, &type, &name);
                if (r < 0)
                        return r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? 0 : r;
                g_ptr_array_add(to, subtree_new(type, &name));
        }
}

Constraints *constraints_of_certificate(gnutls_x509_crt_t ca, GError **error)
{
        g_autoptr(Constraints) c = constraints_empty();
        gnutls_x509_name_constraints_t nc = NULL;
        unsigned critical;
        int r = gnutls_x509_name_constraints_init(&nc);

        if (r >= 0)
                r = gnutls_x509_crt_get_name_constraints(ca, nc, 0, &critical);
        if (r >= 0)
                r = read_all(c->permitted, nc, gnutls_x509_name_constraints_get_permitted);
        if (r >= 0)
                r = read_all(c->excluded, nc, gnutls_x509_name_constraints_get_excluded);
        if (nc)
                gnutls_x509_name_constraints_deinit(nc);
        if (r >= 0 || r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                return g_steal_pointer(&c);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "the name constraints of an authority's certificate: %s", gnutls_strerror(r));
        return NULL;
}

static int write_all(const GPtrArray *from, gnutls_x509_name_constraints_t nc, AddConstraint add)
{
        gnutls_datum_t name;
        int r = 0;

        for (unsigned i = 0; i < from->len && r >= 0; i++) {
                gnutls_x509_subject_alt_name_t type = subtree_general_name(from->pdata[i], &name);

                r = add(nc, type, &name);
        }
        return r;
}

int constraints_set(const Constraints *c, gnutls_x509_crt_t ca)
{
        gnutls_x509_name_constraints_t nc;
        int r;

        if (!c || c->permitted->len + c->excluded->len == 0)
                return 0;
        r = gnutls_x509_name_constraints_init(&nc);
        if (r < 0)
                return r;
        r = write_all(c->permitted, nc, gnutls_x509_name_constraints_add_permitted);
        if (r >= 0)
                r = write_all(c->excluded, nc, gnutls_x509_name_constraints_add_excluded);
        if (r >= 0)
                r = gnutls_x509_crt_set_name_constraints(ca, nc, /* critical= */ 1);
        gnutls_x509_name_constraints_deinit(nc);
        return r;
}

/* ---- Checking ---- */

static bool refuse(const char *issuer, const San *name, const char *why, GError **error)
{
        g_autofree char *text = san_to_string(name);

        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                    "the authority \"%s\" does not sign \"%s\": %s\nChange the name; or change "
                    "issuers.%s.names in the "
                    "manifest and then begin a new authority: certctl authority rotate %s",
                    issuer, text, why, issuer, issuer);
        return false;
}

static char *list_of_type(const GPtrArray *constraints, SanType type)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < constraints->len; i++) {
                const Subtree *c = constraints->pdata[i];
                g_autofree char *one = c->type == type ? subtree_to_string(c) : NULL;

                if (one)
                        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", one);
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool check_name(const Constraints *c, const char *issuer, const San *name, GError **error)
{
        g_autofree char *why = NULL, *list = NULL;
        bool bound = false, held = false;

        for (unsigned i = 0; i < c->excluded->len; i++)
                if (subtree_touches(c->excluded->pdata[i], name)) {
                        g_autofree char *text = subtree_to_string(c->excluded->pdata[i]);

                        why = g_strdup_printf("its constraints exclude %s", text);
                        return refuse(issuer, name, why, error);
                }
        for (unsigned i = 0; i < c->permitted->len; i++) {
                const Subtree *one = c->permitted->pdata[i];

                bound = bound || one->type == name->type;
                held = held || subtree_covers(one, name);
        }
        if (!bound || held)
                return true;
        list = list_of_type(c->permitted, name->type);
        why = g_strdup_printf("its constraints permit only %.256s", list);
        return refuse(issuer, name, why, error);
}

/* A value of the subject, as UTF-8; NULL when there are no more. Caller owns. */
static char *subject_value(gnutls_x509_crt_t crt, const char *oid, unsigned i)
{
        size_t size = 0;
        g_autofree char *value = NULL;

        if (gnutls_x509_crt_get_dn_by_oid(crt, oid, i, 0, NULL, &size) != GNUTLS_E_SHORT_MEMORY_BUFFER)
                return NULL;
        value = g_malloc0(size + 1);
        return gnutls_x509_crt_get_dn_by_oid(crt, oid, i, 0, value, &size) < 0 ? NULL
                                                                               : g_steal_pointer(&value);
}

/* A value of the subject that reads as a name is held to the same constraints. One without a dot, such as
 * "Alice", is no host's. */
static bool check_subject(const Constraints *c, const char *issuer, gnutls_x509_crt_t crt, const char *oid,
                          const char *prefix, GError **error)
{
        for (unsigned i = 0;; i++) {
                g_autofree char *value = subject_value(crt, oid, i), *text = NULL;
                g_autoptr(San) name = NULL;

                if (!value)
                        return true;
                text = g_strconcat(prefix, value, NULL);
                name = san_parse(text, NULL);
                if (name && (name->type != SAN_DNS || strchr(name->value, '.')) &&
                    !check_name(c, issuer, name, error))
                        return false;
        }
}

/* This process does not evaluate constraints on directory names, and makes none. */
static bool check_directory_name(const Constraints *c, const char *issuer, gnutls_x509_crt_t crt,
                                 GError **error)
{
        gnutls_datum_t dn = { 0 };
        bool bound = false, empty = gnutls_x509_crt_get_dn3(crt, &dn, 0) < 0 || dn.size == 0;

        gnutls_free(dn.data);
        for (unsigned i = 0; i < c->permitted->len; i++)
                bound = bound || ((Subtree *) c->permitted->pdata[i])->is_directory_name;
        for (unsigned i = 0; i < c->excluded->len; i++)
                bound = bound || ((Subtree *) c->excluded->pdata[i])->is_directory_name;
        if (!bound || empty)
                return true;
        g_set_error(
                error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                "the authority \"%s\" is bound to directory names, which it cannot check a subject against\n"
                "Ask for a certificate with an empty subject, or begin a new authority: certctl authority "
                "rotate %s",
                issuer, issuer);
        return false;
}

bool constraints_check(const Constraints *c, const char *issuer, gnutls_x509_crt_t crt, GError **error)
{
        g_auto(GStrv) names = NULL;
        bool has_dns = false;

        if (!c || c->permitted->len + c->excluded->len == 0)
                return true;
        names = san_list_of_certificate(crt, error);
        if (!names)
                return false;
        for (char **text = names; *text; text++) {
                g_autoptr(San) name = san_parse(*text, error);

                if (!name || !check_name(c, issuer, name, error))
                        return false;
                has_dns = has_dns || name->type == SAN_DNS;
        }
        /* clients take the common name for the server's where no SAN says it (RFC 6125, 6.4.4), and an
         * emailAddress in the subject for a mailbox (RFC 5280, 4.2.1.10) */
        return (has_dns || check_subject(c, issuer, crt, GNUTLS_OID_X520_COMMON_NAME, "", error)) &&
               check_subject(c, issuer, crt, GNUTLS_OID_PKCS9_EMAIL, "email:", error) &&
               check_directory_name(c, issuer, crt, error);
}
