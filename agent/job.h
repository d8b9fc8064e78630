/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <glib.h>
#include <stdbool.h>

/* A job: what a caller of the bus asked for and can follow. It holds how far each certificate has come, for
 * showing; the work itself is the pass's (agent/pass.h). */

typedef enum JobKind {
        JOB_KIND_RENEW,     /* named certificates, or all */
        JOB_KIND_RENEW_DUE, /* the timer's pass: what is due, retry times respected */
        JOB_KIND_ENSURE,    /* one certificate must be usable; no stopped unit is started */
        JOB_KIND_REPAIR,    /* a watched file changed */
        JOB_KIND_ROTATE,    /* an authority's rotation begins */
        JOB_KIND_RECREATE,  /* an authority is replaced at once */
        _JOB_KIND_MAX,
        _JOB_KIND_INVALID = -EINVAL,
} JobKind;

const char *job_kind_to_string(JobKind kind); /* "renew" "renew-due" "ensure" "repair" "rotate" "recreate" */
JobKind job_kind_from_string(const char *s);

/* How far a certificate has come in a job. */
typedef enum JobStage {
        JOB_STAGE_QUEUED,
        JOB_STAGE_ISSUING,
        JOB_STAGE_INSTALLING,
        JOB_STAGE_UNITS,
        JOB_STAGE_VERIFYING,
        JOB_STAGE_DONE,
        JOB_STAGE_WAITING, /* the issuer has not decided */
        JOB_STAGE_FAILED,
        JOB_STAGE_SKIPPED, /* there was nothing to do */
        _JOB_STAGE_MAX,
        _JOB_STAGE_INVALID = -EINVAL,
} JobStage;

const char *job_stage_to_string(JobStage stage);
JobStage job_stage_from_string(const char *s);

/* The certificate has come to its end in this job. */
bool job_stage_is_final(JobStage stage);

typedef enum JobResult {
        JOB_RESULT_NONE, /* still running */
        JOB_RESULT_DONE,
        JOB_RESULT_FAILED,
        JOB_RESULT_CANCELED,
        JOB_RESULT_SKIPPED,
        _JOB_RESULT_MAX,
        _JOB_RESULT_INVALID = -EINVAL,
} JobResult;

const char *job_result_to_string(JobResult result); /* "" for NONE */
JobResult job_result_from_string(const char *s);

typedef struct JobStep {
        char *name;
        JobStage stage;
        char *message; /* with FAILED and WAITING */
} JobStep;

typedef struct Job {
        unsigned id;
        JobKind kind;
        JobResult result; /* CANCELED already while what cannot be given up goes to its end */
        bool over;
        GPtrArray *steps; /* JobStep*, in the order in which they were added */
        GHashTable *by_name; /* name -> JobStep*, borrowed */
} Job;

Job *job_new(unsigned id, JobKind kind);
Job *job_free(Job *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_free)

/* Adds a certificate, queued; one that has been in the job before begins again. Borrowed. */
JobStep *job_add(Job *job, const char *name);
void job_step_set(JobStep *step, JobStage stage, const char *message);

/* The result that follows from the steps, once all are final: FAILED when one failed, DONE when one was done or
 * waits, else SKIPPED. Pure. */
JobResult job_conclude(const Job *job);
