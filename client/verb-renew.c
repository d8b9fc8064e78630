/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl renew` and `certctl ensure`: a job of the agent's is started, shown while it runs, and judged. */

#include "client/certificate.h"
#include "client/connect.h"
#include "client/jobwait.h"
#include "client/progress.h"
#include "client/when.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>
#include <string.h>

/* ---- Telling what went wrong ---- */

/* A certificate's own words for its failure: from its properties, or, when they are silent, from the job's.
 */
static void tell_failure(const Client *client, sd_bus *bus, const char *certificate, const char *job_message)
{
        g_autoptr(CertDetail) d = cert_detail_get(bus, certificate, NULL);
        const Terminal *t = &client->terminal;
        const char *said = d && *d->last_error ? d->last_error : job_message;
        g_autofree char *name = terminal_clean(t, certificate, false);
        g_autofree char *what = terminal_clean(t, said, false);
        g_autofree char *hint = terminal_clean(t, d ? d->hint : "", true);
        uint64_t now = now_realtime();

        fprintf(stderr, "%scertctl: %s: %s%s\n", style_on(t->colour_err, STYLE_BAD), name,
                *what ? what : "failed", style_off(t->colour_err, STYLE_BAD));
        if (*hint)
                fprintf(stderr, "%s\n", hint);
        if (d && d->retry_at > now) {
                g_autofree char *when = when_relative(d->retry_at, now);

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

static ExitStatus tell_interrupted(const char *path)
{
        fflush(stdout);
        fprintf(stderr,
                "certctl: no longer waiting; job %s goes on in the agent. Follow it with: certctl watch\n",
                strrchr(path, '/') + 1);
        return EXIT_STATUS_INTERRUPTED;
}

/* ---- A job from call to judgement ---- */

static void print_json(const Client *client, const char *path, const char *result, GPtrArray *steps)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);

        json_out_begin(j, NULL, '{');
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

static ExitStatus status_of_end(const Client *client, sd_bus *bus, const char *path, JobEnd end,
                                GPtrArray *steps)
{
        bool quiet = client->options.quiet || client->options.json != JSON_OFF;

        if (client->options.json != JSON_OFF)
                print_json(client, path, end_to_string(end), steps);
        switch (end) {
        case JOB_END_INTERRUPTED:
                return tell_interrupted(path);
        case JOB_END_SKIPPED:
                if (!quiet && steps->len == 0) /* else each has said so */
                        printf("There was nothing to do.\n");
                return EXIT_STATUS_DONE;
        case JOB_END_DONE:
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

/* Sends `m`, whose reply is the path of a job, and waits for the job's end unless --no-wait was given. */
static ExitStatus run_job(const Client *client, sd_bus *bus, const Call *call, sd_bus_message *m)
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
        if (!client_call_message(bus, call, m, &reply, &error))
                return client_report(client, error);
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0) {
                client_bad_reply(r, call->what, &error);
                return client_report(client, error);
        }
        if (!wait) {
                if (client->options.json != JSON_OFF)
                        print_json(client, path, "", NULL);
                else if (!client->options.quiet)
                        printf("Job %s is at work. Follow it with: certctl watch\n", strrchr(path, '/') + 1);
                return EXIT_STATUS_DONE;
        }
        if (!job_wait_run(wait, path, &end, &error)) {
                g_clear_pointer(&progress, progress_free);
                return client_report(client, error);
        }
        g_clear_pointer(&progress, progress_free);
        return status_of_end(client, bus, path, end, job_wait_steps(wait));
}

/* ---- renew ---- */

static bool build_renew(const Client *client, sd_bus *bus, const Call *call, char **names,
                        sd_bus_message **ret_message, GError **error)
{
        int r;

        if (!client_new_call(bus, call, ret_message, error))
                return false;
        if (client->options.due)
                return true;
        r = sd_bus_message_append_strv(*ret_message, names);
        if (r >= 0)
                r = sd_bus_message_append(*ret_message, "a{sv}", 1, "force", "b",
                                          (int) client->options.force);
        return r >= 0 || client_bad_reply(r, call->what, error);
}

/* For cert-renew.service: the pass may have had nothing to do because the troubled ones wait for their next
 * try; the service must stay failed as long as something is wrong. */
static ExitStatus judge_all(const Client *client, sd_bus *bus)
{
        g_autoptr(GString) names = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        g_auto(CertList) list = {};
        uint64_t now = now_realtime();

        if (!cert_list_get(bus, &list, &error))
                return client_report(client, error);
        for (guint i = 0; i < list.rows->len; i++) {
                const CertRow *row = &g_array_index(list.rows, CertRow, i);

                if (cert_row_is_trouble(row, now))
                        g_string_append_printf(names, "%s%s (%s)", names->len ? ", " : "", row->name,
                                               cert_row_word(row, now));
        }
        if (names->len > 0) {
                g_autofree char *text = terminal_clean(&client->terminal, names->str, false);

                fprintf(stderr, "certctl: not as they should be: %s\nSee: certctl status\n", text);
        }
        return names->len > 0 ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
}

static ExitStatus check_renew_arguments(const Options *o, char **names)
{
        int ways = (*names != NULL) + o->all + o->due;

        if (ways == 0)
                return client_usage(
                        "say what to renew: certctl renew NAME..., or --due for what is due, or --all");
        if (ways > 1)
                return client_usage("NAME, --all and --due exclude each other");
        if (o->due && o->force)
                return client_usage(
                        "--due renews what is due; to renew the others as well: certctl renew --all --force");
        return EXIT_STATUS_DONE;
}

ExitStatus verb_renew(const Client *client, char **arguments)
{
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, client->options.due ? "RenewDue" : "Renew",
                            "renewing", CALL_AUTHORISE };
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status = check_renew_arguments(&client->options, arguments);

        if (status != EXIT_STATUS_DONE)
                return status;
        if (!client_connect(client, &bus, &error) || !build_renew(client, bus, &call, arguments, &m, &error))
                return client_report(client, error);
        status = run_job(client, bus, &call, m);
        if (status == EXIT_STATUS_DONE && client->options.due && !client->options.no_wait)
                status = judge_all(client, bus);
        return status;
}

/* ---- ensure ---- */

/* A job that failed does not yet mean that there is no certificate: a renewal may fail for weeks while the
 * old one serves well, and a machine that boots then must start its services. The facts decide. */
ExitStatus verb_ensure(const Client *client, char **arguments)
{
        const char *name = arguments[0];
        g_autofree char *what = g_strdup_printf("making sure of \"%s\"", name);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Ensure", what, CALL_AUTHORISE };
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(CertDetail) d = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status;

        if (!client_connect(client, &bus, &error) || !client_new_call(bus, &call, &m, &error))
                return client_report(client, error);
        if (sd_bus_message_append(m, "s", name) < 0)
                return client_usage("\"%s\" is no name of a certificate", name);
        status = run_job(client, bus, &call, m);
        if ((status != EXIT_STATUS_DONE && status != EXIT_STATUS_FAILED) || client->options.no_wait)
                return status;
        d = cert_detail_get(bus, name, &error);
        if (!d)
                return client_report(client, error);
        if (cert_detail_is_usable(d, now_realtime()))
                return EXIT_STATUS_DONE;
        if (status == EXIT_STATUS_DONE) {
                g_autofree char *state = terminal_clean(&client->terminal, d->state, false);

                fprintf(stderr,
                        "certctl: %s has no usable certificate yet; its state is %s\nSee: certctl status "
                        "%s\n",
                        name, state, name);
        }
        return EXIT_STATUS_FAILED;
}
