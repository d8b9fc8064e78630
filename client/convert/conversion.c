/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A conversion
 *
 * Owns what concerns several entries: names and paths are each one's own, and the manifest is written in the order in
 * which the entries came.
 */

#include "client/convert/conversion.h"

#include "client/convert/hook.h"
#include "client/convert/source.h"
#include "client/newfile.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define INDENT 2

static void entry_destroy(void *data)
{
        entry_free(data);
}

static void issuer_free(void *data)
{
        ConvertIssuer *i = data;

        g_free(i->name);
        g_free(i->type);
        g_ptr_array_unref(i->keys);
        g_free(i->challenge);
        g_free(i);
}

Conversion *conversion_new(const ConvertOptions *options)
{
        Conversion *c = g_new0(Conversion, 1);

        c->options = options;
        c->report = report_new();
        c->entries = g_ptr_array_new_with_free_func(entry_destroy);
        c->issuers = g_ptr_array_new_with_free_func(issuer_free);
        c->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        c->paths = g_hash_table_new(g_str_hash, g_str_equal);
        return c;
}

Conversion *conversion_free(Conversion *c)
{
        if (!c)
                return NULL;
        report_free(c->report);
        g_hash_table_unref(c->names);
        g_hash_table_unref(c->paths);
        g_ptr_array_unref(c->entries);
        g_ptr_array_unref(c->issuers);
        g_free(c);
        return NULL;
}

/* ---- Issuers ---- */

ConvertIssuer *conversion_add_issuer(Conversion *c, const char *name, const char *type)
{
        ConvertIssuer *i;

        for (unsigned n = 0; n < c->issuers->len; n++) {
                i = c->issuers->pdata[n];
                if (g_str_equal(i->name, name))
                        return i;
        }
        i = g_new0(ConvertIssuer, 1);
        i->name = g_strdup(name);
        i->type = g_strdup(type);
        i->keys = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(c->issuers, i);
        return i;
}

void convert_issuer_set(ConvertIssuer *i, const char *key, const char *value)
{
        g_ptr_array_add(i->keys, g_strdup(key));
        g_ptr_array_add(i->keys, g_strdup(value));
}

/* ---- Saying ---- */

void conversion_leave_out(Conversion *c, Entry *e, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        report_add(c->report, REPORT_LEFT_OUT, e->number, e->label, "%s", text);
        entry_free(e);
}

void conversion_note(Conversion *c, const Entry *e, ReportKind kind, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        report_add(c->report, kind, e->number, e->label, "%s", text);
}

/* ---- Hooks ---- */

/* One action a unit: what an earlier hook asked for stays, if this one asks for the same. */
static bool units_agree(const Entry *e, const GPtrArray *units, const char **ret_unit)
{
        for (unsigned i = 0; i < units->len; i++)
                for (unsigned k = 0; k < e->units->len; k++) {
                        const HookUnit *u = units->pdata[i], *have = e->units->pdata[k];

                        *ret_unit = u->unit;
                        if (g_str_equal(u->unit, have->unit) && !g_str_equal(u->action, have->action))
                                return false;
                }
        return true;
}

static bool names_unit(const Entry *e, const char *unit)
{
        for (unsigned i = 0; i < e->units->len; i++)
                if (g_str_equal(((const HookUnit *) e->units->pdata[i])->unit, unit))
                        return true;
        return false;
}

static void add_units(Entry *e, GPtrArray *units)
{
        g_ptr_array_set_free_func(units, NULL);
        for (unsigned i = 0; i < units->len; i++) {
                HookUnit *u = units->pdata[i];

                if (names_unit(e, u->unit))
                        hook_unit_free(u);
                else
                        g_ptr_array_add(e->units, u);
        }
}

void conversion_add_hook(Conversion *c, Entry *e, const char *command, WordsReader reader)
{
        g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(hook_unit_free);
        g_autofree char *why = NULL, *note = NULL;
        const char *unit;

        if (hook_read(command, reader, units, &why, &note)) {
                if (!units_agree(e, units, &unit))
                        why = g_strdup_printf("another command asks something else of %s", unit);
                else {
                        if (note)
                                conversion_note(c, e, REPORT_NOTE, "%s", note);
                        add_units(e, units);
                        return;
                }
        }
        conversion_note(c, e, REPORT_TO_DO, "after a renewal it ran: %s\nThis is more than a reload or restart of units: %s.",
                        command, why);
        oneshot_add(e->oneshot, command, false);
}

void conversion_add_program(Conversion *c, Entry *e, const char *path)
{
        conversion_note(c, e, REPORT_TO_DO, "after a renewal it ran the program %s", path);
        oneshot_add(e->oneshot, path, true);
}

/* ---- One-shot units ---- */

/* One that an earlier conversion wrote. */
static bool is_the_same(const char *path, const char *text)
{
        g_autofree char *there = NULL;
        size_t size;

        return source_read(path, path, SOURCE_REFUSE, SOURCE_SIZE_MAX, &there, &size, NULL) && g_str_equal(there, text);
}

