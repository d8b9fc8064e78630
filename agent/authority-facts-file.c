/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority's facts, kept
 *
 * Owns CERT_AUTHORITY_FACTS_DIR: what each local authority said last, so that a plan can be shown, and the signer of a
 * certificate be found, before its process was started. It is a cache of what the process says: nothing is decided
 * by it that the process is not asked about again.
 */

#include "agent/authority-facts.h"

#include "agent/authority-facts-private.h"
#include "agent/folder.h"
#include "agent/readfile.h"
#include "common/json.h"
#include "common/log.h"
#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#define VERSION 1

/* NULL for a name that cannot be a file's. */
static char *facts_path(const char *issuer)
{
        g_autofree char *name = g_strconcat(CERT_AUTHORITY_FACTS_DIR "/", issuer, ".json", NULL);

        return folder_name_is_safe(issuer) ? host_path(name) : NULL;
}

/* ---- As JSON ---- */

static void add_member(JsonBuilder *b, const char *key, const char *value)
{
        json_builder_set_member_name(b, key);
        json_builder_add_string_value(b, value);
}

static void add_certificate(JsonBuilder *b, const AuthorityCertificate *c)
{
        gnutls_datum_t pem = {};

        if (gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_PEM, &pem) < 0)
                return; /* what is read again is then no authority, which is as none */
        json_builder_begin_object(b);
        add_member(b, "role", authority_role_to_string(c->role));
        add_member(b, "pem", (const char *) pem.data);
        if (c->issued_until != 0) {
                json_builder_set_member_name(b, "issued-until");
                json_builder_add_int_value(b, (gint64) c->issued_until);
        }
        json_builder_end_object(b);
        gnutls_free(pem.data);
}

static void add_facts(JsonBuilder *b, const AuthorityFacts *f)
{
        json_builder_begin_object(b);
        json_builder_set_member_name(b, "version");
        json_builder_add_int_value(b, VERSION);
        json_builder_set_member_name(b, "missing");
        json_builder_add_boolean_value(b, f->missing);
        json_builder_set_member_name(b, "certificates");
        json_builder_begin_array(b);
        for (unsigned i = 0; i < f->certificates->len; i++)
                add_certificate(b, g_ptr_array_index(f->certificates, i));
        json_builder_end_array(b);
        json_builder_set_member_name(b, "revoked");
        json_builder_begin_array(b);
        for (size_t i = 0; i < f->n_revoked; i++)
                json_builder_add_string_value(b, f->revoked[i]);
        json_builder_end_array(b);
        json_builder_end_object(b);
}

char *authority_facts_to_json(const AuthorityFacts *f, size_t *ret_size)
{
        g_autoptr(JsonBuilder) b = json_builder_new();
        g_autoptr(JsonGenerator) g = json_generator_new();
        JsonNode *root;
        char *text;

        add_facts(b, f);
        root = json_builder_get_root(b);
        json_generator_set_root(g, root);
        text = json_generator_to_data(g, ret_size);
        json_node_unref(root);
        return text;
}

/* ---- From JSON ---- */

static const JsonValue *member_of_kind(const JsonValue *object, const char *key, JsonKind kind)
{
        const JsonValue *v = json_value_member(object, key);

        return v && v->kind == kind ? v : NULL;
}

static GBytes *der_of_pem(const char *pem)
{
        gnutls_datum_t text = { (unsigned char *) pem, (unsigned) strlen(pem) }, der = {};

        if (gnutls_pem_base64_decode2("CERTIFICATE", &text, &der) < 0)
                return NULL;
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

/* What a cache says, flat. */
typedef struct Kept {
        GPtrArray *ders;
        AuthorityRole roles[AUTHORITY_CERTIFICATES_MAX];
        uint64_t issued_until[AUTHORITY_CERTIFICATES_MAX];
} Kept;

static bool take_certificate(const JsonValue *v, Kept *k)
{
        const JsonValue *role, *pem, *until;
        GBytes *der;

        unsigned n = k->ders->len;

        if (v->kind != JSON_KIND_OBJECT || n >= AUTHORITY_CERTIFICATES_MAX)
                return false;
        role = member_of_kind(v, "role", JSON_KIND_STRING);
        pem = member_of_kind(v, "pem", JSON_KIND_STRING);
        until = member_of_kind(v, "issued-until", JSON_KIND_NUMBER);
        if (!role || !pem || (until && (!until->is_integer || until->integer < 0)))
                return false;
        k->roles[n] = authority_role_from_string(role->string);
        k->issued_until[n] = until ? (uint64_t) until->integer : 0;
        der = k->roles[n] >= 0 ? der_of_pem(pem->string) : NULL;
        if (der)
                g_ptr_array_add(k->ders, der);
        return der != NULL;
}

/* They have another order now. Not by a digest of the bytes: of what is no DER GnuTLS makes another than that. */
static const AuthorityCertificate *certificate_of_der(const AuthorityFacts *f, GBytes *der)
{
        for (unsigned i = 0; i < f->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);

                if (g_bytes_equal(c->der, der))
                        return c;
        }
        g_assert_not_reached();
}

