/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the journal says of a certificate: the few lines below `certctl status NAME`. (`certctl log` leaves
 * all to journalctl.) */

#include "client/journal.h"

#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_journal, sd_journal_close)

static char *field(sd_journal *journal, const char *name)
{
        const char *data;
        size_t length, prefix = strlen(name) + 1;

        if (sd_journal_get_data(journal, name, (const void **) &data, &length) < 0 || length < prefix)
                return g_strdup("");
        return g_strndup(data + prefix, length - prefix);
}

static void print_entry(const Client *client, sd_journal *journal)
{
        g_autofree char *message = field(journal, "MESSAGE"),
                        *identifier = field(journal, "SYSLOG_IDENTIFIER");
        g_autofree char *text = terminal_clean(&client->terminal, message, false);
        g_autofree char *who = terminal_clean(&client->terminal, identifier, false);
        g_autofree char *line = NULL;
        unsigned columns = client->options.full ? 0 : client->terminal.columns;
        uint64_t usec = 0;
        char stamp[32] = "";
        struct tm tm;
        time_t seconds;

        (void) sd_journal_get_realtime_usec(journal, &usec);
        seconds = (time_t) (usec / USEC_PER_SEC);
        if (localtime_r(&seconds, &tm))
                strftime(stamp, sizeof(stamp), "%b %d %H:%M:%S", &tm);
        line = g_strdup_printf("%s %s: %s", stamp, who, text);
        if (columns > 0) {
                g_autofree char *cut = text_ellipsize(line, columns, client->terminal.utf8);

                puts(cut);
        } else
                puts(line);
}

void journal_print_last(const Client *client, const char *name, unsigned lines)
{
        g_autofree char *match = g_strconcat(CERT_LOG_NAME, name, NULL);
        g_autoptr(sd_journal) journal = NULL;
        unsigned back = 0;

        if (lines == 0 || sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM) < 0 ||
            sd_journal_add_match(journal, match, 0) < 0 || sd_journal_seek_tail(journal) < 0)
                return;
        while (back < lines && sd_journal_previous(journal) > 0)
                back++;
        if (back == 0)
                return;
        /* previous() beyond the first entry leaves it where it is, but only by chance: start from the head
         * then. */
        if (back < lines && (sd_journal_seek_head(journal) < 0 || sd_journal_next(journal) <= 0))
                return;
        putchar('\n');
        do
                print_entry(client, journal);
        while (--back > 0 && sd_journal_next(journal) > 0);
}
