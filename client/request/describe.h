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

/* Why it is not signed, one sentence each (char*); empty: nothing is known against it, and it is the authority that judges.
 * Caller owns. */
GPtrArray *describe_problems(const RequestFacts *f, const Wish *wish);

/* To standard output. `made` in microseconds since 1970, 0: not known. */
void describe_request(const Client *client, const RequestFacts *f, uint64_t made);
void describe_wish(const Client *client, const RequestFacts *f, const Wish *wish);

/* As members of an object that is open. */
void describe_request_json(const RequestFacts *f, JsonOut *j);
void describe_issued_json(const IssuedFacts *f, JsonOut *j);
