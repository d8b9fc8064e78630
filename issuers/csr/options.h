/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What the manifest says of an issuer of the type "csr". */

typedef struct CsrOptions {
        char *name;        /* the issuer's */
        char *environment; /* the manifest's; NULL: none */
        char *roots;       /* "roots": a PEM file with the certificates of the CAs whose answers are taken, absolute; NULL: the
                            * roots that this host trusts (the system's trust store) */
} CsrOptions;

/* From the `config` of a call. MANIFEST_INVALID. */
CsrOptions *csr_options_new(const char *config, GError **error);
CsrOptions *csr_options_free(CsrOptions *o);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CsrOptions, csr_options_free)
