/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One authority, or one bundle, in full: what is trusted here, until when, and what comes next. */

#include "client/detail-trust.h"

#include "client/detail.h"
#include "client/when.h"

#include <inttypes.h>
#include <stdio.h>

static const char *phase_words(const Authority *a)
{
        static const struct {
                const char *phase, *words;
        } table[] = {
                { "missing", "missing: the next pass makes it" },
                { "introducing",
                  "introducing: the next one is trusted, and signs when all on this host trust it" },
                { "retiring", "retiring: the old one signs no more, and is trusted as long as it is in use" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(table) && !*a->hint;
             i++) /* the hint says it with more knowledge */
                if (g_str_equal(table[i].phase, a->phase))
                        return table[i].words;
        return a->phase;
}

static void print_number(const Client *client, const char *label, uint32_t n)
{
        g_autofree char *text = g_strdup_printf("%" PRIu32, n);

        detail_line(client, label, text);
}

/* Each certificate that is trusted; of one alone the lines above say it all. */
static void print_trusted(const Client *client, const Authority *a, uint64_t now)
{
        for (guint i = 0; i < a->trusted->len && a->trusted->len > 1; i++) {
                const TrustedCertificate *c = &g_array_index(a->trusted, TrustedCertificate, i);
                g_autofree char *end = when_both(c->not_after, now);
                g_autofree char *text = g_strdup_printf("%s, expires %s", c->fingerprint, end);
                g_autofree char *role = terminal_clean(&client->terminal, c->role, false);

                detail_line(client, role, text);
        }
}

void detail_authority(const Client *client, const Authority *a, uint64_t now)
{
        detail_head(client, a->name, a->subject, a->state, a->reasons);
        detail_line(client, "Phase", phase_words(a));
        detail_line(client, "Serial", a->serial_number);
        detail_line(client, "Fingerprint", a->fingerprint);
        detail_line(client, "Key type", a->key_type);
        detail_time(client, "Valid from", a->not_before, now);
        detail_time(client, "Expires", a->not_after, now);
        if (!g_str_equal(a->phase, "introducing")) /* it is under way */
                detail_time(client, "Rotation", a->next_rotation, now);
        detail_time(client, "Old one goes", a->retirement, now);
        print_number(client, "Certificates", a->certificates);
        print_number(client, "Revoked", a->revoked);
        print_trusted(client, a, now);
        detail_failure(client, a->message, a->hint, a->retry_at, now);
        detail_log(client, a->name);
}

void detail_bundle(const Client *client, const Bundle *b, uint64_t now)
{
        detail_head(client, b->name, b->path, b->state, b->reasons);
        detail_list(client, "From", b->issuers);
        if (b->certificates > 0)
                print_number(client, "Certificates", b->certificates);
        detail_line(client, "Fingerprint", b->fingerprint);
        detail_time(client, "Updated", b->last_change, now);
        detail_time(client, "Next update", b->next_update, now);
        detail_list(client, "Units", b->units);
        detail_failure(client, b->message, b->hint, b->retry_at, now);
        detail_log(client, b->name);
}
