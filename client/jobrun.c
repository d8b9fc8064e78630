/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job of the agent's from the call to the judgement. The waiting is jobwait.c's, the showing progress.c's;
 * this file tells how it ended: to a person, as JSON, and as an exit status. */

#include "client/jobrun.h"

#include "client/jobwait.h"
#include "client/progress.h"
#include "client/subject.h"
#include "client/waiting.h"
#include "client/when.h"
#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>
#include <string.h>

/* So many that wait are told what to do about. */
#define WAITING_TOLD 10

/* ---- Telling what went wrong ---- */

/* Its own words for its failure, or, when it is silent, the job's. */
static void tell_failure(const Client *client, sd_bus *bus, const char *subject, const char *job_message)
{
        g_autoptr(Subject) s = subject_get(bus, subject, /* ask= */ false, NULL, NULL);
        SubjectFailure failure = s ? subject_failure(s) : (SubjectFailure){ "", "", 0 };
        const Terminal *t = &client->terminal;
        const char *said = *failure.message ? failure.message : job_message;
        g_autofree char *name = terminal_clean(t, subject, false);
        g_autofree char *what = terminal_clean(t, said, false);
        g_autofree char *hint = terminal_clean(t, failure.hint, true);
        uint64_t now = now_realtime();

        fprintf(stderr, "%scertctl: %s: %s%s\n", style_on(t->colour_err, STYLE_BAD), name,
                *what ? what : "failed", style_off(t->colour_err, STYLE_BAD));
        if (*hint)
                fprintf(stderr, "%s\n", hint);
        if (failure.retry_at > now) {
                g_autofree char *when = when_relative(failure.retry_at, now);

                fprintf(stderr, "The agent tries again by itself %s.\n", when);
        }
}

static guint tell_failures(const Client *client, sd_bus *bus, GPtrArray *steps)
{
        guint failures = 0;

        fflush(stdout);
        for (guint i = 0; i < steps->len; i++) {
                const JobStep *step = steps->pdata[i];

                if (!g_str_equal(step->stage, "failed"))
                        continue;
                tell_failure(client, bus, step->name, step->message);
                failures++;
        }
        return failures;
}

/* Not a failure; but for some of them a person must do something now. */
static void tell_waiting(const Client *client, sd_bus *bus, GPtrArray *steps)
{
        guint told = 0;

        for (guint i = 0; i < steps->len && told < WAITING_TOLD; i++) {
                const JobStep *step = steps->pdata[i];
                g_autoptr(CertDetail) d =
                        g_str_equal(step->stage, "waiting") ? cert_detail_get(bus, step->name, NULL) : NULL;
                g_autofree char *advice = d ? waiting_advice(d) : NULL;

                if (!advice)
                        continue;
                waiting_print(client, d);
                told++;
        }
}

static ExitStatus tell_interrupted(const char *path)
{
        fflush(stdout);
        fprintf(stderr,
                "certctl: no longer waiting; job %s goes on in the agent. Follow it with: certctl watch\n",
                strrchr(path, '/') + 1);
        return EXIT_STATUS_INTERRUPTED;
}

/* ---- A job from call to judgement ---- */

static void print_json(const Client *client, const JobRun *run, const char *path, const char *result,
                       GPtrArray *steps)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);

        json_out_begin(j, NULL, '{');
        for (const char *const *fact = run->facts; fact && *fact; fact += 2)
                json_out_string(j, fact[0], fact[1]);
        json_out_string(j, "job", path);
        json_out_string(j, "result", result);
        json_out_begin(j, "certificates", '[');
        for (guint i = 0; steps && i < steps->len; i++) {
                const JobStep *step = steps->pdata[i];

                json_out_begin(j, NULL, '{');
                json_out_string(j, "name", step->name);
                json_out_string(j, "stage", step->stage);
                json_out_string(j, "message", step->message);
                json_out_end(j);
        }
        json_out_end(j);
        json_out_end(j);
        json_out_print(j);
}

static const char *end_to_string(JobEnd end)
{
        static const char *const names[_JOB_END_MAX] = {
                [JOB_END_DONE] = "done",
                [JOB_END_FAILED] = "failed",
                [JOB_END_CANCELED] = "canceled",
                [JOB_END_SKIPPED] = "skipped",
                [JOB_END_INTERRUPTED] = "interrupted",
        };

        return names[end];
}

static ExitStatus status_of_end(const Client *client, sd_bus *bus, const JobRun *run, const char *path,
                                JobEnd end, GPtrArray *steps)
{
        bool quiet = client->options.quiet || client->options.json != JSON_OFF;

        if (client->options.json != JSON_OFF)
                print_json(client, run, path, end_to_string(end), steps);
        switch (end) {
        case JOB_END_INTERRUPTED:
                return tell_interrupted(path);
        case JOB_END_SKIPPED:
                if (!quiet && steps->len == 0) { /* else each has said so */
                        if (run->nothing)
                                run->nothing(bus);
                        else
                                printf("There was nothing to do.\n");
                }
                return EXIT_STATUS_DONE;
        case JOB_END_DONE:
                if (!quiet)
                        tell_waiting(client, bus, steps);
                return tell_failures(client, bus, steps) > 0 ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
        case JOB_END_CANCELED:
                fprintf(stderr, "certctl: the job was canceled\n");
                return EXIT_STATUS_FAILED;
        default:
                if (tell_failures(client, bus, steps) == 0)
                        fprintf(stderr, "certctl: the job failed\nSee: journalctl -u cert-agent.service\n");
                return EXIT_STATUS_FAILED;
        }
}

ExitStatus job_run(const Client *client, sd_bus *bus, const JobRun *run, sd_bus_message *m)
{
        g_autoptr(Progress) progress = progress_new(client);
        g_autoptr(GError) error = NULL;
        g_autoptr(JobWait) wait = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        const char *path;
        JobEnd end;
        int r;

        if (!client->options.no_wait) {
                wait = job_wait_new(bus, progress_update, progress, &error);
                if (!wait)
                        return client_report(client, error);
        }
        if (!client_call_message(bus, &run->call, m, &reply, &error))
                return client_report(client, error);
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0) {
                client_bad_reply(r, run->call.what, &error);
                return client_report(client, error);
        }
        if (!wait) {
                if (client->options.json != JSON_OFF)
                        print_json(client, run, path, "", NULL);
                else if (!client->options.quiet)
                        printf("Job %s is at work. Follow it with: certctl watch\n", strrchr(path, '/') + 1);
                return EXIT_STATUS_DONE;
        }
        if (!job_wait_run(wait, path, &end, &error)) {
                g_clear_pointer(&progress, progress_free);
                return client_report(client, error);
        }
        g_clear_pointer(&progress, progress_free);
        return status_of_end(client, bus, run, path, end, job_wait_steps(wait));
}

ExitStatus job_join(const Client *client, sd_bus *bus, const char *name, const char *what,
                    const char *const *facts, void (*nothing)(sd_bus *bus))
{
        const JobRun run = { { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Renew", what, CALL_AUTHORISE },
                             facts,
                             nothing };
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GError) error = NULL;
        int r;

        if (!client_new_call(bus, &run.call, &m, &error))
                return client_report(client, error);
        r = sd_bus_message_append(m, "asa{sv}", 1, name, 0);
        if (r < 0) {
                client_bad_reply(r, run.call.what, &error);
                return client_report(client, error);
        }
        return job_run(client, bus, &run, m);
}
