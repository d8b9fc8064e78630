/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuers of the type "csr" in the manifest: their keys. What the process would refuse is known before the
 * manifest takes effect; of the file that is named the text of the path alone is looked at, for it may lie on
 * a share that hangs. It owns nothing. */

#include "agent/manifest-read.h"

#include <string.h>

/* Common to all types: manifest-issuer.c reads them. */
static void skip(ManifestReading *r, const JsonValue *v, void *target)
{
}

static void read_timeout(ManifestReading *r, const JsonValue *v, void *target)
{
        uint64_t usec;

        manifest_read_span(r, v, &usec);
}

/* The process runs as nobody, and its sandbox hides these. */
static bool is_out_of_reach(const char *path)
{
        static const char *const places[] = { "/home/", "/root/", "/run/user/", "/var/lib/cert-agent/",
                                              "/var/lib/cert-authority/" };

        for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
                if (g_str_has_prefix(path, places[i]))
                        return true;
        return false;
}

static void read_roots(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *path = manifest_read_source_path(r, v);

        if (path && is_out_of_reach(path))
                manifest_complain(r, v,
                                  "Put the CA's root certificate, which is nothing secret, below /etc/ssl.",
                                  "cert-issuer-csr cannot read what is there");
}

/* What is said of other issuers, by habit. */
static void refuse_root(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_complain_key(
                r, v, "Write \"roots\": a file with the certificates of the CAs whose answers are taken.",
                "an issuer of the type \"csr\" has no such key");
}

static const ManifestField csr_fields[] = {
        { "type", skip },        { "environment", skip }, { "timeout", read_timeout },
        { "roots", read_roots }, { "root", refuse_root }, /* the last: no key of the documents' */
};

const ManifestField *manifest_csr_fields(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(csr_fields) - 1;
        return csr_fields;
}

void manifest_read_csr(ManifestReading *r, const JsonValue *v)
{
        manifest_read_object(r, v, csr_fields, G_N_ELEMENTS(csr_fields), NULL);
}
