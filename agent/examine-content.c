/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Examining a bundle or a revocation list: one file, of which only two things count, whether it is byte by byte what is
 * wanted, and, of revocation lists, until when they speak. */

#include "agent/examine.h"

#include "agent/generation.h"

typedef struct Reading {
        Glance *glance;
        GBytes *content;
        bool settled;
} Reading;

static void read_content(int folder, const char *name, unsigned slot, void *userdata)
{
        Reading *r = userdata;

        if (!examine_read(folder, name, GENERATION_CONTENT_MAX, &r->glance->file[slot], &r->content))
                r->settled = false;
}

/* 0: it holds no list that can be read, or says no end. */
static uint64_t earliest_update(GBytes *pem)
{
        g_autoptr(Generation) g = generation_new_content(pem, NULL);

        return g && g->not_after != UINT64_MAX ? g->not_after : 0;
}

ExaminedContent examine_content(FolderCache *folders, const ManifestCertificate *c, Glance *g)
{
        Reading r = { .glance = g, .settled = glance_is_settled(g) };
        ExaminedContent x = {};

        slots_visit(folders, c, read_content, &r);
        if (r.content) {
                x.digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, r.content);
                x.until = c->kind == MANIFEST_KIND_CRL ? earliest_update(r.content) : 0;
                g_bytes_unref(r.content);
        }
        x.settled = r.settled;
        return x;
}
