/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The words of a shell command, as far as they are the same for every shell and can be known without running
 * anything: simple commands that follow each other by "&&", ";" or a line break, with quotes and backslashes
 * (POSIX.1-2017, Shell Command Language, 2.2 and 2.3). Whatever the shell would expand, redirect, pipe or decide by
 * is not read but refused. */

/* Who takes the text apart. */
typedef enum WordsReader {
        WORDS_SHELL,
        WORDS_SPLIT, /* a program that knows quotes, but neither joins commands nor comments: one command */
} WordsReader;

/* Reads `text`. *ret_commands are char** (g_strfreev), each with at least one word; none for an empty text or
 * comments alone. False, with what stands in the way in *ret_why (static: "it uses a pipe"), when the text is
 * more than such commands. */
bool words_read(const char *text, WordsReader reader, GPtrArray **ret_commands, const char **ret_why);
