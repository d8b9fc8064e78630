/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Examining a bundle or a revocation list: one file, of which only two things count, whether it is byte by byte what is
 * wanted, and, of revocation lists, until when they speak. */

#include "agent/examine.h"

#include "agent/readfile.h"
#include "common/timespan.h"

#include <gnutls/x509.h>

typedef struct Reading {
        Glance *glance;
        GBytes *content;
        bool settled;
} Reading;

static void read_content(int folder, const char *name, unsigned slot, void *userdata)
{
        Reading *r = userdata;

        if (!examine_read(folder, name, READFILE_CONTENT_MAX, &r->glance->file[slot], &r->content))
                r->settled = false;
}

/* Where several authorities of one issuer sign, each list has its own time: the first that ends counts (RFC 5280,
 * 5.1.2.5). 0: it holds no list that can be read. */
static uint64_t earliest_update(GBytes *pem)
{
        size_t size;
        const void *data = g_bytes_get_data(pem, &size);
        gnutls_datum_t text = { (unsigned char *) data, (unsigned) size };
        gnutls_x509_crl_t *lists = NULL;
        uint64_t until = UINT64_MAX;
        unsigned n = 0;

        if (gnutls_x509_crl_list_import2(&lists, &n, &text, GNUTLS_X509_FMT_PEM, 0) < 0)
                return 0;
        for (unsigned i = 0; i < n; i++) {
                time_t next = gnutls_x509_crl_get_next_update(lists[i]);

                until = MIN(until, next > 0 ? (uint64_t) next * USEC_PER_SEC : 0);
                gnutls_x509_crl_deinit(lists[i]);
        }
        gnutls_free(lists);
        return n > 0 ? until : 0;
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
