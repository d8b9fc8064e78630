/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's local authorities: which there are, how the rest of the host stands to each, what is to be done about
 * each, and the watches of their folders. What a pass does about them is pass-authority.c's. */

#include "agent/agent-private.h"
#include "agent/trust.h"
#include "common/log.h"
#include "common/timespan.h"

#include <string.h>

/* Each takes a connection of those that the type's socket unit allows (128), and a process. */
#define WATCHED_MAX 64U

#define RECREATE_MAX 20
#define RECREATE_WHILE ((int64_t) (10 * USEC_PER_MINUTE))

/* ---- Watches of their folders ---- */

static void on_changed(const char *issuer, void *userdata)
{
        g_autofree char *name = g_strconcat(MANIFEST_AUTHORITY_PREFIX, issuer, NULL);

        watch_tell(((Agent *) userdata)->watch, name);
}

/* One that is watched already goes on as long as its process would be told the same. */
static void watch_authority(Agent *a, Authority *authority, bool wanted)
{
        if (authority->watch && (!wanted || !authority_watch_is_of(authority->watch, authority->issuer)))
                authority->watch = authority_watch_free(authority->watch);
        if (wanted && !authority->watch)
                authority->watch = authority_watch_new(a->event, authority->issuer, on_changed, a);
}

static void agent_watch_authorities(Agent *a)
{
        unsigned watched = 0;

        for (guint i = 0; i < a->authorities->len; i++) {
                Authority *authority = g_ptr_array_index(a->authorities, i);
                bool wanted = authority->issuer->authority->watch;

                watch_authority(a, authority, wanted && watched < WATCHED_MAX);
                watched += wanted;
        }
        if (watched > WATCHED_MAX)
                log_warning("Of %u authorities only the first %u are watched; what changes in the folders of the others "
                            "is found by the timer.",
                            watched, WATCHED_MAX);
}

bool agent_is_watching(const Agent *a)
{
        for (guint i = 0; i < a->authorities->len; i++)
                if (((const Authority *) g_ptr_array_index(a->authorities, i))->watch)
                        return true;
        return watch_is_active(a->watch);
}

/* ---- Which there are ---- */

static int compare_authorities(gconstpointer a, gconstpointer b)
{
        return strcmp((*(Authority *const *) a)->name, (*(Authority *const *) b)->name);
}

/* Takes the one of this name out of a list; NULL when it is not there. */
static Authority *take_authority(GPtrArray *list, const ManifestIssuer *issuer)
{
        for (guint i = 0; i < list->len; i++) {
                Authority *authority = g_ptr_array_index(list, i);

                if (g_strcmp0(authority->name + strlen(MANIFEST_AUTHORITY_PREFIX), issuer->name) == 0) {
                        g_ptr_array_steal_index_fast(list, i);
                        authority->issuer = issuer;
                        return authority;
                }
        }
        return NULL;
}

/* One that left the manifest and comes back while a pass is still at work on it is the same one. */
static Authority *agent_keep_authority(Agent *a, GPtrArray *old, const ManifestIssuer *issuer)
{
        return take_authority(old, issuer) ?: take_authority(a->gone_authorities, issuer) ?: agent_authority_new(issuer);
}

void agent_take_authorities(Agent *a, const Manifest *manifest)
{
        g_autoptr(GPtrArray) old = g_steal_pointer(&a->authorities);
        GHashTableIter iter;
        gpointer issuer;

        a->authorities = g_ptr_array_new();
        g_hash_table_remove_all(a->facts_by_issuer);
        g_hash_table_iter_init(&iter, manifest->issuers);
        while (g_hash_table_iter_next(&iter, NULL, &issuer))
                if (((const ManifestIssuer *) issuer)->authority)
                        g_ptr_array_add(a->authorities, agent_keep_authority(a, old, issuer));
        g_ptr_array_sort(a->authorities, compare_authorities);
        for (guint i = 0; i < old->len; i++) {
                watch_authority(a, g_ptr_array_index(old, i), false);
                g_ptr_array_add(a->gone_authorities, g_ptr_array_index(old, i));
        }
        agent_watch_authorities(a);
}

Authority *agent_find_authority(Agent *a, const char *issuer)
{
        for (guint i = 0; i < a->authorities->len; i++) {
                Authority *authority = g_ptr_array_index(a->authorities, i);

                if (g_strcmp0(authority->issuer->name, issuer) == 0)
                        return authority;
        }
        return NULL;
}

GPtrArray *agent_authorities(Agent *a)
{
        return a->authorities;
}

const AuthorityFacts *agent_facts_of(Agent *a, const char *issuer)
{
        const Authority *authority = issuer ? agent_find_authority(a, issuer) : NULL;

        return authority ? authority->facts : NULL;
}

/* ---- What a bundle must hold ---- */

