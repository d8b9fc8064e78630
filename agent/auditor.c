/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The auditor: owns the audit that is under way, who waits for it, and what is done with what it finds. Anybody may ask, so
 * the work is bounded: one audit at a time; who comes meanwhile joins it, or all of these share the next; and what an audit
 * of all has found is told again for a minute.
 */

#include "agent/auditor.h"

#include "agent/findings-seen.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

#include <errno.h>

#define KEPT_USEC (60 * USEC_PER_SEC)
#define DAY_USEC (24 * 60 * 60 * USEC_PER_SEC)
#define WAITING_MAX 64u
#define NAMES_MAX 100u  /* who asks for more asks for all */
#define LOGGED_MAX 100u /* findings of one audit that are told one by one */

typedef struct Question {
        char **names; /* empty: all */
        AuditAnswered answered;
        void *userdata;
} Question;

struct Auditor {
        Agent *agent;
        sd_event *event;
        UnitAccess *access; /* its own: what hangs in here holds up no pass */
        Offload *offload;   /* NULL until it is needed */
        FindingsSeen *seen; /* NULL until it is needed */

        Audit *running;
        char **names;       /* that it is about; NULL: all */
        GPtrArray *asking;  /* Question*, answered by the one that runs */
        GPtrArray *waiting; /* Question*, for the next */
        GHashTable *installed; /* set of names that the agent itself wants looked at */
        bool daily;         /* it wants all */

        GArray *kept; /* Finding, of the last audit of all; NULL: none that is good */
        char *kept_digest; /* of the manifest then */
        uint64_t kept_until; /* CLOCK_MONOTONIC */
};

static void question_free(void *data)
{
        Question *q = data;

        g_strfreev(q->names);
        g_free(q);
}

Auditor *auditor_new(Agent *a, sd_event *event, sd_bus *system_bus)
{
        Auditor *auditor = g_new0(Auditor, 1);

        auditor->agent = a;
        auditor->event = event;
        auditor->access = unit_access_new(event, system_bus);
        auditor->asking = g_ptr_array_new_with_free_func(question_free);
        auditor->waiting = g_ptr_array_new_with_free_func(question_free);
        auditor->installed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return auditor;
}

static void auditor_forget(Auditor *auditor)
{
        g_clear_pointer(&auditor->kept, g_array_unref);
        g_clear_pointer(&auditor->kept_digest, g_free);
}

static void give_up(GPtrArray *questions)
{
        for (guint i = 0; i < questions->len; i++) {
                const Question *q = g_ptr_array_index(questions, i);

                q->answered(NULL, q->userdata);
        }
        g_ptr_array_unref(questions);
}

Auditor *auditor_free(Auditor *auditor)
{
        if (!auditor)
                return NULL;
        audit_discard(auditor->running);
        give_up(auditor->asking);
        give_up(auditor->waiting);
        auditor_forget(auditor);
        g_hash_table_unref(auditor->installed);
        g_strfreev(auditor->names);
        unit_access_free(auditor->access);
        offload_free(auditor->offload);
        findings_seen_free(auditor->seen);
        g_free(auditor);
        return NULL;
}

bool auditor_is_busy(const Auditor *auditor)
{
        return auditor->running != NULL;
}

/* ---- Answers ---- */

static void question_answer(const Question *q, const GArray *findings)
{
        g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GPtrArray) answer = g_ptr_array_new();

        for (char **name = q->names; *name; name++)
                g_hash_table_add(wanted, *name);
        for (guint i = 0; i < findings->len; i++) {
                Finding *f = &g_array_index(findings, Finding, i);

                if (!*q->names || g_hash_table_contains(wanted, f->certificate))
                        g_ptr_array_add(answer, f);
        }
        q->answered(answer, q->userdata);
}

static const char *manifest_digest(const Auditor *auditor)
{
        const Manifest *m = agent_manifest(auditor->agent);

        return m ? m->digest : "";
}

static bool auditor_has_kept(const Auditor *auditor)
{
        return auditor->kept && (uint64_t) g_get_monotonic_time() < auditor->kept_until &&
               g_str_equal(auditor->kept_digest, manifest_digest(auditor));
}

static void auditor_keep(Auditor *auditor, const GArray *findings)
{
        auditor_forget(auditor);
        auditor->kept = g_array_ref((GArray *) findings);
        auditor->kept_digest = g_strdup(manifest_digest(auditor));
        auditor->kept_until = (uint64_t) g_get_monotonic_time() + KEPT_USEC;
}

/* ---- The journal ---- */

static void log_finding(const Finding *f)
{
        log_full(LOG_WARNING,
                 &(LogContext) {
                         .message_id = CERT_MESSAGE_FINDING, .name = f->certificate, .reason = finding_code_to_string(f->code) },
                 "%s.\n%s", f->message, f->hint);
}

static void log_findings(const GPtrArray *unseen)
{
        for (guint i = 0; i < MIN(unseen->len, LOGGED_MAX); i++)
                log_finding(g_ptr_array_index(unseen, i));
        if (unseen->len > LOGGED_MAX)
                log_full(LOG_WARNING, &(LogContext) { .message_id = CERT_MESSAGE_FINDING },
                         "%u further findings are not told one by one.\nSee: certctl check; certctl status NAME",
                         unseen->len - LOGGED_MAX);
}

static FindingsSeen *auditor_seen(Auditor *auditor)
{
        if (!auditor->seen)
                auditor->seen = findings_seen_load();
        return auditor->seen;
}

