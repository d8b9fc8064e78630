/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A unit's last lines in the journal, for the hint of an error. Owns nothing between calls. */

#include "agent/unit-log.h"

#include "common/path.h"

#include <glib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define LINES_MAX         10
#define SYSTEMD_LINES_MAX 4 /* of its own words on a unit that says nothing */
#define LINE_BYTES_MAX    300
#define TOTAL_MAX         1024
#define ENTRIES_MAX       200 /* looked at, going backwards */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_journal, sd_journal_close)

/* ---- The files ---- */

/* The active files only: what a job caused was written a moment ago, and an archive of gigabytes would hold
 * up the agent's loop. */
static char **journal_files(void)
{
        static const char *const folders[] = { "/run/log/journal", "/var/log/journal" };
        g_autoptr(GStrvBuilder) files = g_strv_builder_new();
        char machine[SD_ID128_STRING_MAX];
        sd_id128_t id;

        if (sd_id128_get_machine(&id) < 0)
                return g_strv_builder_end(files);
        sd_id128_to_string(id, machine);
        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_strdup_printf("%s/%s/system.journal", folders[i], machine);
                g_autofree char *opened = host_path(path);

                if (access(opened, R_OK) == 0)
                        g_strv_builder_add(files, opened);
        }
        return g_strv_builder_end(files);
}

bool unit_log_exists(void)
{
        g_auto(GStrv) files = journal_files();

        return files[0] != NULL;
}

/* ---- Lines ---- */

static int match_unit(sd_journal *journal, const char *unit)
{
        g_autofree char *own = g_strconcat("_SYSTEMD_UNIT=", unit, NULL);
        g_autofree char *about = g_strconcat("UNIT=", unit, NULL);
        int r = sd_journal_add_match(journal, own, 0);

        if (r >= 0)
                r = sd_journal_add_disjunction(journal);
        if (r >= 0)
                r = sd_journal_add_match(journal, "_PID=1", 0);
        if (r >= 0)
                r = sd_journal_add_match(journal, about, 0);
        return r;
}

/* Fit for a terminal and for D-Bus: valid UTF-8, no control characters, cut. */
static char *printable_line(const char *data, size_t length)
{
        g_autofree char *cut = g_strndup(data, MIN(length, LINE_BYTES_MAX));
        char *valid = g_utf8_make_valid(cut, -1);

        for (char *p = valid; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = ' ';
        return g_strchomp(valid);
}

static char *entry_line(sd_journal *journal)
{
        static const char field[] = "MESSAGE=";
        const void *data;
        size_t length;

        if (sd_journal_get_data(journal, "MESSAGE", &data, &length) < 0 || length < strlen(field))
                return NULL;
        return printable_line((const char *) data + strlen(field), length - strlen(field));
}

static bool entry_is_by_systemd(sd_journal *journal)
{
        const void *data;
        size_t length;

        return sd_journal_get_data(journal, "_PID", &data, &length) >= 0 && length == strlen("_PID=1") &&
               memcmp(data, "_PID=1", length) == 0;
}

static void add_line(GPtrArray *lines, unsigned max, char *line)
{
        if (line && *line && lines->len < max)
                g_ptr_array_add(lines, line);
        else
                g_free(line);
}

/* `lines` has the newest first. */
static char *join(const GPtrArray *lines)
{
        size_t total = 0;
        unsigned n = 0;
        GString *text;

        while (n < lines->len && total + strlen(lines->pdata[n]) + 1 <= TOTAL_MAX)
                total += strlen(lines->pdata[n++]) + 1;
        if (n == 0)
                return NULL;
        text = g_string_sized_new(total);
        while (n > 0)
                g_string_append_printf(text, "%s%s", text->len > 0 ? "\n" : "", (char *) lines->pdata[--n]);
        return g_string_free(text, FALSE);
}

char *unit_log_tail(const char *unit, uint64_t since_usec)
{
        g_auto(GStrv) files = journal_files();
        g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) systemd = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(sd_journal) journal = NULL;
        uint64_t time;

        if (!files[0] || sd_journal_open_files(&journal, (const char **) files, 0) < 0 ||
            match_unit(journal, unit) < 0 || sd_journal_seek_tail(journal) < 0)
                return NULL;
        sd_journal_set_data_threshold(journal, 4 * LINE_BYTES_MAX);
        for (unsigned i = 0; i < ENTRIES_MAX && own->len < LINES_MAX && sd_journal_previous(journal) > 0;
             i++) {
                if (sd_journal_get_realtime_usec(journal, &time) < 0 || time < since_usec)
                        break;
                if (entry_is_by_systemd(journal))
                        add_line(systemd, SYSTEMD_LINES_MAX, entry_line(journal));
                else
                        add_line(own, LINES_MAX, entry_line(journal));
        }
        return join(own->len > 0 ? own : systemd);
}
