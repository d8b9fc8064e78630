/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <systemd/sd-event.h>

/* The watch: folders of certificates, bundles and revocation lists that say "watch", by inotify (inotify(7)), one watch a
 * folder; and inotify instances of authorities, into whose folders the agent cannot look. What changed is gathered for a
 * tenth of a second, then told by name; after a queue overflow all names are told. */

typedef struct Watch Watch;

typedef void (*WatchChanged)(char **names, void *userdata);

Watch *watch_new(sd_event *event, WatchChanged changed, void *userdata);
Watch *watch_free(Watch *w);

/* Watches what this manifest wants watched, and nothing else; descriptors of authorities that it does not want watched are
 * closed. A folder that cannot be watched is said, and tried again at the next call. */
void watch_set(Watch *w, const Manifest *m);

/* Watches anew what was lost (a folder that went and came back) or leads elsewhere now (a flipped link). */
void watch_mend(Watch *w);

/* An inotify instance with the watches of an authority's process, for `name` (MANIFEST_AUTHORITY_PREFIX + the issuer's).
 * Takes the descriptor, in the place of an earlier one of that name. It is closed, and must be asked for anew, when a watch
 * in it is gone (the folder was removed or moved), when it fails and when it floods; the name is told then, too. */
void watch_add_descriptor(Watch *w, const char *name, int fd);
bool watch_has_descriptor(const Watch *w, const char *name);

/* Something is watched: the agent must stay. */
bool watch_is_active(const Watch *w);
