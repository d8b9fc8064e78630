/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The facts of a request that came from elsewhere. What it says is repeated, what is wrong with it is told,
 * and nothing of it is believed; whether it is signed is the authority's decision, which looks at all of this
 * itself. */

#include "client/request/facts.h"

#include "common/error.h"
#include "common/filekind.h"
#include "common/keytype.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#define OID_SUBJECT_KEY_ID     "2.5.29.14"
#define OID_KEY_USAGE          "2.5.29.15"
#define OID_NAMES              "2.5.29.17"
#define OID_BASIC_CONSTRAINTS  "2.5.29.19"
#define OID_PURPOSES           "2.5.29.37"
#define OID_CHALLENGE_PASSWORD "1.2.840.113549.1.9.7"
#define OID_EXTENSION_REQUEST  "1.2.840.113549.1.9.14"

/* More extensions or attributes than these are not told one by one. */
#define PARTS_MAX   32
#define SUBJECT_MAX 1024 /* bytes that are shown */

G_GNUC_PRINTF(2, 3)
static void add(GPtrArray *list, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        g_ptr_array_add(list, g_strdup_vprintf(format, ap));
        va_end(ap);
}

/* ---- Subject ---- */

/* A control in a name, a NUL before all, is made visible. */
static char *subject_text(const gnutls_datum_t *dn)
{
        GString *s = g_string_new(NULL);

        for (unsigned i = 0; i < dn->size && s->len < SUBJECT_MAX; i++)
                if (dn->data[i] < 0x20 || dn->data[i] == 0x7f)
                        g_string_append_printf(s, "\\%02x", dn->data[i]);
                else
                        g_string_append_c(s, (char) dn->data[i]);
        if (s->len >= SUBJECT_MAX)
                g_string_append(s, "...");
        return g_string_free(s, FALSE);
}

static void read_subject(gnutls_x509_crq_t crq, RequestFacts *f)
{
        gnutls_datum_t dn = { NULL, 0 };
        g_autofree char *text = NULL;
        int r = gnutls_x509_crq_get_dn3(crq, &dn, 0);

        text = r < 0 ? g_strdup("") : subject_text(&dn);
        f->subject = g_utf8_make_valid(text, -1);
        gnutls_free(dn.data);
}

/* ---- Key ---- */

static void describe_key(gnutls_pubkey_t key, RequestFacts *f)
{
        KeyType type = key_type_of(key);
        int algorithm = gnutls_pubkey_get_pk_algorithm(key, &f->key_bits);
        const char *name = algorithm < 0 ? NULL : gnutls_pk_get_name((gnutls_pk_algorithm_t) algorithm);
        gnutls_sec_param_t strength =
                algorithm < 0 ? GNUTLS_SEC_PARAM_UNKNOWN
                              : gnutls_pk_bits_to_sec_param((gnutls_pk_algorithm_t) algorithm, f->key_bits);

        f->key_type = g_strdup(type >= 0 ? key_type_to_string(type) : name ?: "unknown");
        f->strength = g_ascii_strdown(gnutls_sec_param_get_name(strength) ?: "unknown", -1);
}

static void no_key(RequestFacts *f)
{
        f->key_type = g_strdup("unknown");
        f->strength = g_strdup("unknown");
}

static void read_key(gnutls_x509_crq_t crq, RequestFacts *f)
{
        gnutls_pubkey_t key = NULL;
        int r = gnutls_pubkey_init(&key);

        if (r >= 0)
                r = gnutls_pubkey_import_x509_crq(key, crq, 0);
        if (r >= 0)
                describe_key(key, f);
        else
                no_key(f);
        if (key)
                gnutls_pubkey_deinit(key);
}

/* ---- Extensions and attributes ---- */

/* GnuTLS reads all of them anew for each that it looks at, and looks at each until it has found one: of
 * thousands that takes hours. No authority signs what has so many. */
