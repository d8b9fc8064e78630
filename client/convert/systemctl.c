/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* systemctl
 *
 * Owns which of its verbs are actions of the manifest, which of its options change nothing for them, and how it makes
 * a unit's name of what was typed (systemctl(1), systemd.unit(5)).
 */

#include "client/convert/systemctl.h"

#include "common/unitname.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>

typedef struct Pair {
        const char *from, *to;
} Pair;

/* With the names that older versions had, which mean the same to this day. */
static const Pair verbs[] = {
        { "reload", "reload" },
        { "restart", "restart" },
        { "try-restart", "try-restart" },
        { "condrestart", "try-restart" },
        { "reload-or-restart", "reload-or-restart" },
        { "try-reload-or-restart", "try-reload-or-restart" },
        { "reload-or-try-restart", "try-reload-or-restart" },
        { "condreload", "try-reload-or-restart" },
        { "force-reload", "try-reload-or-restart" },
};

/* What service(8) hands on to systemctl as it is. */
static const Pair service_verbs[] = {
        { "reload", "reload" },
        { "restart", "restart" },
        { "try-restart", "try-restart" },
};

/* They say how to wait, ask and print: the agent always waits, and asks nobody. */
static const char *const idle_options[] = {
        "--no-block", "--no-ask-password", "--no-pager",         "--no-legend", "--no-wall", "--quiet",
        "--full",     "--system",          "--job-mode=replace", "--now",       "--",
};

static const char idle_letters[] = "ql";

static const char *find(const Pair *pairs, size_t n, const char *from)
{
        for (size_t i = 0; i < n; i++)
                if (g_str_equal(pairs[i].from, from))
                        return pairs[i].to;
        return NULL;
}

static bool G_GNUC_PRINTF(2, 3) refuse(char **ret_why, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        *ret_why = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return false;
}

/* ---- Names of units ---- */

/* systemctl would expand a pattern, and make a mount's name of a path: those are not single units that can be known. */
static char *unit_name(const char *typed, char **ret_why)
{
        size_t good = strspn(typed, UNIT_NAME_CHARACTERS);
        g_autofree char *name = unit_name_has_suffix(typed) ? g_strdup(typed) : g_strconcat(typed, ".service", NULL);

        if (*typed == '\0' || typed[good] != '\0' || *typed == '@' || *typed == '.' ||
            strlen(name) > UNIT_NAME_MAX_LENGTH)
                refuse(ret_why, "“%s” is not the plain name of a unit", typed);
        else if (unit_name_is_template(name))
                refuse(ret_why, "“%s” is a template, not a unit", typed);
        else
                return g_steal_pointer(&name);
        return NULL;
}

static bool add_unit(Systemctl *s, const char *typed, char **ret_why)
{
        char *name = unit_name(typed, ret_why);

        if (!name)
                return false;
        g_ptr_array_add(s->units, name);
        return true;
}

/* ---- Signals ---- */

/* systemctl knows numbers, too. The manifest refuses what no service survives. */
static char *signal_action(const char *text, char **ret_why)
{
        int number = signal_from_name(text);
        guint64 typed;

        if (g_ascii_string_to_unsigned(text, 10, 1, 31, &typed, NULL))
                number = (int) typed;
        if (number == 0)
                refuse(ret_why, "the signal “%s” is not one that the manifest can name", text);
        else if (number == SIGKILL || number == SIGSTOP)
                refuse(ret_why, "no service reads its certificate because of SIG%s", sigabbrev_np(number));
        else if (number >= SIGRTMIN)
                return g_strdup_printf("signal:SIGRTMIN+%d", number - SIGRTMIN);
        else
                return g_strdup_printf("signal:SIG%s", sigabbrev_np(number));
        return NULL;
}

/* ---- The command line ---- */

/* What was read of it so far. */
typedef struct Line {
        const char *verb;   /* NULL: none yet */
        const char *signal; /* -s, or NULL */
        const char *whom;   /* --kill-whom=, or NULL */
        GPtrArray *names;   /* const char*, as typed */
        bool only_names;    /* after "--" */
} Line;

static bool is_idle(const char *option)
{
        for (size_t i = 0; i < G_N_ELEMENTS(idle_options); i++)
                if (g_str_equal(idle_options[i], option))
                        return true;
        return false;
}

