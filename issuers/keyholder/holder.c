/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The holder of keys
 *
 * It owns the keys that were opened, the most recently used first, and knows each by a digest of all that it
 * was opened from: so a password that was changed, in its file or at the CA, makes another key of it, and 200
 * tokens cost one derivation. The digest is keyed by a random value of this process: nothing that is kept is
 * of use to guess a password.
 */

#include "issuers/keyholder/holder.h"

#include "common/error.h"
#include "common/log.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define DIGEST_SIZE 32

/* What came of opening: exactly one of the two. */
typedef struct Opened {
        uint8_t digest[DIGEST_SIZE];
        Account *account;
        GError *error;
} Opened;

struct Holder {
        uint8_t secret[DIGEST_SIZE]; /* keys the digests */
        GQueue opened;               /* Opened*, the most recently used first */
        GHashTable *warned;          /* paths of exposed files that the log has been told of */
};

/* ---- Life ---- */

static void opened_free(void *p)
{
        Opened *o = p;

        account_free(o->account);
        g_clear_error(&o->error);
        g_free(o);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Opened, opened_free)

Holder *holder_new(void)
{
        Holder *h = g_new0(Holder, 1);

        g_queue_init(&h->opened);
        h->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (gnutls_rnd(GNUTLS_RND_KEY, h->secret, sizeof(h->secret)) < 0)
                return holder_free(h);
        return h;
}

Holder *holder_free(Holder *h)
{
        if (!h)
                return NULL;
        g_queue_clear_full(&h->opened, opened_free);
        g_hash_table_unref(h->warned);
        gnutls_memset(h->secret, 0, sizeof(h->secret));
        g_free(h);
        return NULL;
}

/* ---- Which key ---- */

static void add(gnutls_hmac_hd_t m, const void *data, size_t size)
{
        uint64_t length = size; /* so that no byte can move from one part into the next */

        gnutls_hmac(m, &length, sizeof(length));
        if (size > 0)
                gnutls_hmac(m, data, size);
}

static void add_bytes(gnutls_hmac_hd_t m, GBytes *bytes)
{
        add(m, bytes ? g_bytes_get_data(bytes, NULL) : NULL, bytes ? g_bytes_get_size(bytes) : 0);
}

static bool digest_of(const Holder *h, const Source *s, const SourceContent *c, uint8_t ret[DIGEST_SIZE],
                      GError **error)
{
        const char *const names[] = { s->password_file, s->credential, s->encrypted_key, s->key_file,
                                      s->certificate_file };
        gnutls_hmac_hd_t m;
        int r = gnutls_hmac_init(&m, GNUTLS_MAC_SHA256, h->secret, sizeof(h->secret));

        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "opening the account's key: %s",
                            gnutls_strerror(r));
                return false;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                add(m, names[i], names[i] ? strlen(names[i]) : 0);
        add(m, c->password ? c->password->data : NULL, c->password ? c->password->size : 0);
        add_bytes(m, c->key);
        add_bytes(m, c->certificates);
        gnutls_hmac_deinit(m, ret);
        return true;
}

static Opened *find(Holder *h, const uint8_t digest[DIGEST_SIZE])
{
        for (GList *l = h->opened.head; l; l = l->next) {
                Opened *o = l->data;

                if (memcmp(o->digest, digest, DIGEST_SIZE) != 0)
                        continue;
                g_queue_unlink(&h->opened, l);
                g_queue_push_head_link(&h->opened, l);
                return o;
        }
        return NULL;
}

/* ---- Opening ---- */

/* Who reads this wants to know which password and which key. */
static GError *explain(const Source *s, const GError *why)
{
        g_autofree char *password = source_password_shown(s), *summary = cert_error_summary(why);

        if (!g_error_matches(why, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION))
                return s->key_file ? g_error_new(CERT_ERROR, why->code, "the key file %s %s\n%s", s->key_file,
                                                 summary, cert_error_hint(why))
                                   : g_error_copy(why);
        if (s->key_file)
                return g_error_new(CERT_ERROR, why->code,
                                   "the key file %s is not opened by the password in %s\nWrite its right "
                                   "password there; "
                                   "to try one: openssl pkey -in %s -noout",
                                   s->key_file, password, s->key_file);
        return g_error_new(
                CERT_ERROR, why->code,
                "the account's key, as the CA hands it out, is not opened by the password in %s\nWrite the "
                "password of this provisioner there: was it changed at the CA, or is it another "
                "provisioner's?",
                password);
}

static Opened *open_account(const Source *s, const SourceContent *c)
{
        g_autoptr(Opened) o = g_new0(Opened, 1);
        g_autoptr(GError) error = NULL;

        if (s->encrypted_key)
                o->account = account_open_encrypted(s->encrypted_key, c->password, &error);
        else
                o->account =
                        account_open_pem(c->key, c->certificates, s->certificate_file, c->password, &error);
        if (!o->account)
                o->error = explain(s, error);
        return g_steal_pointer(&o);
}

static void warn(Holder *h, const char *exposed)
{
        if (exposed && g_hash_table_add(h->warned, g_strdup(exposed)))
                log_warning("%s, which opens an account at a CA, can be read by every user of this host; "
                            "run: chmod o= %s",
                            exposed, exposed);
}

const Account *holder_open(Holder *h, const Source *s, GError **error)
{
        g_auto(SourceContent) c = { 0 };
        uint8_t digest[DIGEST_SIZE];
        Opened *o;

        if (!source_check(s, error) || !source_read(s, &c, error))
                return NULL;
        warn(h, c.exposed);
        if (!digest_of(h, s, &c, digest, error))
                return NULL;
        o = find(h, digest);
        if (!o) {
                o = open_account(s, &c);
                memcpy(o->digest, digest, DIGEST_SIZE);
                g_queue_push_head(&h->opened, o);
        }
        if (h->opened.length > HOLDER_ACCOUNTS_MAX)
                opened_free(g_queue_pop_tail(&h->opened));
        if (!o->account)
                g_propagate_error(error, g_error_copy(o->error));
        return o->account;
}
