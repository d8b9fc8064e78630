/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job's progress. What is over is printed once and scrolls away as any output; what is at work stands in a
 * few lines at the bottom that are drawn anew, as many as the terminal has room for. */

#include "client/progress.h"

#include "client/subject.h"

#include <stdio.h>

struct Progress {
        const Client *client;
        GHashTable *shown; /* name -> the stage last printed */
        unsigned live;     /* lines at the bottom that are drawn anew */
};

Progress *progress_new(const Client *client)
{
        Progress *p = g_new0(Progress, 1);

        p->client = client;
        p->shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return p;
}

static void erase_live(Progress *p)
{
        if (p->live > 0)
                printf("\033[%uA\r\033[J", p->live);
        p->live = 0;
}

Progress *progress_free(Progress *p)
{
        if (!p)
                return NULL;
        erase_live(p);
        fflush(stdout);
        g_hash_table_unref(p->shown);
        g_free(p);
        return NULL;
}

bool stage_is_final(const char *stage)
{
        static const char *const final[] = { "done", "waiting", "failed", "skipped", NULL };

        return g_strv_contains(final, stage);
}

static Style style_of_stage(const char *stage)
{
        if (g_str_equal(stage, "done"))
                return STYLE_GOOD;
        if (g_str_equal(stage, "failed"))
                return STYLE_BAD;
        return g_str_equal(stage, "waiting") ? STYLE_WARNING : STYLE_DIM;
}

/* What stands for a stage in a sentence after the name. */
static const char *words_of(const JobStep *step)
{
        const char *stage = step->stage;
        static const struct {
                const char *stage, *words;
        } table[] = {
                { "queued", "is in the queue" },
                { "issuing", "asking the issuer" },
                { "installing", "installing the files" },
                { "units", "telling the units" },
                { "verifying", "checking what is served" },
                { "done", "done" },
                { "waiting", "waits" },
                { "failed", "failed" },
                { "skipped", "nothing to do" },
        };

        if (subject_kind_of(step->name) == SUBJECT_AUTHORITY && g_str_equal(stage, "issuing"))
                return "at work";
        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                if (g_str_equal(table[i].stage, stage))
                        return table[i].words;
        return stage;
}

static void print_step(const Progress *p, const JobStep *step)
{
        const Terminal *t = &p->client->terminal;
        g_autofree char *name = terminal_clean(t, step->name, false);
        g_autofree char *message = terminal_clean(t, step->message, false);
        g_autofree char *words = terminal_clean(t, words_of(step), false);
        Style style = style_of_stage(step->stage);
        bool with_message = *message && stage_is_final(step->stage);
        g_autofree char *text = g_strdup_printf("%s: %s%s%s", name, words, with_message ? ": " : "",
                                                with_message ? message : "");
        g_autofree char *line =
                t->out_is_tty ? text_ellipsize(text, t->columns - MIN(t->columns, 3), t->utf8) : NULL;

        if (t->out_is_tty)
                printf("%s%s%s %s\n", style_on(t->colour_out, style), terminal_dot(t),
                       style_off(t->colour_out, style), line);
        else
                printf("%s\n", text);
}

/* True when this stage was not yet printed. What begins again after its end, as in the next round of an
 * authority's rotation, is news when it ends again. */
static bool is_news(Progress *p, const JobStep *step)
{
        const char *before = g_hash_table_lookup(p->shown, step->name);

        if (before && g_str_equal(before, step->stage))
                return false;
        g_hash_table_replace(p->shown, g_strdup(step->name), g_strdup(step->stage));
        return true;
}

static void print_count(Progress *p, guint done, guint all)
{
        const Terminal *t = &p->client->terminal;

        printf("%s%u of %u done%s\n", style_on(t->colour_out, STYLE_DIM), done, all,
               style_off(t->colour_out, STYLE_DIM));
        p->live++;
}

static void update_tty(Progress *p, GPtrArray *steps)
{
        unsigned room = MAX(p->client->terminal.rows, 4) - 3;
        guint done = 0;

        erase_live(p);
        for (guint i = 0; i < steps->len; i++) {
                const JobStep *step = steps->pdata[i];

                if (!stage_is_final(step->stage)) {
                        g_hash_table_remove(p->shown, step->name);
                        continue;
                }
                done++;
                if (is_news(p, step))
                        print_step(p, step);
        }
        for (int queued = 0; queued < 2; queued++) /* those at work first */
                for (guint i = 0; i < steps->len && p->live < room; i++) {
                        const JobStep *step = steps->pdata[i];

                        if (stage_is_final(step->stage) ||
                            g_str_equal(step->stage, "queued") != (queued == 1))
                                continue;
                        print_step(p, step);
                        p->live++;
                }
        if (steps->len > 1 && done < steps->len)
                print_count(p, done, steps->len);
}

void progress_update(GPtrArray *steps, void *userdata)
{
        Progress *p = userdata;

        if (p->client->options.quiet || p->client->options.json != JSON_OFF)
                return;
        if (p->client->terminal.out_is_tty)
                update_tty(p, steps);
        else
                for (guint i = 0; i < steps->len; i++)
                        if (!g_str_equal(((JobStep *) steps->pdata[i])->stage, "queued") &&
                            is_news(p, steps->pdata[i]))
                                print_step(p, steps->pdata[i]);
        fflush(stdout);
}
