/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shell words
 *
 * Owns which characters mean something to a shell. The text is read by one rule: a character is taken only where
 * sh, dash and bash all take it as it stands; everything else ends the reading with the reason.
 */

#include "client/convert/words.h"

#include <string.h>

typedef struct Lexer {
        const char *at;
        WordsReader reader;
        GPtrArray *commands; /* char** */
        GPtrArray *words;    /* of the command that is being read */
        GString *word;       /* NULL between words; an empty one may be there: '' */
        bool is_wanted;      /* after "&&": a command must follow */
        const char *why;
} Lexer;

typedef struct Meaning {
        char character;
        const char *why;
} Meaning;

/* Outside of quotes. */
static const Meaning meanings[] = {
        { '|', "it uses a pipe, or what follows a failure (\"|\")" },
        { '&', "it runs something in the background (\"&\")" },
        { '<', "it redirects its input (\"<\")" },
        { '>', "it redirects its output (\">\")" },
        { '(', "it uses a subshell or a function (\"(\")" },
        { ')', "it uses a subshell or a function (\")\")" },
        { '$', "it uses a variable or another command's output (\"$\")" },
        { '`', "it uses another command's output (\"`\")" },
        { '*', "it uses a pattern of file names (\"*\")" },
        { '?', "it uses a pattern of file names (\"?\")" },
        { '[', "it uses a test or a pattern (\"[\")" },
        { ']', "it uses a test or a pattern (\"]\")" },
        { '{', "it groups commands or expands a list (\"{\")" },
        { '}', "it groups commands or expands a list (\"}\")" },
        { '~', "it uses a home folder (\"~\")" },
        { '!', "it turns a result round (\"!\")" },
        { '^', "it uses a character that shells read differently (\"^\")" },
};

/* What a shell acts by, and a program that splits words takes as it is, or otherwise. */
static const char for_shells[] = ";&#\\\n";
static const char not_a_shell[] = "it is written for a shell, and was run without one";

static bool refuse(Lexer *l, const char *why)
{
        l->why = why;
        return false;
}

static void word_begin(Lexer *l)
{
        if (!l->word)
                l->word = g_string_new(NULL);
}

static void word_add(Lexer *l, char c)
{
        word_begin(l);
        g_string_append_c(l->word, c);
}

static bool word_end(Lexer *l)
{
        if (!l->word)
                return true;
        if (l->words->len == 0 && strchr(l->word->str, '=')) /* an assignment (2.9.1), or nearly */
                return refuse(l, "it sets a variable (\"=\")");
        g_ptr_array_add(l->words, g_string_free(g_steal_pointer(&l->word), FALSE));
        l->is_wanted = false;
        return true;
}

static void command_end(Lexer *l)
{
        if (l->words->len == 0)
                return;
        g_ptr_array_add(l->words, NULL);
        g_ptr_array_add(l->commands, g_ptr_array_free(l->words, FALSE));
        l->words = g_ptr_array_new();
}

/* ---- Quotes ---- */

/* 2.2.2: everything up to the next one. */
static bool read_single(Lexer *l)
{
        const char *end = strchr(l->at + 1, '\'');

        if (!end)
                return refuse(l, "a single quote has no end");
        word_begin(l);
        if (l->reader == WORDS_SPLIT && memchr(l->at, '\\', (size_t) (end - l->at)))
                return refuse(l, not_a_shell);
        g_string_append_len(l->word, l->at + 1, end - l->at - 1);
        l->at = end + 1;
        return true;
}

/* 2.2.3: a backslash is one only before $ ` " \ and a line break, which it removes. */
static bool read_double(Lexer *l)
{
        word_begin(l);
        for (l->at++; *l->at != '"'; l->at++) {
                if (*l->at == '\0')
                        return refuse(l, "a double quote has no end");
                if (*l->at == '$' || *l->at == '`')
                        return refuse(l, "it uses a variable or another command's output");
                if (*l->at == '\\' && l->reader == WORDS_SPLIT)
                        return refuse(l, not_a_shell);
                if (*l->at == '\\' && l->at[1] == '\n')
                        l->at++;
                else {
                        if (*l->at == '\\' && l->at[1] && strchr("$`\"\\", l->at[1]))
                                l->at++;
                        g_string_append_c(l->word, *l->at);
                }
        }
        l->at++;
        return true;
}

/* 2.2.1 */
static bool read_backslash(Lexer *l)
{
        if (l->at[1] == '\0')
                return refuse(l, "it ends in a backslash");
        if (l->at[1] != '\n') {
                word_add(l, l->at[1]);
                }
        l->at += 2;
        return true;
}

/* ---- Between words ---- */

/* "&&": there is a command before it, and one must follow. */
static bool read_and(Lexer *l)
{
        if (!word_end(l))
                return false;
        if (l->words->len == 0)
                return refuse(l, "\"&&\" stands where a command should");
        command_end(l);
        l->is_wanted = true;
        l->at += 2;
        return true;
}

static bool read_semicolon(Lexer *l)
{
        if (!word_end(l))
                return false;
        if (l->words->len == 0)
                return refuse(l, "\";\" stands where a command should");
        command_end(l);
        l->at++;
        return true;
}

/* A line break after "&&" is none (2.10.2). */
static bool read_newline(Lexer *l)
{
        if (!word_end(l))
                return false;
        command_end(l);
        l->at++;
        return true;
}

static bool read_other(Lexer *l)
{
        for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++)
                if (meanings[i].character == *l->at)
                        return refuse(l, meanings[i].why);
        if ((unsigned char) *l->at < 0x20 || *l->at == 0x7f)
                return refuse(l, "it holds a control character");
        word_add(l, *l->at++);
        return true;
}

static bool read_next(Lexer *l)
{
        if (l->reader == WORDS_SPLIT && strchr(for_shells, *l->at))
                return refuse(l, not_a_shell);
        switch (*l->at) {
        case ' ':
        case '\t':
                l->at++;
                return word_end(l);
        case '\n':
                return read_newline(l);
        case '\'':
                return read_single(l);
        case '"':
                return read_double(l);
        case '\\':
                return read_backslash(l);
        case ';':
                return read_semicolon(l);
        case '&':
                return l->at[1] == '&' ? read_and(l) : read_other(l);
        case '#': /* a comment where a word could begin, to the end of the line (2.3) */
                if (l->word)
                        return read_other(l);
                l->at += strcspn(l->at, "\n");
                return true;
        default:
                return read_other(l);
        }
}

static void command_free(void *data)
{
        g_strfreev(data);
}

static bool read_all(Lexer *l)
{
        while (*l->at)
                if (!read_next(l))
                        return false;
        if (!word_end(l))
                return false;
        if (l->is_wanted)
                return refuse(l, "it ends in \"&&\"");
        command_end(l);
        return true;
}

bool words_read(const char *text, WordsReader reader, GPtrArray **ret_commands, const char **ret_why)
{
        g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(command_free);
        Lexer l = { .at = text, .reader = reader, .commands = commands, .words = g_ptr_array_new() };
        bool done = read_all(&l);

        g_ptr_array_set_free_func(l.words, g_free);
        g_ptr_array_unref(l.words);
        if (l.word)
                g_string_free(l.word, TRUE);
        if (done)
                *ret_commands = g_steal_pointer(&commands);
        else
                *ret_why = l.why;
        return done;
}
