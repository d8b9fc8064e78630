/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <systemd/sd-event.h>

/* The watch: folders of certificates, bundles and revocation lists that say "watch", by inotify (inotify(7)), one watch a
 * folder. What changed is gathered for a tenth of a second, then told by name; after a queue overflow all names are told.
 * (The folders of authorities, into which the agent cannot look: agent/authority-watch.h.) */

typedef struct Watch Watch;

typedef void (*WatchChanged)(char **names, void *userdata);

Watch *watch_new(sd_event *event, WatchChanged changed, void *userdata);
Watch *watch_free(Watch *w);

/* Watches what this manifest wants watched, and nothing else. A folder that cannot be watched is said, and tried again at the next call. */
void watch_set(Watch *w, const Manifest *m);

/* Watches anew what was lost (a folder that went and came back) or leads elsewhere now (a flipped link). */
void watch_mend(Watch *w);

/* Tells this name, too: of a change that was found otherwise. */
void watch_tell(Watch *w, const char *name);

/* A folder is watched. */
bool watch_is_active(const Watch *w);
