/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* The wake: what is due before the timer ticks again is looked at in time, by an agent that stays for it. Without it a
 * certificate that lives for minutes would have expired before anybody looked, and no retry would keep its word. */

/* What is due within this time is waited for: no tick of cert-renew.timer (each quarter of an hour, and up to five minutes
 * later) comes for certain before. */
#define WAKE_HORIZON_USEC (UINT64_C(20) * 60 * 1000 * 1000)

/* ---- Whom to look at, and when. Pure ---- */

typedef struct WakeCase {
        uint64_t at;        /* when it is to be looked at, microseconds since 1970; 0: at no time */
        const char *away;   /* the issuer that was away when it failed; NULL: that is not why it waits */
        uint64_t failed_at; /* with `away` */
} WakeCase;

/* Those that fail because their issuer is away are looked at together: the one that failed last stands for all, so that an
 * outage costs a try from time to time, and not one for each certificate. */

/* The earliest time; 0: none. */
uint64_t wake_next(const WakeCase *cases, guint n);
/* Indices (guint, ascending) of those that are due at `now`, at most a thousand; the caller owns the array. */
GArray *wake_due(const WakeCase *cases, guint n, uint64_t now);

/* ---- The alarm clock ---- */

typedef struct Wake Wake;

typedef void (*WakeUp)(void *userdata);

/* `bus` may be NULL: there is no systemd. Both are borrowed. */
Wake *wake_new(sd_event *event, sd_bus *bus, WakeUp up, void *userdata);
Wake *wake_free(Wake *w);

/* Calls `up` once at this time (microseconds since 1970, by the wall clock, wherever it is set to), but not more often than
 * each five seconds; 0: never. In the place of what was set before. Only while cert-renew.timer is active: who has stopped
 * it has stopped renewals. systemd is asked for that now, and again at the time; where there is none, or it does not
 * answer, it is taken to be. */
void wake_set(Wake *w, uint64_t at);

/* The agent must stay for it. */
bool wake_is_set(const Wake *w);
