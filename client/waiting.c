/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting certificates: since when, how urgent that is, and what a person is to do. */

#include "client/waiting.h"

#include "client/when.h"

#include <stdio.h>

static bool waits(const char *state)
{
        return g_str_equal(state, "waiting");
}

/* What is polled for has a time at which it is asked for next. */
bool waiting_is_by_hand(const CertRow *row)
{
        return waits(row->state) && row->next_renewal == 0;
}

static bool is_by_hand(const CertDetail *d)
{
        return waits(d->state) && d->next_renewal == 0;
}

WaitingUrgency waiting_urgency(const CertDetail *d, uint64_t now)
{
        uint64_t all, left;

        if (d->not_after == 0 || d->requested_at == 0 || d->requested_at >= d->not_after)
                return WAITING_CALM;
        all = d->not_after - d->requested_at;
        left = d->not_after > now ? d->not_after - now : 0;
        return left < all / 10 ? WAITING_URGENT : WAITING_CALM;
}

char *waiting_text(const CertDetail *d)
{
        g_autofree char *since = d->requested_at > 0 ? when_absolute(d->requested_at) : NULL;

        return g_strdup_printf("%s waits for its %s%s%s", d->name, is_by_hand(d) ? "answer" : "issuer",
                               since ? " since " : "", since ?: "");
}

char *waiting_advice(const CertDetail *d)
{
        return is_by_hand(d)
                       ? g_strdup_printf("certctl csr %s > %s.csr, have it signed, certctl import %s FILE",
                                         d->name, d->name, d->name)
                       : NULL;
}

void waiting_print(const Client *client, const CertDetail *d)
{
        const Terminal *t = &client->terminal;
        g_autofree char *text = waiting_text(d), *advice = waiting_advice(d);
        g_autofree char *clean_text = terminal_clean(t, text, false),
                        *clean_advice = terminal_clean(t, advice ?: "", false);

        printf("%s%s%s %s%s%s\n", style_on(t->colour_out, STYLE_WARNING), terminal_dot(t),
               style_off(t->colour_out, STYLE_WARNING), clean_text, advice ? ": " : "", clean_advice);
}
