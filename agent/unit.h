/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <systemd/sd-bus.h>

/* Units: jobs of systemd's Manager over D-Bus, awaited with a time limit. One UnitManager for the agent holds
 * the connection, the JobRemoved match and all that is outstanding. */

typedef struct UnitManager UnitManager;
typedef struct UnitJob UnitJob;

typedef enum UnitOutcome {
        UNIT_DONE,     /* the job is done and the unit is as well as before */
        UNIT_INACTIVE, /* not running, so there was nothing to tell; not an error */
        UNIT_FAILED,   /* error says why, with the unit's own last lines */
        UNIT_TIMED_OUT, /* the job did not end in our time; it is left to systemd; error */
        UNIT_UNABLE,   /* not told: its user cannot read the files (agent/unit-access.h); error; going back makes nothing better */
        UNIT_GONE,     /* masked, not found, bad unit file: error; going back makes nothing better */
} UnitOutcome;

typedef struct UnitResult {
        UnitOutcome outcome;
        const GError *error; /* UNIT_FAILED: "job for nginx.service failed: …"; the hint names the commands */
} UnitResult;

/* Called exactly once from the event loop, never from within unit_job_start(). The job is gone afterwards. */
typedef void (*UnitDone)(const char *unit, const UnitResult *result, void *userdata);

/* `bus` may be NULL: no systemd is there (every job then fails with a clear error). */
UnitManager *unit_manager_new(sd_event *event, sd_bus *bus);
UnitManager *unit_manager_free(UnitManager *m);
unsigned unit_manager_active(const UnitManager *m);

/* Asks for the action and awaits it; after "done" reads ActiveState, Result and ReloadResult. A failed reload
 * is never turned into a restart. `timeout_usec`: 0 for the default, 90 s + the job's own limits. */
UnitJob *unit_job_start(UnitManager *m, const UnitRef *ref, uint64_t timeout_usec, UnitDone done, void *userdata);
UnitJob *unit_job_discard(UnitJob *j);

/* Units that follow cert@NAME.service (its PropagatesReloadTo). `units` are names; empty when none or unknown. */
typedef void (*UnitFollowers)(const char *name, char **units, void *userdata);
UnitJob *unit_followers_start(UnitManager *m, const char *name, UnitFollowers done, void *userdata);
