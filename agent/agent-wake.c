/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's own passes: what is due before cert-renew.timer ticks again. When that is was noted by the last pass that
 * looked (Certificate.wake_at); here the next time is found at the end of each pass, and the pass begun that is due. Such
 * a pass is about those alone that are due, and waits for every retry: it may come each few seconds. */

#include "agent/agent-private.h"
#include "agent/clock.h"
#include "agent/outage.h"

/* A CA that has to decide is asked by the timer: that may take days. What is due and is not done waits for its authority,
 * and not for the time. */
void certificate_note_due(Certificate *c)
{
        bool waits_for_time = c->item.action == ACTION_NONE && c->item.state != CERT_STATE_WAITING &&
                              c->item.state != CERT_STATE_DUE;

        c->wake_at = waits_for_time ? c->item.due : 0;
}

static WakeCase wake_case(Agent *a, const Certificate *c)
{
        bool away = outage_is_cause(c->record);

        return (WakeCase) {
                .at = c->wake_at,
                .away = away ? agent_issuer_away(a, c->wish) : NULL,
                .failed_at = away ? c->record->failed_at : 0,
        };
}

/* Those that are due soon, and whom they belong to (Certificate*). */
static GArray *agent_wake_cases(Agent *a, GPtrArray *ret_certificates)
{
        GArray *cases = g_array_new(FALSE, FALSE, sizeof(WakeCase));
        uint64_t until = a->clock.now + WAKE_HORIZON_USEC;

        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++) {
                Certificate *c = agent_managed(a, i);
                WakeCase wake;

                if (c->wake_at == 0 || c->wake_at > until)
                        continue;
                wake = wake_case(a, c);
                g_array_append_val(cases, wake);
                g_ptr_array_add(ret_certificates, c);
        }
        return cases;
}

/* A clock that cannot be trusted is the timer's matter. */
void agent_set_wake(Agent *a)
{
        g_autoptr(GPtrArray) certificates = g_ptr_array_new();
        g_autoptr(GArray) cases = NULL;

        a->clock = clock_read();
        cases = agent_wake_cases(a, certificates);
        wake_set(a->wake, a->clock.trust == CLOCK_GOOD ? wake_next((WakeCase *) (void *) cases->data, cases->len) : 0);
}

/* Names of those that are due. None is named twice for the same time: the pass that looks at it notes the next. */
static GPtrArray *agent_take_due(Agent *a)
{
        g_autoptr(GPtrArray) certificates = g_ptr_array_new();
        g_autoptr(GArray) cases = agent_wake_cases(a, certificates);
        g_autoptr(GArray) due = wake_due((WakeCase *) (void *) cases->data, cases->len, a->clock.now);
        GPtrArray *names = g_ptr_array_new();

        for (guint i = 0; i < due->len; i++) {
                Certificate *c = g_ptr_array_index(certificates, g_array_index(due, guint, i));

                c->wake_at = 0;
                g_ptr_array_add(names, c->wish->name);
        }
        g_ptr_array_add(names, NULL);
        return names;
}

void agent_wake_up(void *userdata)
{
        Agent *a = userdata;
        g_autoptr(GPtrArray) names = NULL;

        a->clock = clock_read();
        if (!a->manifest || a->clock.trust != CLOCK_GOOD)
                return;
        names = agent_take_due(a);
        if (names->len > 1)
                agent_start_due(a, (const char *const *) names->pdata);
        else
                agent_set_wake(a);
}
