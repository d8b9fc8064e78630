/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names in a certificate: its subject (RFC 4514), its common name, and its subject alternative names,
 * each checked against what a CA would refuse. The subject is kept in the spelling in which GnuTLS reads it
 * back from a certificate, so that the two can be compared as text. */

#include "agent/manifest-read.h"

#include "common/error.h"

#include <gnutls/x509.h>
#include <string.h>

#define COMMON_NAME_MAX 64 /* ub-common-name: RFC 5280, A.1 */
#define SANS_MAX        1000
#define SUBJECT_MAX     4096
#define RDNS_MAX        64
#define OID_COMMON_NAME "2.5.4.3"

/* The upper bounds of RFC 5280, A.1, in characters. */
typedef struct Bound {
        const char *oid, *name;
        unsigned min, max;
} Bound;

static const Bound bounds[] = {
        { OID_COMMON_NAME, "common name", 1, COMMON_NAME_MAX },
        { "2.5.4.6", "country", 2, 2 },
        { "2.5.4.7", "locality", 1, 128 },
        { "2.5.4.8", "state or province", 1, 128 },
        { "2.5.4.10", "organisation", 1, 64 },
        { "2.5.4.11", "organisational unit", 1, 64 },
};

static bool common_name_check(ManifestReading *r, const JsonValue *v, const char *text)
{
        glong length = g_utf8_strlen(text, -1);

        for (const char *p = text; *p; p = g_utf8_next_char(p))
                if (g_unichar_iscntrl(g_utf8_get_char(p))) {
                        manifest_complain(r, v, NULL, "a common name must not hold control characters");
                        return false;
                }
        if (length <= COMMON_NAME_MAX)
                return true;
        manifest_complain(
                r, v,
                "Put the name in \"sans\", where it may be longer, and choose a short common name or none.",
                "the common name has %ld characters; at most %d are allowed (RFC 5280)", length,
                COMMON_NAME_MAX);
        return false;
}

/* One attribute of the subject against its bounds; gives the common name. */
static bool attribute_check(ManifestReading *r, const JsonValue *v, const gnutls_x509_ava_st *ava,
                            char **ret_common_name)
{
        g_autofree char *value = g_strndup((const char *) ava->value.data, ava->value.size);
        glong length = g_utf8_strlen(value, -1);

        for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
                const Bound *b = &bounds[i];

                if (ava->oid.size < strlen(b->oid) ||
                    strncmp(b->oid, (const char *) ava->oid.data, ava->oid.size) != 0)
                        continue;
                if (length < b->min || length > b->max) {
                        manifest_complain(r, v, NULL,
                                          "the %s has %ld characters; %u to %u are allowed (RFC 5280)",
                                          b->name, length, b->min, b->max);
                        return false;
                }
                if (i == 0 && !*ret_common_name)
                        *ret_common_name = manifest_keep_string(r, value);
        }
        return true;
}

static bool attributes_check(ManifestReading *r, const JsonValue *v, gnutls_x509_dn_t dn,
                             char **ret_common_name)
{
        bool good = true;

        for (int i = 0; i < RDNS_MAX; i++)
                for (int j = 0; j < RDNS_MAX; j++) {
                        gnutls_x509_ava_st ava;

                        if (gnutls_x509_dn_get_rdn_ava(dn, i, j, &ava) < 0) {
                                if (j == 0)
                                        return good;
                                break;
                        }
                        good = attribute_check(r, v, &ava, ret_common_name) && good;
                }
        return good;
}

/* Parses an RFC 4514 string; *ret_dn is for the caller to free. */
static bool dn_parse(const char *text, gnutls_x509_dn_t *ret_dn, const char **ret_where)
{
        if (gnutls_x509_dn_init(ret_dn) < 0)
                g_error("out of memory");
        if (gnutls_x509_dn_set_str(*ret_dn, text, ret_where) >= 0)
                return true;
        gnutls_x509_dn_deinit(*ret_dn);
        return false;
}

/* The spelling that GnuTLS gives back for a certificate's subject. */
static char *dn_to_string(ManifestReading *r, gnutls_x509_dn_t dn)
{
        gnutls_datum_t text = { NULL, 0 };
        char *kept;

        if (gnutls_x509_dn_get_str2(dn, &text, 0) < 0)
                return NULL;
        kept = manifest_keep_string(r, (const char *) text.data);
        gnutls_free(text.data);
        return kept;
}

char *manifest_read_subject(ManifestReading *r, const JsonValue *v, char **ret_common_name)
{
        const char *text = manifest_read_string(r, v), *where = NULL;
        char *common_name = NULL, *subject = NULL;
        gnutls_x509_dn_t dn;

        if (!text)
                return NULL;
        if (strlen(text) > SUBJECT_MAX || !dn_parse(text, &dn, &where)) {
                manifest_complain(r, v, "Write it as RFC 4514 does: \"CN=www.example.org,O=Example,C=DE\".",
                                  "\"%s\" is no subject%s%s", text, where && *where ? ": it fails at " : "",
                                  where ? where : "");
                return NULL;
        }
        if (attributes_check(r, v, dn, &common_name)) {
                subject = dn_to_string(r, dn);
                *ret_common_name = common_name;
        }
        gnutls_x509_dn_deinit(dn);
        return subject;
}

