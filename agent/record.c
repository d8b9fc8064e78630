/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A record
 *
 * Owns the facts about one certificate that its files do not tell, in memory: making and freeing them, failures
 * and their back-off, the history, and the adoption of what is found on disk. Its file is agent/record-file.c's
 * matter, the agent's whole set of records agent/record-store.c's.
 */

#include "agent/record.h"

#include "agent/generation.h"
#include "common/timespan.h"

#include <limits.h>
#include <string.h>

#define BACKOFF_FIRST USEC_PER_MINUTE
#define BACKOFF_LEAST (10 * USEC_PER_SEC) /* where a third of what remains is less than the first */
#define BACKOFF_LAST (8 * USEC_PER_HOUR)
#define BACKOFF_JITTER_PERCENT 20
#define RETRY_AFTER_MAX (30 * USEC_PER_DAY) /* an issuer that says more is not believed */

static RecordEvent *record_event_free(RecordEvent *e)
{
        if (!e)
                return NULL;
        g_free(e->kind);
        g_free(e->reasons);
        g_free(e->serial);
        g_free(e->detail);
        g_free(e);
        return NULL;
}

static void record_event_destroy(gpointer e)
{
        record_event_free(e);
}

Record *record_new(const char *name)
{
        Record *r = g_new0(Record, 1);

        r->name = g_strdup(name);
        r->error = _CERT_ERROR_INVALID;
        r->history = g_ptr_array_new_with_free_func(record_event_destroy);
        return r;
}

Record *record_free(Record *r)
{
        if (!r)
                return NULL;
        g_free(r->name);
        g_free(r->issuer);
        g_free(r->request_digest);
        g_free(r->fingerprint);
        g_free(r->revoked);
        g_free(r->taken);
        g_free(r->authority);
        g_free(r->source);
        g_free(r->answered);
        g_free(r->failed_digest);
        g_free(r->failed_issuer);
        g_free(r->message);
        g_free(r->hint);
        g_free(r->pending_digest);
        g_free(r->token);
        g_free(r->token_digest);
        if (r->history)
                g_ptr_array_unref(r->history);
        g_free(r);
        return NULL;
}

void record_add_event(Record *r, uint64_t at, const char *kind, ReasonSet reasons, const char *serial,
                      const char *detail)
{
        RecordEvent *e = g_new0(RecordEvent, 1);

        e->at = at;
        e->kind = g_strdup(kind);
        e->reasons = reasons != 0 ? reason_set_to_string(reasons) : NULL;
        e->serial = g_strdup(serial);
        e->detail = detail ? g_strndup(detail, strcspn(detail, "\n")) : NULL;
        record_load_history(r);
        g_ptr_array_add(r->history, e);
        if (r->history->len > RECORD_HISTORY_MAX)
                g_ptr_array_remove_range(r->history, 0, r->history->len - RECORD_HISTORY_MAX);
}

uint64_t record_backoff(unsigned failures, uint64_t remaining, uint32_t random)
{
        uint64_t span = BACKOFF_FIRST, width;

        for (unsigned i = 1; i < failures && span < BACKOFF_LAST; i++)
                span *= 2;
        span = MIN(span, BACKOFF_LAST);
        width = span * 2 * BACKOFF_JITTER_PERCENT / 100;
        span = span - width / 2 + (uint64_t) ((double) random / UINT32_MAX * (double) width);
        span = CLAMP(span, BACKOFF_FIRST, BACKOFF_LAST);
        return remaining > 0 ? MIN(span, MAX(remaining / 3, BACKOFF_LEAST)) : span;
}

uint64_t record_remaining(uint64_t now, uint64_t not_before, uint64_t not_after)
{
        if (not_after > now)
                return not_after - now;
        return not_after > not_before ? not_after - not_before : 0;
}

void record_fail(Record *r, uint64_t now, uint64_t remaining, uint64_t retry_after, const GError *error)
{
        if (r->failures < UINT_MAX)
                r->failures++;
        r->failed_at = now;
        if (retry_after > 0)
                r->retry_at = now + MIN(retry_after, RETRY_AFTER_MAX);
        else
                r->retry_at = now + record_backoff(r->failures, remaining, g_random_int());
        r->retry_told = retry_after > 0;
        r->error = cert_error_code(error);
        g_free(r->message);
        r->message = cert_error_summary(error);
        g_free(r->hint);
        r->hint = g_strdup(cert_error_hint(error));
}

void record_succeed(Record *r)
{
        r->failures = 0;
        r->failed_at = r->retry_at = 0;
        r->error = _CERT_ERROR_INVALID;
        r->blocked = r->degraded = r->retry_told = false;
        g_clear_pointer(&r->failed_digest, g_free);
        g_clear_pointer(&r->failed_issuer, g_free);
        g_clear_pointer(&r->message, g_free);
        g_clear_pointer(&r->hint, g_free);
}

/* The newest stored generation above `above` whose leaf is `fingerprint`; 0: none. */
static unsigned find_generation(const char *name, const char *fingerprint, unsigned above)
{
        g_autoptr(GArray) numbers = generation_list(name);

        for (unsigned i = numbers ? numbers->len : 0; i > 0; i--) {
                unsigned number = g_array_index(numbers, guint, i - 1);
                g_autoptr(Generation) g = NULL;

                if (number <= above)
                        break;
                g = generation_load(name, number, NULL);
                if (g && g_strcmp0(g->fingerprint, fingerprint) == 0)
                        return number;
        }
        return 0;
}

bool record_adopt(Record *r, const char *fingerprint)
{
        unsigned number;

        if (g_strcmp0(r->fingerprint, fingerprint) == 0)
                return false;
        number = find_generation(r->name, fingerprint, r->fingerprint ? r->generation : 0);
        if (number == 0 && r->fingerprint)
                return false;
        g_free(r->fingerprint);
        r->fingerprint = g_strdup(fingerprint);
        r->generation = number;
        if (number == 0) {
                g_free(r->taken);
                r->taken = g_strdup(fingerprint);
                return true;
        }
        g_clear_pointer(&r->issuer, g_free);
        g_clear_pointer(&r->request_digest, g_free);
        g_clear_pointer(&r->authority, g_free);
        g_clear_pointer(&r->source, g_free);
        if (r->pending == number) {
                r->request_digest = g_steal_pointer(&r->pending_digest);
                r->pending = 0;
                r->pending_imported = false;
        }
        return true;
}