static void auditor_take_in(Auditor *auditor, const GArray *findings, bool complete)
{
        FindingsSeen *seen = auditor_seen(auditor);
        g_autoptr(GPtrArray) unseen = NULL;
        g_autoptr(GError) error = NULL;

        unseen = findings_seen_take(seen, findings, (const char *const *) auditor->names, complete);
        if (findings_seen_is_changed(seen)) /* what is kept would say otherwise */
                auditor_forget(auditor);
        if (!auditor->names && complete)
                findings_seen_note_audit(seen, now_realtime());
        log_findings(unseen);
        if (!findings_seen_save(seen, &error))
                log_warning("Cannot keep which findings were told: %s, ignoring.", error->message);
}

/* ---- One at a time ---- */

static void auditor_begin(Auditor *auditor);

static void on_audited(const GArray *findings, bool complete, void *userdata)
{
        Auditor *auditor = userdata;
        g_autoptr(GPtrArray) asking = g_steal_pointer(&auditor->asking);

        auditor->running = NULL;
        auditor->asking = g_ptr_array_new_with_free_func(question_free);
        if (!complete)
                log_warning("The files of certificates could not all be looked at in time: a folder on a network does "
                            "not answer, or systemd.");
        auditor_take_in(auditor, findings, complete);
        if (!auditor->names && complete)
                auditor_keep(auditor, findings);
        g_clear_pointer(&auditor->names, g_strfreev);
        for (guint i = 0; i < asking->len; i++)
                question_answer(g_ptr_array_index(asking, i), findings);
        auditor_begin(auditor);
}

static bool is_about_all(const Question *q)
{
        return !*q->names || g_strv_length(q->names) > NAMES_MAX;
}

/* What all that wait want to know; NULL: all certificates. The caller owns it. */
static char **auditor_take_names(Auditor *auditor)
{
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
        g_autofree char **list = NULL;
        bool all = auditor->daily;

        for (guint i = 0; i < auditor->waiting->len; i++) {
                const Question *q = g_ptr_array_index(auditor->waiting, i);

                all |= is_about_all(q);
                for (char **name = q->names; *name; name++)
                        g_hash_table_add(names, *name);
        }
        for (GList *name = g_hash_table_get_keys(auditor->installed); name; name = g_list_delete_link(name, name))
                g_hash_table_add(names, name->data);
        list = (char **) g_hash_table_get_keys_as_array(names, NULL);
        return all ? NULL : g_strdupv(list);
}

/* Their wishes (const ManifestCertificate *); of what is no certificate, or has left the manifest, there is none. */
static GPtrArray *auditor_find_wishes(const Auditor *auditor)
{
        GPtrArray *wishes = g_ptr_array_new(), *all = agent_certificates(auditor->agent);

        for (guint i = 0; !auditor->names && i < all->len; i++)
                g_ptr_array_add(wishes, (gpointer) ((Certificate *) g_ptr_array_index(all, i))->wish);
        for (char **name = auditor->names; name && *name; name++) {
                const Certificate *c = agent_find(auditor->agent, *name);

                if (c && c->wish->kind == MANIFEST_KIND_CERTIFICATE)
                        g_ptr_array_add(wishes, (gpointer) c->wish);
        }
        return wishes;
}

/* Begins the next, if somebody waits for it. */
static void auditor_begin(Auditor *auditor)
{
        g_autoptr(GPtrArray) wishes = NULL;

        if (auditor->running || (auditor->waiting->len == 0 && !auditor->daily && g_hash_table_size(auditor->installed) == 0))
                return;
        if (!auditor->offload)
                auditor->offload = offload_new(auditor->event);
        if (!auditor->offload) {
                log_warning("Cannot look at the files of certificates: %s, ignoring.", g_strerror(errno));
                give_up(auditor->waiting);
                auditor->waiting = g_ptr_array_new_with_free_func(question_free);
                return;
        }
        auditor->names = auditor_take_names(auditor);
        auditor->daily = false;
        g_hash_table_remove_all(auditor->installed);
        g_ptr_array_extend_and_steal(auditor->asking, g_steal_pointer(&auditor->waiting));
        auditor->waiting = g_ptr_array_new_with_free_func(question_free);
        wishes = auditor_find_wishes(auditor);
        auditor->running = audit_start(auditor->event, auditor->access, auditor->offload, wishes, !auditor->names, on_audited,
                                       auditor);
}

bool auditor_ask(Auditor *auditor, const char *const *names, AuditAnswered answered, void *userdata, GError **error)
{
        Question *q;

        if (auditor->waiting->len + auditor->asking->len >= WAITING_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BUSY, "%u callers wait for an audit already", WAITING_MAX);
                return false;
        }
        q = g_new(Question, 1);
        *q = (Question) { g_strdupv((char **) names), answered, userdata };
        if (is_about_all(q) && auditor_has_kept(auditor)) {
                question_answer(q, auditor->kept);
                question_free(q);
                return true;
        }
        g_ptr_array_add(auditor->running && !auditor->names ? auditor->asking : auditor->waiting, q);
        auditor_begin(auditor);
        return true;
}

/* ---- The agent's own ---- */

static bool is_due(Auditor *auditor)
{
        uint64_t last = findings_seen_audited(auditor_seen(auditor)), now = now_realtime();

        return last == 0 || now < last || now - last >= DAY_USEC;
}

void auditor_note_pass(Auditor *auditor, char **installed, bool daily, bool begin)
{
        for (char **name = installed; *name; name++)
                g_hash_table_add(auditor->installed, g_strdup(*name));
        if (*installed)
                auditor_forget(auditor); /* it is of before */
        auditor->daily |= daily && is_due(auditor);
        if (begin)
                auditor_begin(auditor);
}
