/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Where the output goes: a person's terminal or a pipe, and what it can show. */

typedef struct Terminal {
        bool out_is_tty; /* standard output, before a pager took its place */
        bool colour_out; /* NO_COLOR and TERM=dumb honoured */
        bool colour_err;
        bool utf8;        /* the locale's encoding */
        bool ascii_only;  /* a terminal that is not UTF-8: bytes over 0x7f could be its control codes */
        unsigned columns; /* 0: not to be thought of, the output is not a terminal */
        unsigned rows;
} Terminal;

typedef enum Style {
        STYLE_NONE,
        STYLE_GOOD,
        STYLE_WARNING,
        STYLE_BAD,
        STYLE_DIM,
        STYLE_BOLD,
        STYLE_HEADER,
        _STYLE_MAX,
} Style;

void terminal_probe(Terminal *ret_terminal);

/* The sequences that begin and end a style; "" without colour. Static. */
const char *style_on(bool colour, Style style);
const char *style_off(bool colour, Style style);

/* What stands for a state: its style, and the sign before a name ("●", "*" without UTF-8). */
Style style_of_state(const char *state);
const char *terminal_dot(const Terminal *t);

/* Text that came from elsewhere, fit for this output: valid UTF-8 on one line (newlines become spaces unless
 * `keep_newlines`), no control characters, none that turn the direction of writing. Caller owns. */
char *terminal_clean(const Terminal *t, const char *text, bool keep_newlines);

/* The columns a valid UTF-8 text takes; and the text cut to so many, ending in "…" when it was cut. */
unsigned text_width(const char *text);
char *text_ellipsize(const char *text, unsigned width, bool utf8);
