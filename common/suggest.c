/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was meant by a word that is none of those that there are: in a manifest, and on the command line. */

#include "common/suggest.h"

#include <glib.h>
#include <string.h>

#define WORD_MAX 64 /* longer words are not guessed at */

/* The edits (insert, delete, replace, swap neighbours) from one word to another: Levenshtein's distance with
 * Damerau's transpositions, restricted to one edit a place. */
static unsigned edit_distance(const char *a, size_t n, const char *b, size_t m)
{
        unsigned row[3][WORD_MAX + 1];
        unsigned *before = row[0], *last = row[1], *now = row[2];

        for (size_t j = 0; j <= m; j++)
                last[j] = (unsigned) j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *recycled = before;

                now[0] = (unsigned) i;
                for (size_t j = 1; j <= m; j++) {
                        unsigned cost = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);

                        now[j] = MIN(MIN(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                now[j] = MIN(now[j], before[j - 2] + 1);
                }
                before = last;
                last = now;
                now = recycled;
        }
        return last[m];
}

const char *suggest_word(const char *word, const char *const *candidates, size_t n)
{
        size_t length = strlen(word);
        unsigned best = MAX(1, (unsigned) length / 3) + 1;
        const char *found = NULL;

        if (length > WORD_MAX)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                size_t m = strlen(candidates[i]);
                unsigned distance = m <= WORD_MAX ? edit_distance(word, length, candidates[i], m) : WORD_MAX;

                if (distance < best) {
                        best = distance;
                        found = candidates[i];
                }
        }
        return found;
}
