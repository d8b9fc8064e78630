/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wake
 *
 * Owns the one timer of the wall clock that the agent has, and the question whether the administrator wants renewals at
 * all. Who is looked at when it rings is decided by pure functions here, and done by agent/agent-wake.c.
 */

#include "agent/wake.h"

#include "agent/unit-error.h"
#include "agent/unit-query.h"
#include "common/names.h"
#include "common/timespan.h"

#define DUE_MAX 1000U
#define PAUSE_USEC (5 * USEC_PER_SEC)
#define ACCURACY_USEC USEC_PER_SEC

/* ---- Whom to look at, and when ---- */

/* issuer -> the WakeCase that stands for all of which it was away. */
static GHashTable *stand_ins(const WakeCase *cases, guint n)
{
        GHashTable *table = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < n; i++) {
                const WakeCase *best = cases[i].away ? g_hash_table_lookup(table, cases[i].away) : NULL;

                if (cases[i].at > 0 && cases[i].away && (!best || cases[i].failed_at > best->failed_at))
                        g_hash_table_insert(table, (gpointer) cases[i].away, (gpointer) &cases[i]);
        }
        return table;
}

static bool counts(GHashTable *table, const WakeCase *c)
{
        return c->at > 0 && (!c->away || g_hash_table_lookup(table, c->away) == c);
}

uint64_t wake_next(const WakeCase *cases, guint n)
{
        g_autoptr(GHashTable) table = stand_ins(cases, n);
        uint64_t next = UINT64_MAX;

        for (guint i = 0; i < n; i++)
                if (counts(table, &cases[i]))
                        next = MIN(next, cases[i].at);
        return next == UINT64_MAX ? 0 : next;
}

GArray *wake_due(const WakeCase *cases, guint n, uint64_t now)
{
        g_autoptr(GHashTable) table = stand_ins(cases, n);
        GArray *due = g_array_new(FALSE, FALSE, sizeof(guint));

        for (guint i = 0; i < n && due->len < DUE_MAX; i++)
                if (counts(table, &cases[i]) && cases[i].at <= now)
                        g_array_append_val(due, i);
        return due;
}

/* ---- The alarm clock ---- */

struct Wake {
        sd_event *event;
        sd_bus *bus;
        WakeUp up;
        void *userdata;
        uint64_t at;      /* 0: not set */
        int64_t woken_at; /* CLOCK_MONOTONIC, microseconds: the last time; 0: never */
        UnitQuery *query;
        sd_event_source *timer;
};

static void wake_clear(Wake *w)
{
        w->at = 0;
        w->query = unit_query_discard(w->query);
        w->timer = sd_event_source_disable_unref(w->timer);
}

static void wake_ring(Wake *w)
{
        wake_clear(w);
        w->woken_at = g_get_monotonic_time();
        w->up(w->userdata);
}

/* Asks whether the timer is active, and then does `next`; without systemd at once. */
static void wake_ask(Wake *w, UnitAnswered answered, void (*next)(Wake *w))
{
        w->query = unit_query_start(w->bus, CERT_TIMER_UNIT, "Unit", "ActiveState", answered, w);
        if (!w->query)
                next(w);
}

/* Where systemd does not run there is no timer that could have been stopped; and where it does not answer now, a pass too
 * many is better than a certificate that expires. */
static bool timer_is_active(sd_bus_message *reply)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        const char *state;

        if (error)
                return unit_error_is_passing(error);
        return sd_bus_message_read(reply, "v", "s", &state) >= 0 && g_str_equal(state, "active");
}

static void on_asked_again(sd_bus_message *reply, void *userdata)
{
        Wake *w = userdata;

        w->query = NULL;
        if (timer_is_active(reply))
                wake_ring(w);
        else
                wake_clear(w);
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata)
{
        Wake *w = userdata;

        w->timer = sd_event_source_disable_unref(w->timer);
        wake_ask(w, on_asked_again, wake_ring);
        return 0;
}

/* The clock of the wall, for it is certificates that are waited for: when it is set forward, the time has come. */
static void wake_arm(Wake *w)
{
        uint64_t now = now_realtime(), at = w->at;
        int64_t rested = g_get_monotonic_time() - w->woken_at;

        if (w->woken_at > 0 && rested < (int64_t) PAUSE_USEC)
                at = MAX(at, now + PAUSE_USEC - (uint64_t) rested);
        if (sd_event_add_time(w->event, &w->timer, CLOCK_REALTIME, at, ACCURACY_USEC, on_time, w) < 0)
                wake_clear(w);
}

static void on_asked(sd_bus_message *reply, void *userdata)
{
        Wake *w = userdata;

        w->query = NULL;
        if (timer_is_active(reply))
                wake_arm(w);
        else
                wake_clear(w);
}

void wake_set(Wake *w, uint64_t at)
{
        if (at == w->at)
                return;
        wake_clear(w);
        w->at = at;
        if (at > 0)
                wake_ask(w, on_asked, wake_arm);
}

bool wake_is_set(const Wake *w)
{
        return w->at > 0;
}

Wake *wake_new(sd_event *event, sd_bus *bus, WakeUp up, void *userdata)
{
        Wake *w = g_new0(Wake, 1);

        w->event = event;
        w->bus = bus;
        w->up = up;
        w->userdata = userdata;
        return w;
}

Wake *wake_free(Wake *w)
{
        if (!w)
                return NULL;
        wake_clear(w);
        g_free(w);
        return NULL;
}
