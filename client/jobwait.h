/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"
#include "client/property.h"

#include <errno.h>

/* Waiting for a job of the agent's. */

typedef struct JobWait JobWait;

/* Called with all steps (JobStep*, borrowed) whenever they changed. */
typedef void (*JobProgressFunction)(GPtrArray *steps, void *userdata);

/* Listens from now on: made before the call that makes the job, so that no end of a job is missed. `bus` must
 * outlive it. */
JobWait *job_wait_new(sd_bus *bus, JobProgressFunction progress, void *userdata, GError **error);
JobWait *job_wait_free(JobWait *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JobWait, job_wait_free)

typedef enum JobEnd {
        JOB_END_DONE,
        JOB_END_FAILED,
        JOB_END_CANCELED,
        JOB_END_SKIPPED,     /* there was nothing to do */
        JOB_END_INTERRUPTED, /* SIGINT or SIGTERM: the job goes on without us */
        _JOB_END_MAX,
        _JOB_END_INVALID = -EINVAL,
} JobEnd;

/* Waits for the job at object `path`. Fails when the agent goes away before it said how the job ended. */
bool job_wait_run(JobWait *w, const char *path, JobEnd *ret_end, GError **error);

/* The last steps heard of; borrowed. */
GPtrArray *job_wait_steps(const JobWait *w);