GBytes *agent_compose_bundle(Agent *a, const ManifestCertificate *bundle, const ManifestIssuer **ret_unknown,
                             GError **error)
{
        g_hash_table_remove_all(a->facts_by_issuer);
        for (guint i = 0; i < a->authorities->len; i++) {
                Authority *authority = g_ptr_array_index(a->authorities, i);

                if (authority->facts)
                        g_hash_table_insert(a->facts_by_issuer, authority->issuer->name, authority->facts);
        }
        return trust_compose(bundle, a->manifest, a->facts_by_issuer, ret_unknown, error);
}

/* ---- How the host stands to an authority ---- */

/* Its units have taken what is installed. */
static bool units_have_taken(const Certificate *c)
{
        return c->wish->units->len == 0 || g_strcmp0(c->record->taken, c->record->fingerprint) == 0;
}

/* What is installed says what is trusted now, and those who read it have read it. A certificate without anything in place
 * has nobody who reads it. */
static bool is_trusting(const Certificate *c, const AuthorityFacts *facts)
{
        const ManifestCertificate *w = c->wish;

        switch (w->kind) {
        case MANIFEST_KIND_BUNDLE:
                return (c->item.reasons & REASON_BIT(REASON_BUNDLE_DIFFER)) == 0 && units_have_taken(c);
        case MANIFEST_KIND_CRL:
                return g_strcmp0(c->record->source, facts->crl_digest) == 0 && units_have_taken(c);
        default:
                if ((!w->path[MANAGED_FILE_CA] && !w->directory) || !c->facts->leaf || c->record->generation == 0)
                        return true;
                return g_strcmp0(c->record->source, facts->trust_digest) == 0 && units_have_taken(c);
        }
}

static bool is_signed_by_old(const Certificate *c, const AuthorityFacts *facts)
{
        const LeafFacts *leaf = c->facts->leaf;
        const AuthorityCertificate *signer = leaf && leaf->signed_by ? authority_facts_find(facts, leaf->signed_by) : NULL;

        return signer && signer->role == AUTHORITY_ROLE_OLD;
}

/* What was found changed, by a name that the same finding has again; NULL: nothing was. */
static char *evidence_of(const Authority *authority, const Certificate *c)
{
        bool found = c->wish->kind == MANIFEST_KIND_BUNDLE
                             ? plan_bundle_drifted(c->facts, c->record)
                             : c->wish->kind == MANIFEST_KIND_CERTIFICATE &&
                                       plan_is_stray(c->wish, c->facts, c->record, authority->facts);

        return found ? g_strdup_printf("%s=%s", c->wish->name, facts_fingerprint(c->facts) ?: "missing") : NULL;
}

static bool is_answered(const Authority *authority, const char *evidence)
{
        g_auto(GStrv) answered = g_strsplit(authority->record->answered ?: "", " ", -1);

        return g_strv_contains((const char *const *) answered, evidence);
}

static void count_not_trusting(Authority *authority, const Certificate *c)
{
        if (authority->use.not_trusting++ == 0)
                authority->waits_for = c->wish->name;
}

/* Counts one that hangs on it; its evidence is added to `found`. */
static void count_one(Authority *authority, const Certificate *c, GString *found)
{
        AuthorityUse *use = &authority->use;
        g_autofree char *evidence = NULL;

        use->certificates += c->wish->kind == MANIFEST_KIND_CERTIFICATE;
        if (!authority->facts || authority->facts->missing)
                return;
        if (!c->facts) { /* a record that cannot be read: nobody knows what is trusted or served there */
                authority->unknown = true;
                count_not_trusting(authority, c);
                use->signed_by_old++;
                return;
        }
        use->signed_by_old += is_signed_by_old(c, authority->facts);
        if (!is_trusting(c, authority->facts))
                count_not_trusting(authority, c);
        evidence = evidence_of(authority, c);
        if (!evidence)
                return;
        g_string_append_printf(found, "%s%s", found->len > 0 ? " " : "", evidence);
        if (is_answered(authority, evidence))
                return;
        if (c->wish->kind == MANIFEST_KIND_BUNDLE)
                use->bundle_drifted = true;
        else
                use->stray = true;
}

static void count_use(Agent *a, Authority *authority)
{
        GString *found = g_string_new(NULL);

        authority->use = (AuthorityUse) {};
        authority->unknown = false;
        authority->waits_for = NULL;
        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++) {
                const Certificate *c = agent_managed(a, i);

                if (authority_concerns(authority, c->wish))
                        count_one(authority, c, found);
        }
        g_free(authority->found);
        authority->found = g_string_free(found, FALSE);
}

void agent_save_authority(Agent *a, Authority *authority)
{
        g_autoptr(GError) error = NULL;

        if (authority->record != authority->substitute && !record_store_save(a->records, &authority->record, 1, &error))
                log_error("Cannot save what happened to the authority %s: %s", authority->issuer->name, error->message);
}

