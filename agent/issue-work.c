/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The work of one issue that is done on threads. It is held by the issue and by the thread that is at it;
 * only one of them touches it at a time. */

#include "agent/issue-work.h"

#include "agent/cert-list.h"
#include "agent/chain.h"
#include "agent/csr.h"
#include "agent/roots.h"
#include "common/error.h"
#include "common/log.h"
#include "common/timespan.h"

#include <gnutls/x509.h>

/* ---- Life ---- */

static San *san_copy(const San *s)
{
        San *copy = g_new0(San, 1);

        copy->type = s->type;
        copy->value = g_strdup(s->value);
        return copy;
}

static void san_destroy(void *s)
{
        san_free(s);
}

/* What csr_new(), chain_check() and the request to the issuer read; the manifest may be gone before a thread
 * is. */
static ManifestCertificate *wish_copy(const ManifestCertificate *c)
{
        ManifestCertificate *copy = g_new0(ManifestCertificate, 1);

        copy->name = g_strdup(c->name);
        copy->issuer = g_strdup(c->issuer);
        copy->common_name = g_strdup(c->common_name);
        copy->subject = g_strdup(c->subject);
        copy->sans = g_ptr_array_new_with_free_func(san_destroy);
        for (guint i = 0; c->sans && i < c->sans->len; i++)
                g_ptr_array_add(copy->sans, san_copy(c->sans->pdata[i]));
        copy->san_texts = g_strdupv(c->san_texts);
        copy->usage = c->usage;
        copy->lifetime_usec = c->lifetime_usec;
        copy->key_type = c->key_type;
        copy->key_rotation = c->key_rotation;
        copy->key_uri = g_strdup(c->key_uri);
        return copy;
}

static void wish_free(ManifestCertificate *c)
{
        g_free(c->name);
        g_free(c->issuer);
        g_free(c->common_name);
        g_free(c->subject);
        g_ptr_array_unref(c->sans);
        g_strfreev(c->san_texts);
        g_free(c->key_uri);
        g_free(c);
}

static GBytes *join(GBytes *a, GBytes *b)
{
        GByteArray *all = g_byte_array_new();

        if (a)
                g_byte_array_append(all, g_bytes_get_data(a, NULL), g_bytes_get_size(a));
        if (b)
                g_byte_array_append(all, g_bytes_get_data(b, NULL), g_bytes_get_size(b));
        return g_byte_array_free_to_bytes(all);
}

IssueWork *issue_work_new(const ManifestCertificate *c, const char *issuer, const Generation *current)
{
        IssueWork *w = g_new0(IssueWork, 1);

        w->references = 1;
        w->wish = wish_copy(c);
        w->issuer = g_strdup(issuer);
        w->reuse = c->key_rotation == KEY_ROTATION_REUSE;
        if (current) {
                w->current_key_pem = current->key_pem ? g_bytes_ref(current->key_pem) : NULL;
                w->current_chain_pem = join(current->cert_pem, current->chain_pem);
        }
        return w;
}

void issue_work_set_waiting(IssueWork *w, const Generation *waiting)
{
        w->waited = true;
        if (!waiting)
                return;
        w->waiting_key_pem = waiting->key_pem ? g_bytes_ref(waiting->key_pem) : NULL;
        w->csr = generation_request(waiting);
}

IssueWork *issue_work_ref(IssueWork *w)
{
        g_atomic_int_inc(&w->references);
        return w;
}

void issue_work_unref(void *p)
{
        IssueWork *w = p;

        if (!w || !g_atomic_int_dec_and_test(&w->references))
                return;
        wish_free(w->wish);
        g_free(w->issuer);
        g_clear_pointer(&w->current_key_pem, g_bytes_unref);
        g_clear_pointer(&w->current_chain_pem, g_bytes_unref);
        g_clear_pointer(&w->waiting_key_pem, g_bytes_unref);
        g_clear_pointer(&w->answer, g_bytes_unref);
        key_unref(w->key);
        g_clear_pointer(&w->csr, g_bytes_unref);
        g_clear_pointer(&w->current_chain, g_ptr_array_unref);
        g_clear_pointer(&w->chain, g_ptr_array_unref);
        g_clear_pointer(&w->roots, g_ptr_array_unref);
        generation_unref(w->generation);
        g_clear_error(&w->error);
        g_free(w);
}

/* ---- Before: key and request ---- */

/* The installed key, if it is one that may be used again: of the type that the manifest wants, and whole. */
static Key *reusable_key(const IssueWork *w)
{
        g_autoptr(Key) k = NULL;

        if (!w->reuse || !w->current_key_pem)
                return NULL;
        k = key_new_from_pem(w->current_key_pem, NULL);
        return k && key_type(k) == w->wish->key_type ? g_steal_pointer(&k) : NULL;
}

/* A token's key is always used again: it cannot be replaced and put back in one step as a file can. */
static Key *choose_key(const IssueWork *w, GError **error)
{
        Key *k;

        if (w->wish->key_uri)
                return key_new_from_uri(w->wish->key_uri, w->wish->key_type, /* make_missing= */ true, error);
        if (w->waiting_key_pem)
                return key_new_from_pem(w->waiting_key_pem, error);
        if (w->waited) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "the key of the request for \"%s\" that waits is lost\n"
                            "Make another one: certctl renew --force %s", w->wish->name, w->wish->name);
                return NULL;
        }
        k = reusable_key(w);
        return k ?: key_new(w->wish->key_type, error);
}

/* The installed chain as DER, for issuers that renew by it; what cannot be read is not sent. */
static GPtrArray *ders_of_pem(GBytes *pem)
{
        g_auto(CertList) chain = {};

        if (!cert_list_of_pem(pem, CHAIN_MAX, &chain))
                cert_list_clear(&chain);
        return cert_list_to_der(&chain);
}

void issue_work_prepare(void *p)
{
        IssueWork *w = p;

        w->key = choose_key(w, &w->error);
        if (!w->key)
                return;
        if (!w->csr)
                w->csr = csr_new(w->wish, w->key, &w->error);
        w->current_chain = ders_of_pem(w->current_chain_pem);
}

/* ---- After: the check ---- */

/* Whose the answer says that it is. A token has one key. */
static Key *answered_key(const IssueWork *w, GError **error)
{
        if (!w->for_current || !w->current_key_pem)
                return key_ref(w->key);
        return key_new_from_pem(w->current_key_pem, error);
}

void issue_work_check(void *p)
{
        IssueWork *w = p;
        ChainOrigin origin = w->answer ? CHAIN_OF_PERSON : CHAIN_OF_ISSUER;
        g_autoptr(Key) key = answered_key(w, &w->error);
        g_autoptr(GPtrArray) chain = key ? chain_mend(w->chain, key_public(key), &w->error) : NULL;
        g_autoptr(GPtrArray) roots = NULL;
        g_autoptr(Generation) g = NULL;
        g_autoptr(GError) unkept = NULL;

        if (!chain)
                return;
        roots = w->roots->len > 0 ? g_ptr_array_ref(w->roots) : roots_load(w->issuer);
        g = generation_new(key_pem(key), chain, roots, &w->error);
        if (!g || !chain_check(w->wish, g, key_public(key), origin, now_realtime(), &w->error))
                return;
        if (w->roots->len > 0 && !roots_learn(w->issuer, w->roots, &unkept))
                log_warning("the roots of issuer \"%s\" are not kept, ignoring: %s", w->issuer,
                            unkept->message);
        w->generation = g_steal_pointer(&g);
}
