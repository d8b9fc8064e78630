/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the process keeps between calls: its connections, whom it trusts, what it heard of provisioners and
 * roots. Nothing of it is secret. */

#include "issuers/step/step-private.h"

static void destroy_provisioner(void *p)
{
        step_provisioner_free(p);
}

static void destroy_roots(void *r)
{
        step_roots_free(r);
}

StepProcess *step_process_new(void)
{
        StepProcess *s = g_new0(StepProcess, 1);

        s->http = http_new();
        s->trusted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
        s->roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, destroy_roots);
        s->provisioners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, destroy_provisioner);
        return s;
}

StepProcess *step_process_free(StepProcess *s)
{
        if (!s)
                return NULL;
        http_free(s->http);
        g_hash_table_unref(s->trusted);
        g_hash_table_unref(s->roots);
        g_hash_table_unref(s->provisioners);
        g_free(s);
        return NULL;
}

char *step_call_key(const StepCall *c, const char *more)
{
        g_autofree char *urls = g_strjoinv(" ", c->options->urls);
        g_autofree char *prints = c->options->fingerprints ? g_strjoinv(" ", c->options->fingerprints) : NULL;

        return g_strconcat(urls, "\n", prints ?: c->options->root_file, "\n", more, NULL);
}

uint64_t step_call_left(const StepCall *c)
{
        uint64_t now = (uint64_t) g_get_monotonic_time();

        return c->deadline > now ? c->deadline - now : 0;
}
