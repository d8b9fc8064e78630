/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One certificate in full: a block of labelled lines, its error with what to do, and its last lines of the
 * journal. */

#include "client/detail.h"

#include "client/finding.h"
#include "client/journal.h"
#include "client/waiting.h"
#include "client/when.h"

#include <inttypes.h>
#include <stdio.h>

#define LOG_LINES 5

void detail_print_indented(const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line; line++)
                if (**line)
                        printf("    %s\n", *line);
}

void detail_line(const Client *client, const char *label, const char *value)
{
        g_autofree char *text = terminal_clean(&client->terminal, value, false);

        if (*text)
                printf("%12s: %s\n", label, text);
}

void detail_time(const Client *client, const char *label, uint64_t usec, uint64_t now)
{
        g_autofree char *text = when_both(usec, now);

        if (usec > 0)
                detail_line(client, label, text);
}

void detail_list(const Client *client, const char *label, char **values)
{
        g_autofree char *text = g_strjoinv(" ", values);

        detail_line(client, label, text);
}

void detail_head(const Client *client, const char *name, const char *title, const char *state, char **reasons)
{
        const Terminal *t = &client->terminal;
        g_autofree char *clean_name = terminal_clean(t, name, false),
                        *clean_title = terminal_clean(t, title, false);
        g_autofree char *clean_state = terminal_clean(t, state, false);
        g_autofree char *list = g_strjoinv(", ", reasons), *why = terminal_clean(t, list, false);
        Style style = style_of_state(state);

        printf("%s%s%s %s%s%s\n", style_on(t->colour_out, style), terminal_dot(t),
               style_off(t->colour_out, style), clean_name, *clean_title ? " - " : "", clean_title);
        printf("%12s: %s%s%s%s%s%s\n", "State", style_on(t->colour_out, style), clean_state,
               style_off(t->colour_out, style), *why ? " (" : "", why, *why ? ")" : "");
}

/* What was seen on the wire, in relation to what is on the disk. */
static const char *served_words(const CertDetail *d)
{
        if (!*d->served)
                return "";
        return g_str_equal(d->served, d->fingerprint) ? "this certificate" : "another certificate";
}

void detail_failure(const Client *client, const char *message, const char *hint, uint64_t retry_at,
                    uint64_t now)
{
        const Terminal *t = &client->terminal;
        g_autofree char *what = terminal_clean(t, message, true), *todo = terminal_clean(t, hint, true);

        detail_time(client, "Next try", retry_at, now);
        if (*what || *todo)
                putchar('\n');
        if (*what) {
                fputs(style_on(t->colour_out, STYLE_BAD), stdout);
                detail_print_indented(what);
                fputs(style_off(t->colour_out, STYLE_BAD), stdout);
        }
        if (*todo)
                detail_print_indented(todo);
}

void detail_log(const Client *client, const char *name)
{
        if (!client->options.host && !client->options.machine)
                journal_print_last(client, name,
                                   client->options.lines < 0 ? LOG_LINES : (unsigned) client->options.lines);
}

static void print_failure_count(const Client *client, uint32_t n)
{
        g_autofree char *count = g_strdup_printf("%" PRIu32 " time%s in a row", n, n == 1 ? "" : "s");

        if (n > 0)
                detail_line(client, "Failed", count);
}

/* They are no failure: the certificate is good. */
static void print_findings(const Client *client, const GArray *findings)
{
        const Terminal *t = &client->terminal;

        for (guint i = 0; i < findings->len; i++) {
                const FindingRow *f = &g_array_index(findings, FindingRow, i);
                g_autofree char *what = terminal_clean(t, f->message, false), *todo = terminal_clean(t, f->hint, true);

                putchar('\n');
                fputs(style_on(t->colour_out, STYLE_WARNING), stdout);
                detail_print_indented(what);
                fputs(style_off(t->colour_out, STYLE_WARNING), stdout);
                detail_print_indented(todo);
        }
}

void detail_print(const Client *client, const CertDetail *d, uint64_t now)
{
        g_autofree char *advice = waiting_advice(d);

        detail_head(client, d->name, d->common_name, d->state, d->reasons);
        detail_line(client, "Issuer", d->issuer);
        detail_list(client, "Names", d->sans);
        detail_line(client, "Serial", d->serial_number);
        detail_line(client, "Fingerprint", d->fingerprint);
        detail_time(client, "Valid from", d->not_before, now);
        detail_time(client, "Expires", d->not_after, now);
        detail_time(client, "Renewal", d->next_renewal, now);
        detail_time(client, "Requested", d->requested_at, now);
        if (advice)
                detail_line(client, "To do", advice);
        detail_time(client, "Last renewed", d->last_renewal, now);
        detail_line(client, "Certificate", d->cert_path);
        detail_line(client, "Key", d->key_path);
        detail_line(client, "Key type", d->key_type);
        detail_list(client, "Units", d->units);
        detail_line(client, "Served", served_words(d));
        print_failure_count(client, d->failure_count);
        detail_failure(client, d->last_error, d->hint, d->retry_at, now);
        print_findings(client, d->findings);
        detail_log(client, d->name);
}
