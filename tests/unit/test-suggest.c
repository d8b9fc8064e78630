/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was meant: near words are found, far ones are not guessed at. */

#include "common/suggest.h"

#include <glib.h>

static const char *const reasons[] = { "unspecified", "keyCompromise", "superseded", "no" };

typedef struct Case {
        const char *name, *word, *meant; /* meant NULL: nothing is near */
} Case;

static const Case cases[] = {
        { "the word itself", "superseded", "superseded" },
        { "another case", "KEYCOMPROMISE", "keyCompromise" },
        { "a hyphen too much", "key-compromise", "keyCompromise" },
        { "a letter less", "superseed", "superseded" },
        { "neighbours swapped", "unsepcified", "unspecified" },
        { "a short word with one edit", "na", "no" },
        { "a short word with two edits", "yes", NULL },
        { "nothing like it", "because", NULL },
        { "empty", "", NULL },
        { "longer than any name",
          "superseded-superseded-superseded-superseded-superseded-superseded-superseded", NULL },
};

static void test_case(gconstpointer data)
{
        const Case *c = data;

        g_assert_cmpstr(suggest_word(c->word, reasons, G_N_ELEMENTS(reasons)), ==, c->meant);
}

static void test_there_is_nothing_to_choose_from(void)
{
        g_assert_null(suggest_word("word", NULL, 0));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strconcat("/suggest/", cases[i].name, NULL);

                g_test_add_data_func(path, &cases[i], test_case);
        }
        g_test_add_func("/suggest/there is nothing to choose from", test_there_is_nothing_to_choose_from);
        return g_test_run();
}
