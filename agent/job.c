/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job: kinds, stages and results by name, and how far each certificate has come. */

#include "agent/job.h"

#include "common/enum-table.h"

static const char *const kinds[_JOB_KIND_MAX] = {
        [JOB_KIND_RENEW] = "renew",
        [JOB_KIND_RENEW_DUE] = "renew-due",
        [JOB_KIND_ENSURE] = "ensure",
        [JOB_KIND_REPAIR] = "repair",
        [JOB_KIND_ROTATE] = "rotate",
        [JOB_KIND_RECREATE] = "recreate",
};

static const char *const stages[_JOB_STAGE_MAX] = {
        [JOB_STAGE_QUEUED] = "queued",       [JOB_STAGE_ISSUING] = "issuing",
        [JOB_STAGE_INSTALLING] = "installing", [JOB_STAGE_UNITS] = "units",
        [JOB_STAGE_VERIFYING] = "verifying", [JOB_STAGE_DONE] = "done",
        [JOB_STAGE_WAITING] = "waiting",     [JOB_STAGE_FAILED] = "failed",
        [JOB_STAGE_SKIPPED] = "skipped",
};

static const char *const results[_JOB_RESULT_MAX] = {
        [JOB_RESULT_NONE] = "",
        [JOB_RESULT_DONE] = "done",
        [JOB_RESULT_FAILED] = "failed",
        [JOB_RESULT_CANCELED] = "canceled",
        [JOB_RESULT_SKIPPED] = "skipped",
};

ENUM_TABLE(job_kind, JobKind, kinds, _JOB_KIND_MAX, _JOB_KIND_INVALID)
ENUM_TABLE(job_stage, JobStage, stages, _JOB_STAGE_MAX, _JOB_STAGE_INVALID)
ENUM_TABLE(job_result, JobResult, results, _JOB_RESULT_MAX, _JOB_RESULT_INVALID)

bool job_stage_is_final(JobStage stage)
{
        return stage == JOB_STAGE_DONE || stage == JOB_STAGE_WAITING || stage == JOB_STAGE_FAILED ||
               stage == JOB_STAGE_SKIPPED;
}

static void job_step_free(gpointer data)
{
        JobStep *step = data;

        g_free(step->name);
        g_free(step->message);
        g_free(step);
}

Job *job_new(unsigned id, JobKind kind)
{
        Job *job = g_new0(Job, 1);

        job->id = id;
        job->kind = kind;
        job->steps = g_ptr_array_new_with_free_func(job_step_free);
        job->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        return job;
}

Job *job_free(Job *job)
{
        if (!job)
                return NULL;
        g_hash_table_unref(job->by_name);
        g_ptr_array_unref(job->steps);
        g_free(job);
        return NULL;
}

JobStep *job_add(Job *job, const char *name)
{
        JobStep *step = g_hash_table_lookup(job->by_name, name);

        if (step) {
                job_step_set(step, JOB_STAGE_QUEUED, NULL);
                return step;
        }
        step = g_new0(JobStep, 1);
        step->name = g_strdup(name);
        g_ptr_array_add(job->steps, step);
        g_hash_table_insert(job->by_name, step->name, step);
        return step;
}

void job_step_set(JobStep *step, JobStage stage, const char *message)
{
        step->stage = stage;
        g_free(step->message);
        step->message = g_strdup(message);
}

JobResult job_conclude(const Job *job)
{
        JobResult result = JOB_RESULT_SKIPPED;

        for (guint i = 0; i < job->steps->len; i++) {
                const JobStep *step = g_ptr_array_index(job->steps, i);

                if (step->stage == JOB_STAGE_FAILED)
                        return JOB_RESULT_FAILED;
                if (step->stage != JOB_STAGE_SKIPPED)
                        result = JOB_RESULT_DONE;
        }
        return result;
}