/* "-q", "-qs HUP", "-sHUP": getopt(3). Takes the next word where the option's value stands in it. */
static bool read_letters(Line *line, char *const **at, char **ret_why)
{
        for (const char *p = **at + 1; *p; p++) {
                if (strchr(idle_letters, *p))
                        continue;
                if (*p != 's')
                        return refuse(ret_why, "it gives systemctl the option “%s”", **at);
                if (p[1] == '\0' && !(*at)[1])
                        return refuse(ret_why, "its option -s lacks a value");
                line->signal = p[1] ? p + 1 : *++*at;
                return true;
        }
        return true;
}

static bool read_option(Line *line, char *const **at, char **ret_why)
{
        static const Pair values[] = { { "--signal=", "s" }, { "--kill-who=", "w" }, { "--kill-whom=", "w" } };
        const char *option = **at;

        if (option[1] != '-')
                return read_letters(line, at, ret_why);
        line->only_names = option[2] == '\0';
        if (is_idle(option))
                return true;
        for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
                if (g_str_has_prefix(option, values[i].from)) {
                        *(*values[i].to == 's' ? &line->signal : &line->whom) = option + strlen(values[i].from);
                        return true;
                }
        return refuse(ret_why, "it gives systemctl the option “%s”", option);
}

static bool read_line(Line *line, char *const *words, char **ret_why)
{
        for (char *const *at = words; *at; at++) {
                if (**at == '-' && (*at)[1] && !line->only_names) {
                        if (!read_option(line, &at, ret_why))
                                return false;
                } else if (!line->verb)
                        line->verb = *at;
                else
                        g_ptr_array_add(line->names, *at);
        }
        return true;
}

static bool read_kill(const Line *line, Systemctl *s, char **ret_why)
{
        if (!line->signal)
                return refuse(ret_why, "it ends the service instead of making it read its certificate");
        if (line->whom && !g_str_equal(line->whom, "all") && !g_str_equal(line->whom, "main"))
                return refuse(ret_why, "it signals the processes “%s” of the unit", line->whom);
        s->to_all = g_strcmp0(line->whom, "main") != 0;
        s->action = signal_action(line->signal, ret_why);
        return s->action != NULL;
}

static bool read_verb(const Line *line, Systemctl *s, char **ret_why)
{
        const char *action;

        if (!line->verb)
                return refuse(ret_why, "it names no verb of systemctl");
        if (g_str_equal(line->verb, "kill"))
                return read_kill(line, s, ret_why);
        if (line->signal || line->whom)
                return refuse(ret_why, "it gives “systemctl %s” an option that is for kill", line->verb);
        action = find(verbs, G_N_ELEMENTS(verbs), line->verb);
        if (!action)
                return refuse(ret_why, "“systemctl %s” is no action of the manifest", line->verb);
        s->action = g_strdup(action);
        return true;
}

static bool read_names(const Line *line, Systemctl *s, char **ret_why)
{
        if (line->names->len == 0)
                return refuse(ret_why, "it names no unit");
        for (unsigned i = 0; i < line->names->len; i++)
                if (!add_unit(s, line->names->pdata[i], ret_why))
                        return false;
        return true;
}

bool systemctl_read(char *const *words, Systemctl *ret, char **ret_why)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_auto(Systemctl) s = { .units = g_ptr_array_new_with_free_func(g_free) };
        Line line = { .names = names };

        if (!read_line(&line, words, ret_why) || !read_verb(&line, &s, ret_why) || !read_names(&line, &s, ret_why))
                return false;
        *ret = s;
        s = (Systemctl) {};
        return true;
}

/* service NAME ACTION: on a host with systemd these are systemctl's. */
bool service_read(char *const *words, Systemctl *ret, char **ret_why)
{
        g_auto(Systemctl) s = { .units = g_ptr_array_new_with_free_func(g_free) };
        const char *action;

        if (g_strv_length((char **) words) != 2)
                return refuse(ret_why, "its call of “service” is not: service NAME ACTION");
        action = find(service_verbs, G_N_ELEMENTS(service_verbs), words[1]);
        if (!action)
                return refuse(ret_why, "“service %s %s” is no action of the manifest", words[0], words[1]);
        if (*words[0] == '-' || g_str_has_suffix(words[0], ".sh"))
                return refuse(ret_why, "“%s” is not the plain name of a service", words[0]);
        if (!add_unit(&s, words[0], ret_why))
                return false;
        s.action = g_strdup(action);
        *ret = s;
        s = (Systemctl) {};
        return true;
}

void systemctl_clear(Systemctl *s)
{
        g_clear_pointer(&s->action, g_free);
        g_clear_pointer(&s->units, g_ptr_array_unref);
}
