/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"
#include "client/output-json.h"
#include "client/request/facts.h"
#include "client/request/issued.h"

/* A request, and what is made of it, told to a person or as JSON. */

/* What a person wants certified of it; NULL and 0: as the request and the authority have it. */
typedef struct Wish {
        const char *issuer;
        Usage usage;
        const char *lifetime;
        char **names; /* NULL-terminated and not empty, or NULL */
} Wish;

/* Whether an authority of this project would sign it, by the authority's own rules; not asked is what only
 * the authority knows, such as which names it may sign. ISSUER_REFUSED, BAD_CERTIFICATE, MANIFEST_INVALID (a
 * wished name is none). */
bool describe_verdict(const RequestFacts *f, const Wish *wish, GError **error);

/* To standard output. `made` in microseconds since 1970, 0: not known. */
void describe_request(const Client *client, const RequestFacts *f, uint64_t made);
void describe_wish(const Client *client, const RequestFacts *f, const Wish *wish);

/* As members of an object that is open. */
void describe_request_json(const RequestFacts *f, JsonOut *j);
void describe_issued_json(const IssuedFacts *f, JsonOut *j);