static bool has_many_extensions(gnutls_x509_crq_t crq)
{
        char oid[128];
        size_t size = sizeof(oid);

        return gnutls_x509_crq_get_extension_info(crq, PARTS_MAX, oid, &size, NULL) !=
               GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/* A list that cannot be read to its end is shown as far as it goes. */
static void read_names(gnutls_x509_crq_t crq, RequestFacts *f)
{
        gnutls_datum_t value = { NULL, 0 };

        if (gnutls_x509_crq_get_extension_by_oid2(crq, OID_NAMES, 0, &value, NULL) >= 0) {
                request_names_clear(&f->names);
                (void) request_names_read(value.data, value.size, &f->names);
        }
        gnutls_free(value.data);
}

/* Of these something comes into the certificate, or it says what every certificate says. */
static bool is_taken(const char *oid)
{
        static const char *const taken[] = { OID_SUBJECT_KEY_ID,    OID_KEY_USAGE, OID_NAMES,
                                             OID_BASIC_CONSTRAINTS, OID_PURPOSES,  NULL };

        return g_strv_contains(taken, oid);
}

static void read_extensions(gnutls_x509_crq_t crq, RequestFacts *f)
{
        for (unsigned i = 0; i < PARTS_MAX; i++) {
                char oid[128] = "";
                size_t size = sizeof(oid) - 1;

                if (gnutls_x509_crq_get_extension_info(crq, i, oid, &size, NULL) < 0)
                        return;
                if (!is_taken(oid))
                        add(f->left_out, "the extension %s", oid);
        }
}

static void read_attributes(gnutls_x509_crq_t crq, RequestFacts *f)
{
        for (unsigned i = 0; i < PARTS_MAX; i++) {
                char oid[128] = "";
                size_t size = sizeof(oid) - 1;

                if (gnutls_x509_crq_get_attribute_info(crq, i, oid, &size) < 0)
                        return;
                if (g_str_equal(oid, OID_CHALLENGE_PASSWORD))
                        add(f->left_out, "its challenge password");
                else if (!g_str_equal(oid, OID_EXTENSION_REQUEST))
                        add(f->left_out, "the attribute %s", oid);
        }
}

/* ---- The whole ---- */

/* As the agent takes it; of DER, as it is. */
static GBytes *der_of(GBytes *content, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(content, &size);

        return size > 0 && memmem(data, size, "-----BEGIN ", 11) ? pem_request(content, error) : g_bytes_ref(content);
}

static int import(gnutls_x509_crq_t crq, GBytes *der)
{
        gsize size;
        gnutls_datum_t d = { (void *) g_bytes_get_data(der, &size), 0 };

        if (size == 0 || size > G_MAXINT)
                return GNUTLS_E_ASN1_DER_ERROR;
        d.size = (unsigned) size;
        return gnutls_x509_crq_import(crq, &d, GNUTLS_X509_FMT_DER);
}

static int export(gnutls_x509_crq_t crq, GBytes **ret_der)
{
        gnutls_datum_t der = { NULL, 0 };
        int r = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der);

        if (r >= 0)
                *ret_der = g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
        return r;
}

RequestFacts *request_facts_new(GBytes *content, GError **error)
{
        g_autoptr(GBytes) der = der_of(content, error);
        g_autoptr(RequestFacts) f = NULL;
        gnutls_x509_crq_t crq = NULL;
        int r;

        if (!der)
                return NULL;
        f = g_new0(RequestFacts, 1);
        f->names.texts = g_new0(char *, 1);
        f->left_out = g_ptr_array_new_with_free_func(g_free);
        r = gnutls_x509_crq_init(&crq);
        if (r >= 0)
                r = import(crq, der);
        if (r >= 0 && (r = export(crq, &f->der)) >= 0) {
                f->is_proven = gnutls_x509_crq_verify(crq, 0) >= 0; /* RFC 2986, 4.2: by who has the key */
                read_subject(crq, f);
                if (has_many_extensions(crq))
                        no_key(f);
                else {
                        read_key(crq, f);
                        read_names(crq, f);
                        f->usage = usage_of_request(crq);
                        read_extensions(crq, f);
                }
                read_attributes(crq, f);
        } else
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "this cannot be read as a certificate signing request: %s\nHave it sent again; "
                            "it is a PKCS#10 "
                            "request, PEM or DER.",
                            gnutls_strerror(r));
        gnutls_x509_crq_deinit(crq);
        return r >= 0 ? g_steal_pointer(&f) : NULL;
}

RequestFacts *request_facts_free(RequestFacts *f)
{
        if (!f)
                return NULL;
        g_clear_pointer(&f->der, g_bytes_unref);
        g_free(f->subject);
        request_names_clear(&f->names);
        g_free(f->key_type);
        g_free(f->strength);
        g_ptr_array_unref(f->left_out);
        g_free(f);
        return NULL;
}
