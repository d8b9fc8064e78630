/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One-shot units
 *
 * Owns how a command that a shell read becomes a line of a unit file. There it goes through two more readers: the line's
 * own (quotes, C escapes, "%" and "$": systemd.service(5), COMMAND LINES), and then again the shell.
 */

#include "client/convert/oneshot.h"

#include <string.h>

#define COMMAND_MAX (64 * 1024) /* bytes once quoted: the kernel takes 128 KiB for one argument */

static void command_free(void *data)
{
        OneshotCommand *c = data;

        g_free(c->text);
        g_free(c);
}

Oneshot *oneshot_new(void)
{
        Oneshot *o = g_new0(Oneshot, 1);

        o->commands = g_ptr_array_new_with_free_func(command_free);
        o->environment = g_ptr_array_new_with_free_func(g_free);
        return o;
}

Oneshot *oneshot_free(Oneshot *o)
{
        if (!o)
                return NULL;
        g_ptr_array_unref(o->commands);
        g_ptr_array_unref(o->environment);
        g_free(o->user);
        g_free(o);
        return NULL;
}

void oneshot_add(Oneshot *o, const char *text, bool is_program)
{
        OneshotCommand *c = g_new(OneshotCommand, 1);

        *c = (OneshotCommand) { .text = g_strdup(text), .is_program = is_program };
        g_ptr_array_add(o->commands, c);
}

char *oneshot_unit_name(const char *certificate)
{
        return g_strdup_printf("cert-hook-%s.service", certificate);
}

/* ---- Quoting ---- */

static void append_escaped(GString *s, unsigned char c, bool is_command)
{
        static const char from[] = "\n\t\"\\", to[] = "nt\"\\";
        const char *found = c ? strchr(from, c) : NULL;

        if (found)
                g_string_append_printf(s, "\\%c", to[found - from]);
        else if (c == '%' || (c == '$' && is_command))
                g_string_append_printf(s, "%c%c", c, c);
        else if (c < 0x20 || c >= 0x7f)
                g_string_append_printf(s, "\\x%02x", c);
        else
                g_string_append_c(s, (char) c);
}

static char *quote(const char *word, bool is_command)
{
        GString *s = g_string_new("\"");

        for (const char *p = word; *p; p++)
                append_escaped(s, (unsigned char) *p, is_command);
        g_string_append_c(s, '"');
        return g_string_free(s, FALSE);
}

char *oneshot_quote(const char *word)
{
        return quote(word, true);
}

/* ---- The file ---- */

static bool append_command(GString *s, const OneshotCommand *c)
{
        g_autofree char *quoted = oneshot_quote(c->text);

        g_string_append_printf(s, "ExecStart=%s%s\n", c->is_program ? "" : "/bin/sh -c ", quoted);
        return strlen(quoted) <= COMMAND_MAX;
}

/* Without a limit on starts: a certificate that is put back starts it again within seconds. With one on its time, which
 * one-shot units have not by default: the agent waits as long as the unit may take. */
char *oneshot_to_text(const Oneshot *o, const char *certificate)
{
        g_autoptr(GString) s = g_string_new(NULL);

        g_string_append_printf(s,
                               "# Made by \"certctl convert\". Started by cert-agent after each renewal of the "
                               "certificate.\n"
                               "[Unit]\n"
                               "Description=What follows a renewal of the certificate %s\n"
                               "Documentation=man:certctl(1)\n"
                               "StartLimitIntervalSec=0\n"
                               "\n"
                               "[Service]\n"
                               "Type=oneshot\n"
                               "TimeoutStartSec=5min\n",
                               certificate);
        if (o->user)
                g_string_append_printf(s, "User=%s\n", o->user);
        for (unsigned i = 0; i < o->environment->len; i++) {
                g_autofree char *quoted = quote(o->environment->pdata[i], false);

                g_string_append_printf(s, "Environment=%s\n", quoted);
                if (strlen(quoted) > COMMAND_MAX)
                        return NULL;
        }
        for (unsigned i = 0; i < o->commands->len; i++)
                if (!append_command(s, o->commands->pdata[i]))
                        return NULL;
        return g_string_free(g_steal_pointer(&s), FALSE);
}