static void emit(Conversion *c, const Entry *e, const char *unit, const char *text)
{
        g_autofree char *path = g_build_filename(c->options->emit_units, unit, NULL);
        int r = newfile_write(path, text, c->options->force);

        if (r == 0 || (r == -EEXIST && is_the_same(path, text))) {
                conversion_note(c, e, REPORT_TO_DO, "Look at %s, which does so, and is named in its \"units\".", path);
                c->units_written++;
                return;
        }
        conversion_note(c, e, REPORT_TO_DO, "%s, which its \"units\" name, cannot be written: %s. It was to be:\n%s", path,
                        r == -EEXIST ? "something else is there, and stays; --force replaces a file" : g_strerror(-r), text);
        c->units_failed++;
}

/* Restarting a one-shot unit starts it anew, and the job ends when its commands have: systemd.service(5), Type=. */
static void add_oneshot(Conversion *c, Entry *e)
{
        g_autofree char *unit = oneshot_unit_name(e->name), *text = NULL;
        HookUnit *u;

        if (e->oneshot->commands->len == 0)
                return;
        text = oneshot_to_text(e->oneshot, e->name);
        if (!text) {
                conversion_note(c, e, REPORT_TO_DO, "its command is too long for a unit: put it into a script, and that into "
                                                    "a one-shot unit %s, which its \"units\" name",
                                unit);
        } else if (c->options->emit_units)
                emit(c, e, unit, text);
        else
                conversion_note(c, e, REPORT_TO_DO,
                                "Its \"units\" name a one-shot unit that does so. Write it, or let --emit-units=DIR write it, "
                                "to /etc/systemd/system/%s:\n%s",
                                unit, text);
        u = g_new(HookUnit, 1);
        *u = (HookUnit) { .unit = g_steal_pointer(&unit), .action = g_strdup("restart") };
        g_ptr_array_insert(e->units, 0, u);
}

/* ---- Entries ---- */

static char *unique_name(Conversion *c, const char *wish)
{
        g_autofree char *name = entry_name_from(wish);
        unsigned n = 1;

        while (g_hash_table_contains(c->names, name)) {
                g_autofree char *base = entry_name_from(wish);

                n = GPOINTER_TO_UINT(g_hash_table_lookup(c->names, base)) + 1;
                g_hash_table_insert(c->names, g_strdup(base), GUINT_TO_POINTER(n));
                g_free(name);
                name = g_strdup_printf("%s-%u", base, n);
        }
        g_hash_table_insert(c->names, g_strdup(name), GUINT_TO_POINTER(1));
        return g_steal_pointer(&name);
}

/* A path that another entry has, or this one twice. NULL: none. */
static const char *path_taken(Conversion *c, const Entry *e, const Entry **ret_by)
{
        for (unsigned i = 0; i < _ENTRY_FILE_MAX; i++) {
                *ret_by = e->path[i] ? g_hash_table_lookup(c->paths, e->path[i]) : NULL;
                if (*ret_by)
                        return e->path[i];
                for (unsigned k = 0; e->path[i] && k < i; k++)
                        if (g_strcmp0(e->path[i], e->path[k]) == 0) {
                                *ret_by = e;
                                return e->path[i];
                        }
        }
        return NULL;
}

bool conversion_add(Conversion *c, Entry *e)
{
        const Entry *by;
        const char *taken = path_taken(c, e, &by);
        g_autofree char *wish = NULL;

        if (taken && by == e) {
                conversion_leave_out(c, e, "two of its files are the same, \"%s\"", taken);
                return false;
        }
        if (taken) {
                conversion_leave_out(c, e, "entry %u (%s) writes to \"%s\" already", by->number, by->label ?: by->name, taken);
                return false;
        }
        wish = e->name ?: g_strdup(e->label ?: "");
        e->name = unique_name(c, wish);
        add_oneshot(c, e);
        for (unsigned i = 0; i < _ENTRY_FILE_MAX; i++)
                if (e->path[i])
                        g_hash_table_insert(c->paths, e->path[i], e);
        g_ptr_array_add(c->entries, e);
        return true;
}

/* ---- The manifest ---- */

static void write_issuer(const ConvertIssuer *i, JsonOut *j)
{
        json_out_begin(j, i->name, '{');
        json_out_string(j, "type", i->type);
        for (unsigned k = 0; k + 1 < i->keys->len; k += 2)
                json_out_string(j, i->keys->pdata[k], i->keys->pdata[k + 1]);
        if (i->challenge) {
                json_out_begin(j, "challenge", '{');
                json_out_string(j, "type", i->challenge);
                json_out_end(j);
        }
        json_out_end(j);
}

char *conversion_to_json(const Conversion *c)
{
        g_autoptr(JsonOut) j = json_out_new(JSON_PRETTY);

        json_out_set_indent(j, INDENT);
        json_out_begin(j, NULL, '{');
        json_out_number(j, "version", 1);
        if (c->issuers->len > 0) {
                json_out_begin(j, "issuers", '{');
                for (unsigned i = 0; i < c->issuers->len; i++)
                        write_issuer(c->issuers->pdata[i], j);
                json_out_end(j);
        }
        json_out_begin(j, "certificates", '{');
        for (unsigned i = 0; i < c->entries->len; i++)
                entry_write(c->entries->pdata[i], j);
        json_out_end(j);
        json_out_end(j);
        return json_out_steal(j);
}
