/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Problems: what is wrong with a manifest, where it stands and what to do about it. This file owns how they
 * are made from a value's position, how many are kept, and the guess at what was meant. */

#include "agent/manifest-read.h"

#include "common/error.h"
#include "common/suggest.h"

#include <string.h>

#define PROBLEMS_MAX 1000
#define MESSAGE_MAX  400 /* bytes; longer ones quote something absurd */

ManifestProblem *manifest_problem_free(ManifestProblem *p)
{
        if (!p)
                return NULL;
        g_free(p->file);
        g_free(p->path);
        g_free(p->message);
        g_free(p->hint);
        g_free(p);
        return NULL;
}

char *manifest_problem_to_string(const ManifestProblem *p)
{
        GString *s = g_string_new(p->file);

        if (p->line > 0)
                g_string_append_printf(s, ":%u", p->line);
        g_string_append(s, ": ");
        if (p->path && *p->path)
                g_string_append_printf(s, "%s: ", p->path);
        g_string_append(s, p->message);
        if (p->hint)
                g_string_append_printf(s, " (%s)", p->hint);
        return g_string_free(s, FALSE);
}

/* Problems go to terminals and logs and quote what others wrote: nothing unprintable, nothing endless. */
static char *printable(const char *s)
{
        GString *out = g_string_new(NULL);

        for (const char *p = s; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char_validated(p, -1);

                if (out->len > MESSAGE_MAX) {
                        g_string_append(out, "…");
                        break;
                }
                if (c == (gunichar) -1 || c == (gunichar) -2)
                        break;
                if (g_unichar_isprint(c))
                        g_string_append_unichar(out, c);
                else
                        g_string_append_printf(out, "\\u%04x", c);
        }
        return g_string_free(out, FALSE);
}

static void problem_add(ManifestReading *r, const ManifestFile *file, const char *name, int64_t offset,
                        const JsonValue *v, const char *hint, const char *message)
{
        g_autofree char *path = v ? json_value_path(v) : NULL;
        ManifestProblem *p;

        if (r->problems->len >= PROBLEMS_MAX) {
                r->suppressed++;
                return;
        }
        p = g_new0(ManifestProblem, 1);
        p->file = g_strdup(name);
        p->path = printable(path ? path : "");
        p->message = printable(message);
        p->hint = hint ? printable(hint) : NULL;
        if (file && offset >= 0)
                json_document_position(file->json, (uint32_t) offset, &p->line, &p->column);
        g_ptr_array_add(r->problems, p);
}

void manifest_complain(ManifestReading *r, const JsonValue *v, const char *hint, const char *format, ...)
{
        g_autofree char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = g_strdup_vprintf(format, ap);
        va_end(ap);
        problem_add(r, r->file, r->file->name, v->begin, v, hint, message);
}

void manifest_complain_key(ManifestReading *r, const JsonValue *v, const char *hint, const char *format, ...)
{
        g_autofree char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = g_strdup_vprintf(format, ap);
        va_end(ap);
        problem_add(r, r->file, r->file->name, v->key ? v->key_begin : v->begin, v, hint, message);
}

void manifest_complain_file(ManifestReading *r, const char *file, const char *hint, const char *format, ...)
{
        g_autofree char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = g_strdup_vprintf(format, ap);
        va_end(ap);
        problem_add(r, NULL, file, -1, NULL, hint, message);
}

void manifest_complain_faults(ManifestReading *r, const ManifestFile *file)
{
        const GPtrArray *faults = json_document_faults(file->json);

        for (unsigned i = 0; i < faults->len; i++) {
                const JsonFault *f = faults->pdata[i];

                problem_add(r, file, file->name, f->offset, f->parent, f->hint, f->message);
        }
}

void manifest_complain_error(ManifestReading *r, const JsonValue *v, const GError *error)
{
        g_autofree char *summary = cert_error_summary(error);
        const char *newline = strchr(error->message, '\n');

        manifest_complain(r, v, newline ? newline + 1 : NULL, "%s", summary);
}

/* ---- What was meant ---- */

char *manifest_did_you_mean(const char *word, const char *const *candidates, size_t n)
{
        const char *meant = suggest_word(word, candidates, n);

        return meant ? g_strdup_printf("Did you mean \"%s\"?", meant) : NULL;
}