static AuthorityFacts *kept_to_facts(const Kept *k, bool missing, GPtrArray *serials)
{
        AuthorityFacts *f = authority_facts_new(missing, k->ders, k->roles, (char **) serials->pdata, NULL);

        for (unsigned i = 0; f && i < k->ders->len; i++) {
                const AuthorityCertificate *c = certificate_of_der(f, k->ders->pdata[i]);

                authority_facts_set_issued_until(f, c->fingerprint, k->issued_until[i]);
        }
        return f;
}

static bool take_serial(const JsonValue *v, GPtrArray *serials)
{
        if (v->kind != JSON_KIND_STRING || !authority_serial_is_sane(v->string))
                return false;
        g_ptr_array_add(serials, (char *) v->string);
        return true;
}

AuthorityFacts *authority_facts_from_json(const char *text, size_t size)
{
        g_autoptr(JsonDocument) d = json_document_new(g_strndup(text, size), size);
        g_autoptr(GPtrArray) ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_autoptr(GPtrArray) serials = g_ptr_array_new();
        const JsonValue *root = json_document_root(d), *version, *missing, *certificates, *revoked;
        Kept kept = { .ders = ders };

        if (!root || root->kind != JSON_KIND_OBJECT || json_document_faults(d)->len > 0)
                return NULL;
        version = member_of_kind(root, "version", JSON_KIND_NUMBER);
        missing = member_of_kind(root, "missing", JSON_KIND_BOOLEAN);
        certificates = member_of_kind(root, "certificates", JSON_KIND_ARRAY);
        revoked = member_of_kind(root, "revoked", JSON_KIND_ARRAY);
        if (!version || !version->is_integer || version->integer != VERSION || !missing || !certificates || !revoked)
                return NULL;
        for (const JsonValue *v = certificates->first; v; v = v->next)
                if (!take_certificate(v, &kept))
                        return NULL;
        for (const JsonValue *v = revoked->first; v; v = v->next)
                if (!take_serial(v, serials))
                        return NULL;
        g_ptr_array_add(serials, NULL);
        return kept_to_facts(&kept, missing->boolean, serials);
}

/* ---- Files ---- */

AuthorityFacts *authority_facts_load(const char *issuer)
{
        g_autofree char *path = facts_path(issuer);
        g_autoptr(GBytes) content = NULL;
        const char *text;
        size_t size;

        if (!path || readfile_at(AT_FDCWD, path, JSON_SIZE_MAX, &content, NULL) != READ_DONE)
                return NULL;
        text = g_bytes_get_data(content, &size);
        return authority_facts_from_json(text, size);
}

static bool is_kept(const char *path, const char *text, size_t size)
{
        g_autoptr(GBytes) content = NULL, wanted = g_bytes_new_static(text, size);

        return readfile_at(AT_FDCWD, path, JSON_SIZE_MAX, &content, NULL) == READ_DONE &&
               g_bytes_equal(content, wanted);
}

void authority_facts_save(const AuthorityFacts *f, const char *issuer)
{
        g_autofree char *path = facts_path(issuer), *folder = NULL, *text = NULL;
        g_autoptr(GError) error = NULL;
        size_t size;

        if (!path)
                return;
        text = authority_facts_to_json(f, &size);
        /* Beyond what would be read again (some 400,000 revoked ones) there is none, and the process is asked. */
        if (size > JSON_SIZE_MAX) {
                (void) g_unlink(path);
                return;
        }
        if (is_kept(path, text, size))
                return;
        folder = g_path_get_dirname(path);
        if (g_mkdir_with_parents(folder, 0700) < 0)
                log_warning("Cannot make " CERT_AUTHORITY_FACTS_DIR ": %s, ignoring", g_strerror(errno));
        else if (!g_file_set_contents_full(path, text, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
                log_warning("Cannot keep what the authority \"%s\" said: %s, ignoring", issuer, error->message);
}
