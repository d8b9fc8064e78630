/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands that another program ran: bytes as a text for a shell. What is read as plain words stands the same when each
 * word is quoted and read again, and what becomes units is units of which the manifest can say so. */

#include "client/convert/hook.h"
#include "client/convert/oneshot.h"
#include "client/convert/words.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_words(char **words)
{
        g_autoptr(GString) line = g_string_new(NULL);
        g_autoptr(GPtrArray) again = NULL;
        const char *why;

        for (char **word = words; *word; word++) {
                g_autofree char *quoted = g_shell_quote(*word);

                g_string_append_printf(line, " %s", quoted);
        }
        g_assert_true(words_read(line->str, WORDS_SHELL, &again, &why));
        g_assert_cmpuint(again->len, ==, 1);
        g_assert_true(g_strv_equal((const char *const *) words, (const char *const *) again->pdata[0]));
}

static void check_hook(const char *text, WordsReader reader)
{
        g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(hook_unit_free);
        g_autofree char *why = NULL, *note = NULL;

        if (!hook_read(text, reader, units, &why, &note)) {
                g_assert_nonnull(why);
                g_assert_cmpuint(units->len, ==, 0);
                return;
        }
        for (unsigned i = 0; i < units->len; i++) {
                const HookUnit *u = units->pdata[i];

                g_assert_nonnull(strchr(u->unit, '.'));
                g_assert_null(strpbrk(u->unit, " \t\n*?[]/$\"'"));
                g_assert_nonnull(u->action);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *) data, size), *quoted = NULL;
        g_autoptr(GPtrArray) commands = NULL, split = NULL;
        const char *why = NULL;

        if (words_read(text, WORDS_SHELL, &commands, &why))
                for (unsigned i = 0; i < commands->len; i++)
                        check_words(commands->pdata[i]);
        else
                g_assert_nonnull(why);
        if (words_read(text, WORDS_SPLIT, &split, &why))
                g_assert_cmpuint(split->len, <=, 1);
        check_hook(text, WORDS_SHELL);
        check_hook(text, WORDS_SPLIT);
        quoted = oneshot_quote(text);
        g_assert_true(g_str_is_ascii(quoted) && !strchr(quoted, '\n'));
        return 0;
}
