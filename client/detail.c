/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One certificate in full: a block of labelled lines, its error with what to do, and its last lines of the
 * journal. */

#include "client/detail.h"

#include "client/journal.h"
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

static void print_line(const Client *client, const char *label, const char *value)
{
        g_autofree char *text = terminal_clean(&client->terminal, value, false);

        if (*text)
                printf("%12s: %s\n", label, text);
}

static void print_time(const Client *client, const char *label, uint64_t usec, uint64_t now)
{
        g_autofree char *text = when_both(usec, now);

        if (usec > 0)
                print_line(client, label, text);
}

static void print_list(const Client *client, const char *label, char **values)
{
        g_autofree char *text = g_strjoinv(" ", values);

        print_line(client, label, text);
}

static void print_head(const Client *client, const CertDetail *d)
{
        const Terminal *t = &client->terminal;
        g_autofree char *name = terminal_clean(t, d->name, false);
        g_autofree char *common_name = terminal_clean(t, d->common_name, false);
        g_autofree char *state = terminal_clean(t, d->state, false);
        g_autofree char *reasons = g_strjoinv(", ", d->reasons);
        g_autofree char *why = terminal_clean(t, reasons, false);
        Style style = style_of_state(d->state);

        printf("%s%s%s %s%s%s\n", style_on(t->colour_out, style), terminal_dot(t),
               style_off(t->colour_out, style), name, *common_name ? " - " : "", common_name);
        printf("%12s: %s%s%s%s%s%s\n", "State", style_on(t->colour_out, style), state,
               style_off(t->colour_out, style), *why ? " (" : "", why, *why ? ")" : "");
}

/* What was seen on the wire, in relation to what is on the disk. */
static const char *served_words(const CertDetail *d)
{
        if (!*d->served)
                return "";
        return g_str_equal(d->served, d->fingerprint) ? "this certificate" : "another certificate";
}

static void print_failure(const Client *client, const CertDetail *d, uint64_t now)
{
        const Terminal *t = &client->terminal;
        g_autofree char *what = terminal_clean(t, d->last_error, true);
        g_autofree char *hint = terminal_clean(t, d->hint, true);
        g_autofree char *count = g_strdup_printf("%" PRIu32 " time%s in a row", d->failure_count,
                                                 d->failure_count == 1 ? "" : "s");

        if (d->failure_count > 0)
                print_line(client, "Failed", count);
        print_time(client, "Next try", d->retry_at, now);
        if (*what || *hint)
                putchar('\n');
        if (*what) {
                fputs(style_on(t->colour_out, STYLE_BAD), stdout);
                detail_print_indented(what);
                fputs(style_off(t->colour_out, STYLE_BAD), stdout);
        }
        if (*hint)
                detail_print_indented(hint);
}

void detail_print(const Client *client, const CertDetail *d, uint64_t now)
{
        print_head(client, d);
        print_line(client, "Issuer", d->issuer);
        print_list(client, "Names", d->sans);
        print_line(client, "Serial", d->serial_number);
        print_line(client, "Fingerprint", d->fingerprint);
        print_time(client, "Valid from", d->not_before, now);
        print_time(client, "Expires", d->not_after, now);
        print_time(client, "Renewal", d->next_renewal, now);
        print_time(client, "Last renewed", d->last_renewal, now);
        print_line(client, "Certificate", d->cert_path);
        print_line(client, "Key", d->key_path);
        print_line(client, "Key type", d->key_type);
        print_list(client, "Units", d->units);
        print_line(client, "Served", served_words(d));
        print_failure(client, d, now);
        if (!client->options.host && !client->options.machine)
                journal_print_last(client, d->name,
                                   client->options.lines < 0 ? LOG_LINES : (unsigned) client->options.lines);
}

void detail_json(const CertDetail *d, GPtrArray *only, JsonOut *j)
{
        const char *name;

        json_out_begin(j, NULL, '{');
        for (unsigned i = 0; (name = cert_detail_property_name(i)); i++)
                if (!only || g_ptr_array_find_with_equal_func(only, name, g_str_equal, NULL))
                        cert_detail_property_json(d, i, j);
        json_out_end(j);
}
