/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings that were seen
 *
 * Owns CERT_FINDINGS_FILE: a line "audited MICROSECONDS", then a line for each finding, the SHA-256 of what it says and the
 * certificate's name. It is a cache of what was told: lost, everything is told once more.
 */

#include "agent/findings-seen.h"

#include "agent/folder.h"
#include "agent/readfile.h"
#include "common/error.h"
#include "common/names.h"
#include "common/path.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define AUDITED "audited "
#define DIGEST_LENGTH 64u
#define FILE_SIZE_MAX (UINT32_C(16) << 20)

struct FindingsSeen {
        GHashTable *names; /* digest -> the certificate's name */
        uint64_t audited;
        bool changed;
};

static FindingsSeen *findings_seen_new(void)
{
        FindingsSeen *s = g_new0(FindingsSeen, 1);

        s->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return s;
}

FindingsSeen *findings_seen_free(FindingsSeen *s)
{
        if (!s)
                return NULL;
        g_hash_table_unref(s->names);
        g_free(s);
        return NULL;
}

uint64_t findings_seen_audited(const FindingsSeen *s)
{
        return s->audited;
}

bool findings_seen_is_changed(const FindingsSeen *s)
{
        return s->changed;
}

/* ---- The file ---- */

static bool is_digest(const char *text)
{
        return strspn(text, "0123456789abcdef") == DIGEST_LENGTH;
}

static void take_line(FindingsSeen *s, const char *line)
{
        guint64 audited;

        if (g_str_has_prefix(line, AUDITED) &&
            g_ascii_string_to_unsigned(line + strlen(AUDITED), 10, 0, UINT64_MAX, &audited, NULL))
                s->audited = audited;
        else if (is_digest(line) && line[DIGEST_LENGTH] == ' ' && line[DIGEST_LENGTH + 1])
                g_hash_table_insert(s->names, g_strndup(line, DIGEST_LENGTH), g_strdup(line + DIGEST_LENGTH + 1));
}

FindingsSeen *findings_seen_load(void)
{
        g_autofree char *path = host_path(CERT_FINDINGS_FILE), *text = NULL;
        FindingsSeen *s = findings_seen_new();
        g_autoptr(GBytes) content = NULL;
        g_auto(GStrv) lines = NULL;

        if (readfile_at(AT_FDCWD, path, FILE_SIZE_MAX, &content, NULL) != READ_DONE)
                return s;
        text = g_strndup(g_bytes_get_data(content, NULL), g_bytes_get_size(content));
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++)
                take_line(s, *line);
        return s;
}

bool findings_seen_save(FindingsSeen *s, GError **error)
{
        g_autofree char *path = host_path(CERT_FINDINGS_FILE);
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) e = NULL;
        GHashTableIter iter;
        gpointer digest, name;

        if (!s->changed)
                return true;
        g_string_append_printf(text, AUDITED "%" PRIu64 "\n", s->audited);
        g_hash_table_iter_init(&iter, s->names);
        while (g_hash_table_iter_next(&iter, &digest, &name))
                g_string_append_printf(text, "%s %s\n", (char *) digest, (char *) name);
        if (!g_file_set_contents_full(path, text->str, (gssize) text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &e)) {
                g_set_error_literal(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, e->message);
                return false;
        }
        s->changed = false;
        return true;
}

/* ---- What is new ---- */

static char *digest_of(const Finding *f)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        const char *const parts[] = { finding_code_to_string(f->code), f->certificate, f->message };

        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
                g_checksum_update(sum, (const guchar *) parts[i], (gssize) strlen(parts[i]) + 1);
        return g_strdup(g_checksum_get_string(sum));
}

/* `names` NULL: all. */
static void forget_absent(FindingsSeen *s, GHashTable *present, const char *const *names)
{
        g_autoptr(GHashTable) looked_at = g_hash_table_new(g_str_hash, g_str_equal);
        GHashTableIter iter;
        gpointer digest, name;

        for (const char *const *n = names; n && *n; n++)
                g_hash_table_add(looked_at, (gpointer) *n);
        g_hash_table_iter_init(&iter, s->names);
        while (g_hash_table_iter_next(&iter, &digest, &name)) {
                if (g_hash_table_contains(present, digest) || (names && !g_hash_table_contains(looked_at, name)))
                        continue;
                g_hash_table_iter_remove(&iter);
                s->changed = true;
        }
}

GPtrArray *findings_seen_take(FindingsSeen *s, const GArray *findings, const char *const *names, bool complete)
{
        g_autoptr(GHashTable) present = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        GPtrArray *unseen = g_ptr_array_new();

        for (guint i = 0; i < findings->len; i++) {
                const Finding *f = &g_array_index(findings, Finding, i);
                char *digest = digest_of(f);

                if (!g_hash_table_contains(s->names, digest)) {
                        g_hash_table_insert(s->names, g_strdup(digest), g_strdup(f->certificate));
                        g_ptr_array_add(unseen, (gpointer) f);
                        s->changed = true;
                }
                g_hash_table_add(present, digest);
        }
        if (complete)
                forget_absent(s, present, names);
        return unseen;
}

void findings_seen_note_audit(FindingsSeen *s, uint64_t now)
{
        s->audited = now;
        s->changed = true;
}
