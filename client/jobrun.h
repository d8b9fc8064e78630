/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/connect.h"

/* A job of the agent's from the call to the judgement: started, shown while it runs, and what went wrong
 * told. */

typedef struct JobRun {
        Call call;                /* its reply is the path of the job */
        const char *const *facts; /* further members of the JSON object, key and value in turn, NULL at the
                                     end; or NULL */
        void (*nothing)(
                sd_bus *bus); /* says why there was nothing to do; NULL: that there was not says all */
} JobRun;

/* For the certificate `name` the agent has started a job already, as Revoke and Import do: this joins it.
 * `what` says what it does; the others are as in JobRun. */
ExitStatus job_join(const Client *client, sd_bus *bus, const char *name, const char *what,
                    const char *const *facts, void (*nothing)(sd_bus *bus));

/* Sends `m` and waits for the job's end unless --no-wait was given. */
ExitStatus job_run(const Client *client, sd_bus *bus, const JobRun *run, sd_bus_message *m);
