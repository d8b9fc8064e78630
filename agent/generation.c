/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A generation
 *
 * The one place that knows what belongs together: key, leaf, chain and roots in memory, and what each managed
 * file holds of them. How generations are kept is in agent/generation-store.c.
 */

#include "agent/generation-private.h"

#include "agent/cert-list.h"
#include "common/error.h"

#include <gnutls/x509.h>
#include <string.h>

#define SERIAL_MAX 64
#define KEY_ID_MAX 64
#define REQUEST_LABEL "CERTIFICATE REQUEST" /* RFC 7468, 7 */

/* ---- Putting together ---- */

static size_t size_of(GBytes *b)
{
        return b ? g_bytes_get_size(b) : 0;
}

/* Concatenates up to three parts, any of them NULL; secret when any is. */
static GBytes *concatenate(GBytes *a, GBytes *b, GBytes *c)
{
        GBytes *parts[] = { a, b, c };
        Secret *s = secret_new(size_of(a) + size_of(b) + size_of(c));
        size_t at = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
                if (size_of(parts[i]) == 0)
                        continue;
                memcpy(s->data + at, g_bytes_get_data(parts[i], NULL), size_of(parts[i]));
                at += size_of(parts[i]);
        }
        return secret_to_bytes(s, s->size);
}

static bool bad(GError **error, int r, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "%s: %s", what, gnutls_strerror(r));
        return false;
}

/* One PEM block more; false with BAD_CERTIFICATE. */
static bool append_pem(GString *pem, const char *label, GBytes *der, GError **error)
{
        gnutls_datum_t in = { .size = (unsigned) g_bytes_get_size(der) }, out;
        int r;

        in.data = (unsigned char *) g_bytes_get_data(der, NULL);
        r = gnutls_pem_base64_encode2(label, &in, &out);
        if (r < 0)
                return bad(error, r, "A certificate cannot be written as PEM");
        g_string_append_len(pem, (const char *) out.data, out.size);
        gnutls_free(out.data);
        return true;
}

/* DER certificates as PEM, from `first` up to `end`. */
static GBytes *pem_of(GPtrArray *ders, unsigned first, unsigned end, GError **error)
{
        g_autoptr(GString) pem = g_string_new(NULL);

        for (unsigned i = first; ders && i < MIN(end, ders->len); i++)
                if (!append_pem(pem, "CERTIFICATE", g_ptr_array_index(ders, i), error))
                        return NULL;
        return g_string_free_to_bytes(g_steal_pointer(&pem));
}

/* ---- The leaf ---- */

static char *hex(const uint8_t *data, size_t size)
{
        GString *s = g_string_sized_new(size * 2);

        for (size_t i = 0; i < size; i++)
                g_string_append_printf(s, "%02x", data[i]);
        return g_string_free(s, FALSE);
}

static bool read_leaf(Generation *g, gnutls_x509_crt_t crt, GError **error)
{
        uint8_t digest[32], serial[SERIAL_MAX];
        size_t digest_size = sizeof digest, serial_size = sizeof serial;
        int r = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &digest_size);

        if (r < 0)
                return bad(error, r, "The certificate's fingerprint cannot be made");
        r = gnutls_x509_crt_get_serial(crt, serial, &serial_size);
        if (r < 0)
                return bad(error, r, "The certificate's serial number cannot be read");
        g->fingerprint = hex(digest, digest_size);
        g->serial = hex(serial, serial_size);
        cert_validity(crt, &g->not_before, &g->not_after);
        return true;
}

static bool import_leaf(Generation *g, GBytes *data, gnutls_x509_crt_fmt_t format, GError **error)
{
        gnutls_datum_t d = { .size = (unsigned) g_bytes_get_size(data) };
        gnutls_x509_crt_t crt;
        bool done;
        int r = gnutls_x509_crt_init(&crt);

        if (r < 0)
                return bad(error, r, "No memory for a certificate");
        d.data = (unsigned char *) g_bytes_get_data(data, NULL);
        r = gnutls_x509_crt_import(crt, &d, format);
        done = r >= 0 ? read_leaf(g, crt, error) : bad(error, r, "The certificate cannot be parsed");
        gnutls_x509_crt_deinit(crt);
        return done;
}

/* ---- A generation ---- */

static void generation_clear(gpointer p)
{
        Generation *g = p;

        g_clear_pointer(&g->key_pem, g_bytes_unref);
        g_clear_pointer(&g->cert_pem, g_bytes_unref);
        g_clear_pointer(&g->chain_pem, g_bytes_unref);
        g_clear_pointer(&g->ca_pem, g_bytes_unref);
        g_clear_pointer(&g->request_pem, g_bytes_unref);
        g_free(g->fingerprint);
        g_free(g->serial);
}

Generation *generation_ref(Generation *g)
{
        return g_atomic_rc_box_acquire(g);
}

Generation *generation_unref(Generation *g)
{
        if (g)
                g_atomic_rc_box_release_full(g, generation_clear);
        return NULL;
}

static GBytes *ref_or_null(GBytes *b)
{
        return b ? g_bytes_ref(b) : NULL;
}