/* Facts about an authority that only time and the rest of the host tell: since when nothing of an old one is in use, and
 * that what was answered is no longer found. */
static void note_use(Agent *a, Authority *authority)
{
        Record *r = authority->record;
        bool known = authority->facts && !authority->facts->missing;
        bool unused = known && authority->use.signed_by_old == 0 &&
                      authority_facts_in_role(authority->facts, AUTHORITY_ROLE_OLD);
        bool over = r->answered && !*authority->found;
        bool adopted = known && !r->request_digest;

        if (unused && r->unused_since == 0 && a->clock.trust == CLOCK_GOOD)
                r->unused_since = a->clock.now;
        else if (!unused && r->unused_since != 0)
                r->unused_since = 0;
        else if (!over && !adopted)
                return;
        if (over)
                g_clear_pointer(&r->answered, g_free);
        if (adopted)
                r->request_digest = g_strdup(authority->issuer->authority->request_digest);
        agent_save_authority(a, authority);
}

static bool authority_get_record(Agent *a, Authority *authority)
{
        g_autoptr(GError) error = NULL;

        if (record_store_get(a->records, authority->name, &authority->record, NULL, &error))
                return true;
        if (!authority->substitute) {
                log_error("The record of the authority %s cannot be read: %s", authority->issuer->name, error->message);
                authority->substitute = record_new(authority->name);
        }
        authority->record = authority->substitute;
        return false;
}

/* Tampering is answered by a new authority only so often: who may write a bundle would else have the CA, and everything
 * that hangs on it, made anew without end. */
static bool may_recreate(Authority *authority, int64_t now)
{
        if (now - authority->recreate_since > RECREATE_WHILE) {
                authority->recreate_since = now;
                authority->recreations = 0;
        }
        return authority->recreations < RECREATE_MAX;
}

/* Beyond that what was changed is mended as if the manifest did not say "recreate". */
static void limit_recreation(Agent *a, Authority *authority)
{
        if (authority->plan.action != AUTHORITY_ACTION_RECREATE || (authority->plan.reasons & REASON_BIT(REASON_FORCED)) ||
            may_recreate(authority, g_get_monotonic_time()))
                return;
        log_full(LOG_WARNING, &(LogContext) { .name = authority->name, .issuer = authority->issuer->name },
                 "What hangs on the authority keeps being changed (%s): that is mended, but no new authority is made for it "
                 "for a while.",
                 authority->found);
        g_free(authority->record->answered);
        authority->record->answered = g_strdup(authority->found);
        authority->plan.action = AUTHORITY_ACTION_NONE;
        authority->use.bundle_drifted = authority->use.stray = false;
}

static void judge(Agent *a, Authority *authority, PlanFlags flags, bool by_pass)
{
        bool recorded = authority_get_record(a, authority);

        count_use(a, authority);
        if (recorded && by_pass && !authority->unknown)
                note_use(a, authority);
        authority->plan = plan_authority(authority->issuer->authority, authority->facts, &authority->use,
                                         authority->record, a->clock, flags);
        /* What cannot say what it has, or whose history is unknown, is left as it is; unless a person gives it up. */
        if (!recorded || (authority->error && !(flags & PLAN_AT_ONCE)))
                authority->plan.action = AUTHORITY_ACTION_NONE;
        else if (by_pass && !authority->error)
                limit_recreation(a, authority);
        else if (authority->error && a->clock.trust == CLOCK_GOOD)
                authority->plan = (AuthorityPlan) {
                        .action = AUTHORITY_ACTION_RECREATE,
                        .reasons = REASON_BIT(REASON_FORCED),
                        .state = CERT_STATE_DUE,
                        .due = a->clock.now,
                };
}

void agent_judge_authority(Agent *a, Authority *authority, PlanFlags flags)
{
        judge(a, authority, flags, /* by_pass= */ true);
}

void agent_judge_all(Agent *a)
{
        for (guint i = 0; i < a->authorities->len; i++)
                judge(a, g_ptr_array_index(a->authorities, i), 0, /* by_pass= */ false);
}

/* The manifest wants a change to be answered by a new authority, and it was not yet: it is the evidence, and left as it
 * is until then. */
bool agent_is_unanswered(Agent *a, const Certificate *c)
{
        for (guint i = 0; c->facts && i < a->authorities->len; i++) {
                const Authority *authority = g_ptr_array_index(a->authorities, i);
                const ManifestAuthority *wish = authority->issuer->authority;
                bool bundle = c->wish->kind == MANIFEST_KIND_BUNDLE;
                g_autofree char *evidence = NULL;

                if (!(bundle ? wish->recreate_on_bundle_drift : wish->recreate_on_stray) ||
                    !authority_concerns(authority, c->wish) || !authority->facts || authority->facts->missing)
                        continue;
                evidence = evidence_of(authority, c);
                if (evidence && authority->record && !is_answered(authority, evidence))
                        return true;
        }
        return false;
}
