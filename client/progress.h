/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/jobwait.h"

/* A job's progress, shown while it runs: on a terminal a line per certificate that changes in place, else a
 * line per change. */

typedef struct Progress Progress;

Progress *progress_new(const Client *client);
Progress *progress_free(Progress *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)

/* A JobProgressFunction; `userdata` is the Progress. */
void progress_update(GPtrArray *steps, void *userdata);

/* A stage after which nothing more comes for this certificate. */
bool stage_is_final(const char *stage);
