/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <syslog.h>

/* The log: the journal when standard error is connected to it or to nothing, else plain lines on standard
 * error. Secrets are never passed here. */

/* What a line is about; every member may be NULL. */
typedef struct LogContext {
        const char *message_id; /* one of CERT_MESSAGE_* */
        const char *name;       /* certificate */
        const char *state;
        const char *reason;
        const char *issuer;
        const char *serial;
        const char *unit;
} LogContext;

void log_open(const char *identifier);
void log_full(int priority, const LogContext *context, const char *format, ...) G_GNUC_PRINTF(3, 4);

#define log_error(...) log_full(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_full(LOG_DEBUG, NULL, __VA_ARGS__)
