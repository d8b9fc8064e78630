/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/request-extensions.h"
#include "issuers/local/sign.h"

#include <systemd/sd-bus.h>

/* A certificate request (PKCS#10, RFC 2986) from elsewhere, with no manifest that says what it may ask for: judged by what
 * it says, strictly, and turned into what will be certified. */

#define FOREIGN_REQUEST_MAX (64 * 1024) /* bytes of DER */

/* What the administrator says, in place of what the request says. */
typedef struct ForeignOptions {
        unsigned usage;    /* Usage bits; 0: what the request asks for, else a server */
        uint64_t lifetime; /* microseconds; 0: the authority's default */
        char **names;      /* as in the manifest; NULL: those of the request */
} ForeignOptions;

/* Reads the a{sv} that comes next: "usage" as, "lifetime" t, "names" as. ISSUER_PROTOCOL for what is not of that form,
 * ISSUER_REFUSED for values that make no sense. */
bool foreign_options_read(sd_bus_message *m, ForeignOptions *ret, GError **error);
void foreign_options_clear(ForeignOptions *o);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ForeignOptions, foreign_options_clear)

typedef struct Foreign Foreign;

/* BAD_CERTIFICATE: no request at all, or not one of RFC 2986. ISSUER_REFUSED: one that is not certified. Each says why. */
Foreign *foreign_new(GBytes *der, const ForeignOptions *options, GError **error);
/* The same without the proof that its key is there: for tests, a fuzzer cannot sign. */
Foreign *foreign_new_unproven(GBytes *der, const ForeignOptions *options, GError **error);
Foreign *foreign_free(Foreign *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Foreign, foreign_free)

const SignWish *foreign_wish(const Foreign *f); /* borrowed */
