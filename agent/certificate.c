/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A certificate as the agent knows it: the wish, the facts, the record and the plan of one name in one place. */

#include "agent/certificate.h"

#include "agent/pass.h"
#include "common/log.h"
#include "common/timespan.h"

/* What a watch may begin within a while; then the timer's passes mend what differs. */
#define WATCH_REPAIRS_MAX 20
#define WATCH_WHILE ((int64_t) (10 * USEC_PER_MINUTE))

Certificate *certificate_new(const ManifestCertificate *wish)
{
        Certificate *c = g_new0(Certificate, 1);

        c->wish = wish;
        return c;
}

Certificate *certificate_free(Certificate *c)
{
        if (!c)
                return NULL;
        record_free(c->substitute);
        g_free(c);
        return NULL;
}

CertState certificate_state(const Certificate *c)
{
        if (c->work && c->work->action != ACTION_NONE)
                return CERT_STATE_RENEWING;
        return c->item.state;
}

/* The files as somebody else left them become a generation of ours, so that one can go back to them. */
static Generation *adopt_files(Certificate *c)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Generation) g = generation_from_files(c->wish, &error);

        if (!g || !generation_save(g, c->wish->name, &error)) {
                log_full(LOG_DEBUG, &(LogContext) { .name = c->wish->name },
                         "What is in place cannot be gone back to: %s", error->message);
                return NULL;
        }
        if (g_strcmp0(c->record->fingerprint, g->fingerprint) == 0)
                c->record->generation = g->number;
        return g_steal_pointer(&g);
}

/* A pair, or a bundle that can be read. */
static bool files_are_whole(const Certificate *c)
{
        if (!c->facts)
                return false;
        if (c->wish->kind != MANIFEST_KIND_CERTIFICATE)
                return c->facts->content != NULL;
        return c->facts->leaf && c->facts->leaf->key_matches;
}

/* NULL as well when what is kept is not what was installed: of a bundle, that shows in its digest alone. */
static Generation *load_recorded(const Certificate *c)
{
        Generation *g = NULL;

        if (c->record->generation > 0)
                g = generation_load(c->wish->name, c->record->generation, NULL);
        if (g && generation_is_content(g) && g_strcmp0(g->fingerprint, c->record->fingerprint) != 0)
                g = generation_unref(g);
        return g;
}

Generation *certificate_current(Certificate *c)
{
        Generation *recorded = load_recorded(c);

        return recorded || !files_are_whole(c) ? recorded : adopt_files(c);
}

Generation *certificate_pending(const Certificate *c, uint64_t now)
{
        const Record *r = c->record;
        Generation *g;

        if (r->pending == 0 || g_strcmp0(r->pending_digest, c->wish->request_digest) != 0)
                return NULL;
        g = generation_load(c->wish->name, r->pending, NULL);
        if (g && !generation_is_usable(g, now))
                g = generation_unref(g);
        return g;
}

Generation *certificate_damaged(const Certificate *c, uint64_t now)
{
        const LeafFacts *leaf = c->facts ? c->facts->leaf : NULL;
        g_autoptr(Generation) g = NULL;

        if (g_strcmp0(c->record->request_digest, c->wish->request_digest) != 0)
                return NULL;
        g = load_recorded(c);
        if (!generation_is_usable(g, now) || g_strcmp0(g->fingerprint, c->record->fingerprint) != 0)
                return NULL;
        if (leaf && leaf->key_matches && g_str_equal(leaf->fingerprint, g->fingerprint))
                return NULL;
        return g_steal_pointer(&g);
}

void certificate_set_unrecorded(Certificate *c, const GError *error)
{
        if (!c->substitute) {
                log_full(LOG_ERR, &(LogContext) { .name = c->wish->name }, "The record cannot be read: %s",
                         error->message);
                c->substitute = record_new(c->wish->name);
        }
        c->record = c->substitute;
        c->facts = NULL;
}

bool certificate_may_mend(Certificate *c)
{
        int64_t now = g_get_monotonic_time();

        if (c->watch_since == 0 || now - c->watch_since > WATCH_WHILE) {
                c->watch_since = now;
                c->watch_repairs = 0;
        }
        if (c->watch_repairs < WATCH_REPAIRS_MAX) {
                c->watch_repairs++;
                return true;
        }
        if (c->watch_repairs++ == WATCH_REPAIRS_MAX)
                log_full(LOG_WARNING, &(LogContext) { .name = c->wish->name },
                         "Its files keep changing: for ten minutes they are mended by the timer alone. See who writes "
                         "in their folder.");
        return false;
}

bool generation_is_usable(const Generation *g, uint64_t now)
{
        return g && g->not_after > now && g->not_before <= now;
}

static const AuthorityCertificate *find_signer(const Generation *g, const AuthorityFacts *facts)
{
        const AuthorityCertificate *signer = NULL;
        gnutls_datum_t d;
        gnutls_x509_crt_t leaf;
        size_t size;

        if (!g->cert_pem || gnutls_x509_crt_init(&leaf) < 0)
                return NULL;
        d.data = (unsigned char *) g_bytes_get_data(g->cert_pem, &size);
        d.size = size;
        if (gnutls_x509_crt_import(leaf, &d, GNUTLS_X509_FMT_PEM) >= 0)
                signer = authority_facts_signer(facts, leaf);
        gnutls_x509_crt_deinit(leaf);
        return signer;
}

char *generation_signer(const Generation *g, const AuthorityFacts *facts)
{
        const AuthorityCertificate *signer = find_signer(g, facts);

        return signer ? g_strdup(signer->fingerprint) : NULL;
}

bool generation_is_current(const Generation *g, const AuthorityFacts *facts)
{
        const AuthorityCertificate *signer = find_signer(g, facts);

        return signer && signer->role == AUTHORITY_ROLE_CURRENT && !authority_facts_is_revoked(facts, g->serial);
}
