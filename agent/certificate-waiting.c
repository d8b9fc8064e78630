/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request that waits for its answer: from a CA that has yet to decide, or from a person who brings it. The request and its
 * key are a generation without a certificate, the record says since when it waits, for what it was made, and its token. The
 * generation is on disk before the record names it, and goes after the record has named another: a crash between any two
 * steps loses neither. */

#include "agent/certificate.h"

#include "agent/key.h"

#include <gnutls/x509.h>
#include <string.h>

#define TYPE_BY_HAND "csr"
#define TEXT_BEFORE "request for the key "
#define DIGEST_LENGTH 64

bool certificate_set_waiting(Certificate *c, const char *token, uint64_t poll_at, GBytes *key_pem, GBytes *request,
                             uint64_t now, unsigned *ret_replaced, GError **error)
{
        g_autoptr(Generation) g = generation_new_request(key_pem, request, error);
        Record *r = c->record;

        if (!g || !generation_save(g, c->wish->name, error))
                return false;
        *ret_replaced = r->token_generation;
        certificate_end_waiting(c);
        r->token = g_strdup(token);
        r->token_digest = manifest_certificate_token_digest(c->wish);
        r->token_generation = g->number;
        r->poll_at = poll_at;
        r->requested_at = now;
        return true;
}

void certificate_end_waiting(Certificate *c)
{
        Record *r = c->record;

        g_clear_pointer(&r->token, g_free);
        g_clear_pointer(&r->token_digest, g_free);
        r->token_generation = 0;
        r->poll_at = r->requested_at = r->reminded_at = 0;
}

Generation *certificate_waiting(const Certificate *c)
{
        if (!c->record->token || c->record->token_generation == 0)
                return NULL;
        return generation_load(c->wish->name, c->record->token_generation, NULL);
}

bool certificate_is_by_hand(const Certificate *c)
{
        return g_strcmp0(c->wish->issuer_type, TYPE_BY_HAND) == 0;
}

bool certificate_waits_for_person(const Certificate *c)
{
        return c->record && c->record->token && c->record->poll_at == UINT64_MAX;
}

bool certificate_waiting_is_wanted(const Certificate *c)
{
        g_autofree char *digest = NULL;

        if (!c->record->token_digest) /* of an earlier version */
                return true;
        digest = manifest_certificate_token_digest(c->wish);
        return g_str_equal(c->record->token_digest, digest);
}

/* ---- The keys of requests ---- */

static char *request_key_digest(GBytes *request)
{
        gnutls_datum_t der = { .size = (unsigned) g_bytes_get_size(request) };
        gnutls_x509_crq_t crq = NULL;
        gnutls_pubkey_t key = NULL;
        char *digest = NULL;

        der.data = (unsigned char *) g_bytes_get_data(request, NULL);
        if (gnutls_x509_crq_init(&crq) >= 0 && gnutls_pubkey_init(&key) >= 0 &&
            gnutls_x509_crq_import(crq, &der, GNUTLS_X509_FMT_DER) >= 0 && gnutls_pubkey_import_x509_crq(key, crq, 0) >= 0)
                digest = key_digest(key, NULL);
        gnutls_pubkey_deinit(key);
        gnutls_x509_crq_deinit(crq);
        return digest;
}

char *certificate_request_text(GBytes *request)
{
        g_autofree char *digest = request ? request_key_digest(request) : NULL;

        return digest ? g_strconcat(TEXT_BEFORE, digest, NULL) : NULL;
}

/* The digest in an event's words; NULL when there is none. */
static const char *digest_of_event(const RecordEvent *e)
{
        if (!g_str_equal(e->kind, "waiting") || !e->detail || !g_str_has_prefix(e->detail, TEXT_BEFORE) ||
            strlen(e->detail) != strlen(TEXT_BEFORE) + DIGEST_LENGTH)
                return NULL;
        return e->detail + strlen(TEXT_BEFORE);
}

static char *waiting_key_digest(const Certificate *c)
{
        g_autoptr(Generation) g = certificate_waiting_is_wanted(c) ? certificate_waiting(c) : NULL;
        g_autoptr(GBytes) request = g ? generation_request(g) : NULL;

        return request ? request_key_digest(request) : NULL;
}

uint64_t certificate_find_former_request(const Certificate *c, const char *text)
{
        g_autofree char *present = waiting_key_digest(c);

        record_load_history(c->record);
        for (guint i = c->record->history->len; i > 0; i--) {
                const RecordEvent *e = g_ptr_array_index(c->record->history, i - 1);
                const char *digest = digest_of_event(e);

                if (digest && g_strcmp0(digest, present) != 0 && strstr(text, digest))
                        return e->at;
        }
        return 0;
}
