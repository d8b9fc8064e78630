/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <systemd/sd-event.h>

/* A watch of an authority's folder, into which the agent cannot look: a call to its process that is answered when
 * something has changed there (org.certagent1.Authority's Watch), made again after each answer, and after a while when
 * it fails. All that the agent takes from that process is that it answers. */

typedef struct AuthorityWatch AuthorityWatch;

/* From the loop, at most twice a second: something changed, or may have while nobody watched. */
typedef void (*AuthorityWatchChanged)(const char *issuer, void *userdata);

/* Begins; what it needs of `issuer` is copied. NULL when there is no more memory for it. */
AuthorityWatch *authority_watch_new(sd_event *event, const ManifestIssuer *issuer, AuthorityWatchChanged changed,
                                    void *userdata);
AuthorityWatch *authority_watch_free(AuthorityWatch *w); /* ends the call and its process's connection; NULL is fine */

/* Whether the process is told just what this issuer says: a watch that may stay as it is. */
bool authority_watch_is_of(const AuthorityWatch *w, const ManifestIssuer *issuer);
