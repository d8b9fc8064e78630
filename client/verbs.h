/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* The verbs of certctl: one table says what each takes, does, and tells of itself. */

typedef struct Verb {
        const char *name;      /* of one or two words */
        const char *arguments; /* as the synopsis writes them */
        const char *summary;   /* one line; NULL: not listed */
        int min, max;          /* number of arguments; max -1: any */
        unsigned options;      /* OptionBit */
        VerbFunction run;
        const char *help; /* the lines below the synopsis, or NULL */
} Verb;

/* The verb that `words` (NULL-terminated, at least one) begin with, "authority rotate" before "authority",
 * and how many of them are its name; NULL when there is none. */
const Verb *verb_find(char **words, size_t *ret_words);

/* The verb that may have been meant; NULL when none is near. */
const char *verb_suggest(const char *word);

/* To standard output: of all verbs, or of one. */
void verb_print_help(const Verb *verb);

/* Says on standard error what is wrong, if anything is. */
bool verb_check_usage(const Verb *verb, const Options *options, int n_arguments);
