/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The log: structured to the journal where standard error is a journal stream, else lines on standard error. */

#include "common/log.h"

#include "common/names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define FIELDS_MAX 12

/* systemd says by JOURNAL_STREAM=DEV:INO which of our descriptors lead to the journal (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
        const char *stream = g_getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
               st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *identifier)
{
        g_set_prgname(identifier);
}

static void add_field(struct iovec *fields, size_t *n, const char *key, const char *value)
{
        char *text;

        if (!value)
                return;
        text = g_strconcat(key, value, NULL);
        fields[(*n)++] = (struct iovec) { text, strlen(text) };
}

static void log_journal(int priority, const LogContext *c, const char *message)
{
        struct iovec fields[FIELDS_MAX];
        char level[] = { (char) ('0' + priority), '\0' };
        size_t n = 0;

        add_field(fields, &n, "MESSAGE=", message); /* lines of it are shown as such */
        add_field(fields, &n, "PRIORITY=", level);
        add_field(fields, &n, "SYSLOG_IDENTIFIER=", g_get_prgname() ?: "cert-agent");
        if (c) {
                add_field(fields, &n, "MESSAGE_ID=", c->message_id);
                add_field(fields, &n, CERT_LOG_NAME, c->name);
                add_field(fields, &n, CERT_LOG_STATE, c->state);
                add_field(fields, &n, CERT_LOG_REASON, c->reason);
                add_field(fields, &n, CERT_LOG_ISSUER, c->issuer);
                add_field(fields, &n, CERT_LOG_SERIAL, c->serial);
                add_field(fields, &n, CERT_LOG_UNIT, c->unit);
        }
        (void) sd_journal_sendv(fields, (int) n);
        for (size_t i = 0; i < n; i++)
                g_free(fields[i].iov_base);
}

void log_full(int priority, const LogContext *context, const char *format, ...)
{
        g_autofree char *text = NULL, *message = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        message = context && context->name ? g_strdup_printf("%s: %s", context->name, text) : g_strdup(text);

        if (stderr_is_journal()) {
                log_journal(priority, context, message);
        } else if (priority < LOG_DEBUG) {
                g_strdelimit(message, "\n", ' ');
                fprintf(stderr, "%s\n", message);
        }
}
