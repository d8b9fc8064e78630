/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Spans of time, in microseconds as systemd counts them, and their text: "12h", "90d", "1w 2d", "10s",
 * "250ms"; units us ms s m min h d w M(onth) y; a bare number is seconds. */

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/* The wall clock, microseconds since 1970 (CLOCK_REALTIME); the one place that reads it. */
uint64_t now_realtime(void);

/* CERT_ERROR_MANIFEST_INVALID when it is no span, is negative, or overflows. */
bool timespan_parse(const char *text, uint64_t *ret_usec, GError **error);

/* "2d 3h": the two largest units; caller owns. */
char *timespan_format(uint64_t usec);

/* "2026-11-21 10:00:00 UTC"; caller owns. */
char *timestamp_format(uint64_t usec);