/* What needs no escape in RFC 4514 (and is not changed by GnuTLS either): nearly every common name. */
static bool is_plain_common_name(const char *text)
{
        for (const char *p = text; *p; p++)
                if (!g_ascii_isalnum(*p) && *p != '.' && *p != '-' && *p != '*')
                        return false;
        return true;
}

/* RFC 4514, 2.4: every byte may be given as a pair of hexadecimal digits after a backslash. */
static char *subject_of_odd_common_name(ManifestReading *r, const char *text)
{
        g_autoptr(GString) escaped = g_string_new("CN=");
        gnutls_x509_dn_t dn;
        const char *where;
        char *subject;

        for (const char *p = text; *p; p++) {
                if (strchr("\"+,;<>\\#=", *p) || (*p == ' ' && (p == text || p[1] == '\0')))
                        g_string_append_c(escaped, '\\');
                g_string_append_c(escaped, *p);
        }
        if (!dn_parse(escaped->str, &dn, &where))
                return NULL;
        subject = dn_to_string(r, dn);
        gnutls_x509_dn_deinit(dn);
        return subject;
}

char *manifest_read_common_name(ManifestReading *r, const JsonValue *v, char **ret_subject)
{
        const char *text = manifest_read_string(r, v);

        if (!text || !common_name_check(r, v, text))
                return NULL;
        if (is_plain_common_name(text)) {
                g_autofree char *subject = g_strconcat("CN=", text, NULL);

                *ret_subject = manifest_keep_string(r, subject);
        } else
                *ret_subject = subject_of_odd_common_name(r, text);
        if (!*ret_subject) {
                manifest_complain(r, v, NULL, "\"%s\" cannot be written as a subject", text);
                return NULL;
        }
        return manifest_keep_string(r, text);
}

/* ---- Subject alternative names ---- */

typedef struct NamedSan {
        San *san;
        char *text;
} NamedSan;

static void san_destroy(void *data)
{
        san_free(data);
}

static int compare_named(const void *a, const void *b)
{
        return strcmp(((const NamedSan *) a)->text, ((const NamedSan *) b)->text);
}

static void add_san(GArray *names, San *san)
{
        NamedSan n = { .san = san, .text = san_to_string(san) };

        g_array_append_val(names, n);
}

/* "sans": complains about each that is none; too many would be refused when read back from the certificate.
 */
static void read_sans(ManifestReading *r, const JsonValue *v, GArray *names)
{
        if (!manifest_expect(r, v, JSON_KIND_ARRAY))
                return;
        for (const JsonValue *e = v->first; e; e = e->next) {
                g_autoptr(GError) error = NULL;
                const char *text = manifest_read_string(r, e);
                San *san = text ? san_parse(text, &error) : NULL;

                if (error)
                        manifest_complain_error(r, e, error);
                if (!san)
                        continue;
                add_san(names, san);
                if (names->len > SANS_MAX) {
                        manifest_complain(r, e, "Spread them over several certificates.",
                                          "a certificate has at most %d names", SANS_MAX);
                        return;
                }
        }
}

/* Sorted, each once, moved into the certificate. */
static void store_sans(ManifestReading *r, ManifestCertificate *c, GArray *names)
{
        unsigned n = 0;

        g_array_sort(names, compare_named);
        c->sans = g_ptr_array_new_full(names->len, san_destroy);
        c->san_texts = g_new(char *, names->len + 1);
        for (unsigned i = 0; i < names->len; i++) {
                NamedSan *name = &g_array_index(names, NamedSan, i);

                if (n > 0 && g_str_equal(c->san_texts[n - 1], name->text))
                        san_free(name->san);
                else {
                        g_ptr_array_add(c->sans, name->san);
                        c->san_texts[n++] = manifest_keep_string(r, name->text);
                }
                g_free(name->text);
        }
        c->san_texts[n] = NULL;
}

/* Says that a certificate would have no name at all, unless what was given for one was already complained of.
 */
static void check_has_name(ManifestReading *r, const CertificateDraft *draft)
{
        const ManifestCertificate *c = draft->certificate;
        bool tried = (draft->sans && draft->sans->first) ||
                     (!c->common_name && json_value_member(draft->value, "common_name")) ||
                     (!*c->subject && json_value_member(draft->value, "subject"));

        if (c->sans->len > 0 || tried)
                return;
        if (c->usage & USAGE_SERVER)
                manifest_complain_key(
                        r, draft->value, "Add \"sans\": [\"www.example.org\"].",
                        "this certificate lists no name under which a client could reach the server%s",
                        c->common_name ? ", and its common name is none" : "");
        else if (!*c->subject)
                manifest_complain_key(r, draft->value, "Add \"common_name\", \"subject\" or \"sans\".",
                                      "this certificate names nobody");
}

/* TLS clients look at the alternative names alone (RFC 9525, 6.3), so a server's certificate that lists none
 * takes its common name, if that is a name or an address; a client's may do without. */
void manifest_finish_names(ManifestReading *r, CertificateDraft *draft)
{
        ManifestCertificate *c = draft->certificate;
        g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(NamedSan));
        San *san;

        if (draft->sans)
                read_sans(r, draft->sans, names);
        if (names->len == 0 && c->common_name && (c->usage & USAGE_SERVER)) {
                san = san_parse(c->common_name, NULL);
                if (san)
                        add_san(names, san);
        }
        if (!c->subject)
                c->subject = manifest_keep_repeated(r, "");
        store_sans(r, c, names);
        check_has_name(r, draft);
}
