/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the output goes, and text made fit for it. What the agent says holds text of CAs, of services and of
 * manifests: on a terminal it must not move the cursor, set the title, or hide what stands beside it. */

#include "client/terminal.h"

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct Sequence {
        const char *on, *off;
} Sequence;

static const Sequence sequences[_STYLE_MAX] = {
        [STYLE_NONE] = { "", "" },
        [STYLE_GOOD] = { "\033[0;1;32m", "\033[0m" },
        [STYLE_WARNING] = { "\033[0;1;33m", "\033[0m" },
        [STYLE_BAD] = { "\033[0;1;31m", "\033[0m" },
        [STYLE_DIM] = { "\033[0;2m", "\033[0m" },
        [STYLE_BOLD] = { "\033[0;1m", "\033[0m" },
        [STYLE_HEADER] = { "\033[0;4m", "\033[0m" },
};

static unsigned size_from_environment(const char *name)
{
        const char *text = g_getenv(name);
        guint64 n;

        return text && g_ascii_string_to_unsigned(text, 10, 1, 65535, &n, NULL) ? (unsigned) n : 0;
}

static void probe_size(Terminal *t)
{
        struct winsize size;
        bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;

        t->columns = size_from_environment("COLUMNS");
        if (t->columns == 0)
                t->columns = known && size.ws_col > 0 ? size.ws_col : 80;
        t->rows = size_from_environment("LINES");
        if (t->rows == 0)
                t->rows = known && size.ws_row > 0 ? size.ws_row : 24;
}

void terminal_probe(Terminal *ret_terminal)
{
        const char *term = g_getenv("TERM");
        const char *no_colour = g_getenv("NO_COLOR");
        /* https://no-color.org: present and not empty. */
        bool colour = !(no_colour && *no_colour) && term && !g_str_equal(term, "dumb");
        Terminal t = {
                .out_is_tty = isatty(STDOUT_FILENO),
                .utf8 = g_str_equal(nl_langinfo(CODESET), "UTF-8"),
        };

        t.colour_out = colour && t.out_is_tty;
        t.colour_err = colour && isatty(STDERR_FILENO);
        t.ascii_only = !t.utf8 && (t.out_is_tty || isatty(STDERR_FILENO));
        if (t.out_is_tty)
                probe_size(&t);
        *ret_terminal = t;
}

const char *style_on(bool colour, Style style)
{
        return colour ? sequences[style].on : "";
}

const char *style_off(bool colour, Style style)
{
        return colour ? sequences[style].off : "";
}

Style style_of_state(const char *state)
{
        static const struct {
                const char *state;
                Style style;
        } table[] = {
                { "valid", STYLE_GOOD },      { "due", STYLE_WARNING }, { "renewing", STYLE_WARNING },
                { "waiting", STYLE_WARNING }, { "failed", STYLE_BAD },  { "blocked", STYLE_BAD },
                { "degraded", STYLE_BAD },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                if (g_str_equal(table[i].state, state))
                        return table[i].style;
        return STYLE_NONE;
}

const char *terminal_dot(const Terminal *t)
{
        return t->utf8 ? "●" : "*";
}

/* C0, DEL, C1; U+2028 and U+2029; the marks, embeddings, overrides and isolates of Unicode's bidirectional
 * algorithm (UAX #9), with which a text can show in another order than it was written. */
static bool is_dangerous(gunichar c)
{
        return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static bool is_plain(const char *text)
{
        for (; *text; text++)
                if ((unsigned char) *text < 0x20 || (unsigned char) *text >= 0x7f)
                        return false;
        return true;
}

char *terminal_clean(const Terminal *t, const char *text, bool keep_newlines)
{
        g_autofree char *valid = NULL;
        GString *s;

        if (is_plain(text))
                return g_strdup(text);
        valid = g_utf8_make_valid(text, -1);
        s = g_string_sized_new(strlen(valid));
        for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);

                if (c == '\n' && keep_newlines)
                        g_string_append_c(s, '\n');
                else if (c == '\n' || c == '\t')
                        g_string_append_c(s, ' ');
                else if (is_dangerous(c) || (c > 0x7e && t->ascii_only))
                        g_string_append_c(s, '?');
                else
                        g_string_append_unichar(s, c);
        }
        return g_string_free(s, FALSE);
}

static unsigned char_width(gunichar c)
{
        if (c < 0x7f)
                return 1;
        return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

unsigned text_width(const char *text)
{
        unsigned width = 0;

        for (const char *p = text; *p; p = g_utf8_next_char(p))
                width += char_width(g_utf8_get_char(p));
        return width;
}

char *text_ellipsize(const char *text, unsigned width, bool utf8)
{
        const char *ellipsis = utf8 ? "…" : "...";
        unsigned room = width - MIN(width, utf8 ? 1 : 3), used = 0;
        const char *p;

        if (text_width(text) <= width)
                return g_strdup(text);
        for (p = text; *p; p = g_utf8_next_char(p)) {
                unsigned w = char_width(g_utf8_get_char(p));

                if (used + w > room)
                        break;
                used += w;
        }
        return g_strdup_printf("%.*s%s", (int) (p - text), text, ellipsis);
}