Generation *generation_new(GBytes *key_pem, GPtrArray *chain, GPtrArray *roots, GError **error)
{
        g_autoptr(Generation) g = g_atomic_rc_box_new0(Generation);

        if (chain->len == 0 || chain->len > CHAIN_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "The chain has %u certificates, 1 to %d are taken", chain->len, CHAIN_MAX);
                return NULL;
        }
        g->key_pem = ref_or_null(key_pem);
        if (!import_leaf(g, g_ptr_array_index(chain, 0), GNUTLS_X509_FMT_DER, error))
                return NULL;
        g->cert_pem = pem_of(chain, 0, 1, error);
        g->chain_pem = g->cert_pem ? pem_of(chain, 1, G_MAXUINT, error) : NULL;
        g->ca_pem = g->chain_pem ? pem_of(roots, 0, G_MAXUINT, error) : NULL;
        return g->ca_pem ? g_steal_pointer(&g) : NULL;
}

Generation *generation_new_request(GBytes *key_pem, GBytes *request, GError **error)
{
        g_autoptr(Generation) g = generation_new_from_pem(key_pem, NULL, NULL, NULL, NULL);
        g_autoptr(GString) pem = g_string_new(NULL);

        if (!append_pem(pem, REQUEST_LABEL, request, error))
                return NULL;
        g->request_pem = g_string_free_to_bytes(g_steal_pointer(&pem));
        return g_steal_pointer(&g);
}

GBytes *generation_request(const Generation *g)
{
        gnutls_datum_t pem = { .size = (unsigned) size_of(g->request_pem) }, der = {};

        if (!g->request_pem)
                return NULL;
        pem.data = (unsigned char *) g_bytes_get_data(g->request_pem, NULL);
        if (gnutls_pem_base64_decode2(REQUEST_LABEL, &pem, &der) < 0)
                return NULL;
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

Generation *generation_new_from_pem(GBytes *key_pem, GBytes *cert_pem, GBytes *chain_pem, GBytes *ca_pem,
                                    GError **error)
{
        g_autoptr(Generation) g = g_atomic_rc_box_new0(Generation);

        g->key_pem = ref_or_null(key_pem);
        g->cert_pem = ref_or_null(cert_pem);
        g->chain_pem = chain_pem ? g_bytes_ref(chain_pem) : g_bytes_new_static("", 0);
        g->ca_pem = ca_pem ? g_bytes_ref(ca_pem) : g_bytes_new_static("", 0);
        if (cert_pem && !import_leaf(g, cert_pem, GNUTLS_X509_FMT_PEM, error))
                return NULL;
        return g_steal_pointer(&g);
}

GBytes *generation_file(const Generation *g, ManagedFile f)
{
        switch (f) {
        case MANAGED_FILE_CERT:
                return g->cert_pem ? concatenate(g->cert_pem, g->chain_pem, NULL) : NULL;
        case MANAGED_FILE_KEY:
                return ref_or_null(g->key_pem);
        case MANAGED_FILE_CHAIN:
                return g_bytes_ref(g->chain_pem);
        case MANAGED_FILE_CA:
                return g_bytes_ref(g->ca_pem);
        case MANAGED_FILE_COMBINED:
                return g->cert_pem && g->key_pem ? concatenate(g->cert_pem, g->chain_pem, g->key_pem) : NULL;
        case _MANAGED_FILE_MAX:
        case _MANAGED_FILE_INVALID:
        default:
                g_return_val_if_reached(NULL);
        }
}

/* ---- Do they belong together? ---- */

/* The key id (a digest of the SubjectPublicKeyInfo) of the leaf and of the key. */
static int key_ids(const Generation *g, uint8_t *ret_leaf, uint8_t *ret_key, size_t *size)
{
        gnutls_datum_t cert = { .size = (unsigned) size_of(g->cert_pem) },
                       key = { .size = (unsigned) size_of(g->key_pem) };
        gnutls_x509_privkey_t private = NULL;
        gnutls_x509_crt_t crt = NULL;
        size_t key_size = *size;
        int r = gnutls_x509_crt_init(&crt);

        cert.data = (unsigned char *) g_bytes_get_data(g->cert_pem, NULL);
        key.data = (unsigned char *) g_bytes_get_data(g->key_pem, NULL);
        if (r >= 0)
                r = gnutls_x509_privkey_init(&private);
        if (r >= 0)
                r = gnutls_x509_crt_import(crt, &cert, GNUTLS_X509_FMT_PEM);
        if (r >= 0)
                r = gnutls_x509_privkey_import2(private, &key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
        if (r >= 0)
                r = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, ret_leaf, size);
        if (r >= 0)
                r = gnutls_x509_privkey_get_key_id(private, GNUTLS_KEYID_USE_SHA256, ret_key, &key_size);
        gnutls_x509_privkey_deinit(private);
        gnutls_x509_crt_deinit(crt);
        return r < 0 ? r : *size == key_size ? 0 : GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
}

bool generation_check_pair(const Generation *g, GError **error)
{
        uint8_t leaf[KEY_ID_MAX], key[KEY_ID_MAX];
        size_t size = sizeof leaf;
        int r;

        if (!g->cert_pem || !g->key_pem)
                return true;
        r = key_ids(g, leaf, key, &size);
        if (r >= 0 && memcmp(leaf, key, size) != 0)
                r = GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
        return r >= 0 || bad(error, r, "Key and certificate do not make a pair");
}
