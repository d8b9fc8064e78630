/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hook
 *
 * From a command to units: its words, who runs it (sudo and doas as root change nothing, for the agent's actions are
 * root's), and the call of systemctl in it. All of the command is understood, or none of it: half of a hook in units and half in
 * a script would change the order of the two.
 */

#include "client/convert/hook.h"

#include "client/convert/systemctl.h"

#include <string.h>

#define UNITS_MAX   64 /* as the manifest */
#define NESTING_MAX 3  /* sh -c 'sh -c …' */

void hook_unit_free(void *unit)
{
        HookUnit *u = unit;

        g_free(u->unit);
        g_free(u->action);
        g_free(u);
}

typedef struct Reading {
        GPtrArray *units;
        GString *to_all; /* units whose processes were all signalled */
        unsigned nesting;
        char *why;
} Reading;

static bool refuse(Reading *r, char *why)
{
        g_free(r->why);
        r->why = why;
        return false;
}

/* ---- Who runs it ---- */

/* A program by its plain name, or where the system has it: another one of that name may do anything. */
static bool is_program(const char *word, const char *name)
{
        static const char *const folders[] = { "/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/" };

        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
                if (g_str_has_prefix(word, folders[i]))
                        return g_str_equal(word + strlen(folders[i]), name);
        return g_str_equal(word, name);
}

/* Options of sudo(8) and doas(1) that leave it to root. */
static size_t root_option(char **words)
{
        static const char *const alone[] = { "-n", "-H", "--non-interactive", "--set-home", "--user=root", "-uroot" };

        if ((g_str_equal(words[0], "-u") || g_str_equal(words[0], "--user")) && words[1] && g_str_equal(words[1], "root"))
                return 2;
        for (size_t i = 0; i < G_N_ELEMENTS(alone); i++)
                if (g_str_equal(words[0], alone[i]))
                        return 1;
        return 0;
}

/* The command behind sudo or doas; NULL with the reason. */
static char **skip_root(Reading *r, char **words)
{
        const char *program = words[0];

        if (!is_program(program, "sudo") && !is_program(program, "doas"))
                return words;
        for (words++; *words && **words == '-';) {
                size_t n = root_option(words);

                if (g_str_equal(*words, "--")) {
                        words++;
                        break;
                }
                if (n == 0) {
                        refuse(r, g_strdup_printf("it gives %s the option “%s”", program, *words));
                        return NULL;
                }
                words += n;
        }
        if (*words && !strchr(*words, '='))
                return words;
        refuse(r, *words ? g_strdup("it sets a variable (\"=\")") : g_strdup_printf("%s is told no command", program));
        return NULL;
}

/* ---- Units ---- */

/* One unit has one action in the manifest. */
static bool add_unit(Reading *r, const char *unit, const char *action)
{
        HookUnit *u;

        for (unsigned i = 0; i < r->units->len; i++) {
                const HookUnit *have = r->units->pdata[i];

                if (!g_str_equal(have->unit, unit))
                        continue;
                return g_str_equal(have->action, action) ||
                       refuse(r, g_strdup_printf("it asks two things of %s: %s and %s", unit, have->action, action));
        }
        if (r->units->len == UNITS_MAX)
                return refuse(r, g_strdup_printf("it names more than %d units", UNITS_MAX));
        u = g_new(HookUnit, 1);
        *u = (HookUnit) { .unit = g_strdup(unit), .action = g_strdup(action) };
        g_ptr_array_add(r->units, u);
        return true;
}

static bool add_call(Reading *r, const Systemctl *s)
{
        for (unsigned i = 0; i < s->units->len; i++) {
                const char *unit = s->units->pdata[i];

                if (!add_unit(r, unit, s->action))
                        return false;
                if (s->to_all)
                        g_string_append_printf(r->to_all, "%s%s", r->to_all->len ? ", " : "", unit);
        }
        return true;
}

/* ---- Commands ---- */

static bool read_text(Reading *r, const char *text, WordsReader reader);

/* sh -c 'COMMAND' */
static bool read_nested(Reading *r, char **words)
{
        bool done;

        if (g_strv_length(words) != 3 || !g_str_equal(words[1], "-c"))
                return refuse(r, g_strdup_printf("it runs a script with “%s”", words[0]));
        if (r->nesting == NESTING_MAX)
                return refuse(r, g_strdup("it runs a shell in a shell in a shell"));
        r->nesting++;
        done = read_text(r, words[2], WORDS_SHELL);
        r->nesting--;
        return done;
}

static bool read_command(Reading *r, char **command)
{
        g_auto(Systemctl) call = {};
        char **words = skip_root(r, command), *why = NULL;
        bool is_service;

        if (!words)
                return false;
        if (is_program(*words, "sh") || is_program(*words, "bash") || is_program(*words, "dash"))
                return read_nested(r, words);
        is_service = is_program(*words, "service");
        if (!is_service && !is_program(*words, "systemctl"))
                return refuse(r, g_strdup_printf("it runs “%s”", *words));
        if (!(is_service ? service_read(words + 1, &call, &why) : systemctl_read(words + 1, &call, &why)))
                return refuse(r, why);
        return add_call(r, &call);
}

static bool read_text(Reading *r, const char *text, WordsReader reader)
{
        g_autoptr(GPtrArray) commands = NULL;
        const char *why;

        if (!words_read(text, reader, &commands, &why))
                return refuse(r, g_strdup(why));
        for (unsigned i = 0; i < commands->len; i++)
                if (!read_command(r, commands->pdata[i]))
                        return false;
        return true;
}

bool hook_read(const char *command, WordsReader reader, GPtrArray *units, char **ret_why, char **ret_note)
{
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(hook_unit_free);
        g_autoptr(GString) to_all = g_string_new(NULL);
        Reading r = { .units = found, .to_all = to_all };

        if (!read_text(&r, command, reader)) {
                *ret_why = r.why;
                return false;
        }
        for (unsigned i = 0; i < found->len; i++)
                g_ptr_array_add(units, found->pdata[i]);
        g_ptr_array_set_free_func(found, NULL);
        *ret_note = to_all->len > 0
                            ? g_strdup_printf("the signal goes to the main process of %s, as the agent does it; the "
                                              "command signalled all its processes",
                                              to_all->str)
                            : NULL;
        return true;
}
