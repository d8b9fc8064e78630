/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fake-agent: serves the agent's D-Bus interfaces with scripted certificates and jobs, so that each thing
 * certctl must be able to show and to survive can be had at will: failures, refusals, hostile text, jobs that
 * end before they are looked at, an agent that dies. It issues nothing.
 *
 *   fake-agent [--count=N] [--good] [--refuse] [--deny] [--job=done|failed|skipped|waiting|canceled|gone|die|slow]
 *              [--socket=PATH] [--trust] [--old] [--mute] [--late=DAYS]
 *              [--request=FILE] [--answer=FILE] [--wrong-answer] [--findings=N]
 *
 * --trust gives it authorities and bundles (with --good those that are in order), --old makes it an agent
 * that is older than these, --mute lets no authority's process answer,
 * --request gives it certificates that wait for an answer by hand, and FILE is their request; --answer lets it sign, and FILE
 * is what it signed; --wrong-answer lets it refuse what is imported,
 * --findings gives it Diagnose, which has so many for web and hostile text in the last (-1: it is refused),
 * --late lets rotations be 1,000 days late, with so many days left.
 *
 * It prints "ready" when it can be called. */

#include "fake-agent.h"

#include "common/names.h"
#include "common/peer.h"
#include "common/timespan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STEP_USEC (30 * USEC_PER_MSEC)
#define JOB_PATH  CERT_BUS_JOB_PATH "/7"

static const FakeCert scripted[] = {
        { "web", "valid", "", "", "", 80 * 86400 + 30, 50 * 86400 + 30 },
        { "mail",
          "failed",
          "IssuerRefused",
          "the issuer \"site\" refused the name mail.example.org",
          "Add the name to the issuer's policy.",
          20 * 86400 + 30,
          -86400,
          { "expiring" } },
        { "db", "due", "", "", "", 0, -1, { "missing-cert", "missing-key" } },
        { "api", "blocked", "KeyStorage", "the token is locked", "Unlock it, then: certctl renew api",
          90 * 86400, 1 },
        { "edge",
          "degraded",
          "NotServing",
          HOSTILE,
          HOSTILE,
          90 * 86400,
          60 * 86400,
          { "unit-not-serving" } },
        { "slow", "waiting", "", "", "", 9 * 86400, 8 * 86400 },
        { "gone", "valid", "", "", "", -86400, -2 * 86400, { "expired" } },
        { "b\303\274cher \346\227\245\346\234\254", "valid", "", "", "", 80 * 86400, 50 * 86400 },
};

Fake fake;

/* ---- Certificates ---- */

uint64_t from_now(int64_t seconds)
{
        return seconds == 0 ? 0 : (uint64_t) ((int64_t) now_realtime() + seconds * (int64_t) USEC_PER_SEC);
}

const FakeCert *find(const char *name)
{
        for (guint i = 0; i < fake.certs->len; i++)
                if (g_str_equal(((FakeCert *) fake.certs->pdata[i])->name, name))
                        return fake.certs->pdata[i];
        return NULL;
}

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                       sd_bus_error *ret_error)
{
        g_autofree char *name = NULL;

        if (sd_bus_path_decode(path, CERT_BUS_CERTIFICATE_PATH, &name) <= 0)
                return 0;
        *ret = (void *) find(name);
        return *ret != NULL;
}

/* A request that waits for a person is never asked for again: there is no time, or one that never comes. */
static uint64_t next_renewal(const FakeCert *c)
{
        if (is_waiting_by_hand(c))
                return g_str_equal(c->name, "late") ? UINT64_MAX : 0;
        return from_now(c->renewal_sec);
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const FakeCert *c = userdata;
        const struct {
                const char *name, *value;
        } strings[] = {
                { "Name", c->name },
                { "CommonName", "www.example.org" },
                { "Issuer", "site" },
                { "State", fake.imported ? "valid" : c->state },
                { "SerialNumber", fake.revoked || fake.imported ? "77" : "01:02:0a" },
                { "Fingerprint", fake.imported ? "beef" : "abcd" },
                { "LastError", c->message },
                { "Hint", c->hint },
                { "Served", "abcd" },
                { "CertPath", "/etc/x.pem" },
                { "KeyPath", "/etc/x.key" },
                { "KeyType", "ecdsa-p256" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
                if (g_str_equal(property, strings[i].name))
                        return sd_bus_message_append(reply, "s", strings[i].value);
        if (g_str_equal(property, "Reasons"))
                return sd_bus_message_append_strv(reply, (char **) c->reasons);
        if (g_str_equal(property, "SubjectAltNames"))
                return sd_bus_message_append(reply, "as", 2, "www.example.org", "ip:192.0.2.1");
        if (g_str_equal(property, "Units"))
                return sd_bus_message_append(reply, "as", 1, "nginx.service");
        if (g_str_equal(property, "NotAfter"))
                return sd_bus_message_append(reply, "t", from_now(c->expires_sec));
        if (g_str_equal(property, "NextRenewal"))
                return sd_bus_message_append(reply, "t", next_renewal(c));
        if (g_str_equal(property, "RequestedAt"))
                return sd_bus_message_append(reply, "t", requested_at(c));
        if (g_str_equal(property, "RetryAt"))
                return sd_bus_message_append(reply, "t", from_now(*c->error ? 3600 : 0));
        if (g_str_equal(property, "History"))
                return sd_bus_message_append(reply, "a(tssss)", 1, from_now(-60), "renewed", "forced",
                                             "01:02:0a", HOSTILE);
        if (g_str_equal(property, "FailureCount") || g_str_equal(property, "Generation"))
                return sd_bus_message_append(reply, "u", *c->error ? 3 : 0);
        return sd_bus_message_append(reply, "t", from_now(-86400));
}

#define STRING_PROPERTY(name) SD_BUS_PROPERTY(name, "s", get_property, 0, 0)
#define TIME_PROPERTY(name)   SD_BUS_PROPERTY(name, "t", get_property, 0, 0)

static const sd_bus_vtable certificate_vtable[] = {
        SD_BUS_VTABLE_START(0),
        STRING_PROPERTY("Name"),
        STRING_PROPERTY("CommonName"),
        SD_BUS_PROPERTY("SubjectAltNames", "as", get_property, 0, 0),
        STRING_PROPERTY("Issuer"),
        STRING_PROPERTY("State"),
        SD_BUS_PROPERTY("Reasons", "as", get_property, 0, 0),
        STRING_PROPERTY("SerialNumber"),
        STRING_PROPERTY("Fingerprint"),
        TIME_PROPERTY("NotBefore"),
        TIME_PROPERTY("NotAfter"),
        TIME_PROPERTY("NextRenewal"),
        TIME_PROPERTY("LastRenewal"),
        STRING_PROPERTY("LastError"),
        STRING_PROPERTY("Hint"),
        TIME_PROPERTY("RetryAt"),
        TIME_PROPERTY("RequestedAt"),
        SD_BUS_PROPERTY("FailureCount", "u", get_property, 0, 0),
        SD_BUS_PROPERTY("Units", "as", get_property, 0, 0),
        STRING_PROPERTY("Served"),
        STRING_PROPERTY("CertPath"),
        STRING_PROPERTY("KeyPath"),
        STRING_PROPERTY("KeyType"),
        SD_BUS_PROPERTY("Generation", "u", get_property, 0, 0),
        SD_BUS_PROPERTY("History", "a(tssss)", get_property, 0, 0),
        SD_BUS_VTABLE_END,
};

/* ---- The job ---- */

static const char *stage(void)
{
        static const char *const stages[] = { "queued", "issuing", "installing", "units", "verifying" };

        if (fake.step < G_N_ELEMENTS(stages))
                return stages[fake.step];
        return g_str_equal(fake.job, "failed")    ? "failed"
               : g_str_equal(fake.job, "skipped") ? "skipped"
               : g_str_equal(fake.job, "waiting") ? "waiting"
                                                  : "done";
}

static bool is_over(void)
{
        return fake.step >= 5;
}

static const char *result(void)
{
        static const char *const done[] = { "slow", "gone", "waiting", NULL };

        return g_strv_contains(done, fake.job) ? "done" : fake.job;
}

static int get_job_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        int r;

        if (g_str_equal(property, "Id"))
                return sd_bus_message_append(reply, "u", 7);
        if (g_str_equal(property, "Kind"))
                return sd_bus_message_append(reply, "s", "renew");
        if (g_str_equal(property, "State"))
                return sd_bus_message_append(reply, "s", is_over() ? "finished" : "running");
        if (g_str_equal(property, "Result"))
                return sd_bus_message_append(reply, "s", is_over() ? result() : "");
        r = sd_bus_message_open_container(reply, 'a', "(sss)");
        for (char **n = fake.names; r >= 0 && n && *n; n++)
                r = sd_bus_message_append(reply, "(sss)", *n, stage(),
                                          g_str_equal(stage(), "failed") ? "the issuer refused" : "");
        return r >= 0 ? sd_bus_message_close_container(reply) : r;
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", get_job_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Kind", "s", get_job_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_job_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Progress", "a(sss)", get_job_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Result", "s", get_job_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                    sd_bus_error *ret_error)
{
        *ret = userdata;
        return fake.job_exists && g_str_equal(path, JOB_PATH);
}

static void emit_removed(void)
{
        (void) sd_bus_emit_signal(fake.bus, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "JobRemoved", "uos", 7,
                                  JOB_PATH, result());
}

static int on_step(sd_event_source *s, uint64_t usec, void *userdata)
{
        fake.step++;
        if (g_str_equal(fake.job, "die") && fake.step == 2)
                return sd_event_exit(fake.event, 0);
        (void) sd_bus_emit_properties_changed(fake.bus, JOB_PATH, CERT_INTERFACE_JOB, "Progress", NULL);
        if (is_over()) {
                (void) sd_bus_emit_properties_changed(fake.bus, JOB_PATH, CERT_INTERFACE_JOB, "State",
                                                      "Result", NULL);
                emit_removed();
                return 0;
        }
        (void) sd_event_source_set_time_relative(s, g_str_equal(fake.job, "slow") ? USEC_PER_SEC : STEP_USEC);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int denied(sd_bus_message *m)
{
        return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_ACCESS_DENIED, "Permission denied");
}

int start_job(sd_bus_message *m, char **names)
{
        g_strfreev(fake.names);
        fake.names = names;
        fake.bus = sd_bus_message_get_bus(m);
        fake.step = 0;
        if (fake.deny)
                return denied(m);
        if (g_str_equal(fake.job, "gone")) {
                fake.job_exists = false;
                emit_removed();
        } else {
                fake.job_exists = true;
                (void) sd_bus_emit_signal(fake.bus, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "JobNew", "uos", 7,
                                          JOB_PATH, "renew");
                fake.timer = sd_event_source_unref(fake.timer);
                (void) sd_event_add_time_relative(fake.event, &fake.timer, CLOCK_MONOTONIC, STEP_USEC, 0,
                                                  on_step, NULL);
        }
        return sd_bus_reply_method_return(m, "o", JOB_PATH);
}

/* ---- The manager ---- */

int no_such(sd_bus_message *m, const char *name)
{
        return sd_bus_reply_method_errorf(
                m, CERT_ERROR_PREFIX "NoSuchCertificate",
                "there is no certificate \"%s\"\nSee the names that there are with: "
                "certctl status",
                name);
}

static int method_list(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssstts)");
        for (guint i = 0; r >= 0 && i < fake.certs->len; i++) {
                const FakeCert *c = fake.certs->pdata[i];

                r = sd_bus_message_append(reply, "(ssstts)", c->name, c->state, "site",
                                          from_now(c->expires_sec), next_renewal(c), c->error);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_get(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autofree char *path = NULL;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!find(name))
                return no_such(m, name);
        r = sd_bus_path_encode(CERT_BUS_CERTIFICATE_PATH, name, &path);
        return r < 0 ? r : sd_bus_reply_method_return(m, "o", path);
}

static int method_renew(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(GStrv) names = NULL;
        int r = sd_bus_message_read_strv(m, &names);

        if (r < 0)
                return r;
        for (char **n = names; n && *n; n++)
                if (!find(*n))
                        return no_such(m, *n);
        return start_job(m, g_strdupv(names));
}

static int method_renew_due(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return start_job(m, g_new0(char *, 1));
}

static int method_ensure(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);
        const char *names[] = { NULL, NULL };

        if (r < 0)
                return r;
        names[0] = name;
        return find(name) ? start_job(m, g_strdupv((char **) names)) : no_such(m, name);
}

static bool is_to_be_issued(const FakeCert *c)
{
        return c->reasons[0] && !is_waiting_by_hand(c);
}

static int method_plan(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(GStrv) names = NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_read_strv(m, &names);

        for (char **n = names; r >= 0 && n && *n; n++)
                if (!find(*n))
                        return no_such(m, *n);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssast)");
        if (r >= 0 && (!names || !*names))
                r = append_trust_plan(reply);
        for (guint i = 0; r >= 0 && i < fake.certs->len; i++) {
                const FakeCert *c = fake.certs->pdata[i];

                if (!names || !*names || g_strv_contains((const char *const *) names, c->name))
                        r = append_plan(reply, c->name, is_to_be_issued(c) ? "issue" : "none", c->reasons,
                                        next_renewal(c));
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        if (fake.refuse)
                return sd_bus_reply_method_errorf(
                        m, CERT_ERROR_PREFIX "ManifestInvalid",
                        "the manifest has 2 problems\nCorrect them, then: certctl reload");
        (void) sd_bus_emit_signal(sd_bus_message_get_bus(m), CERT_BUS_PATH, CERT_INTERFACE_MANAGER,
                                  "ManifestReloaded", "s", "beef");
        return sd_bus_reply_method_return(m, NULL);
}

static int get_problems(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        if (!fake.refuse)
                return sd_bus_message_append(reply, "as", 0);
        return sd_bus_message_append(reply, "as", 2,
                                     "/etc/cert-agent/manifest.json:3: issuers: unknown key \"sitee\"",
                                     "/etc/cert-agent/manifest.json:9: certificates.web: " HOSTILE);
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("ListCertificates", "", "a(ssstts)", method_list, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetCertificate", "s", "o", method_get, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Renew", "asa{sv}", "o", method_renew, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RenewDue", "", "o", method_renew_due, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Plan", "as", "a(ssast)", method_plan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Ensure", "s", "o", method_ensure, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", "", "", method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("JobNew", "uos", 0),
        SD_BUS_SIGNAL("JobRemoved", "uos", 0),
        SD_BUS_SIGNAL("ManifestReloaded", "s", 0),
        SD_BUS_PROPERTY("ManifestProblems", "as", get_problems, 0, 0),
        SD_BUS_VTABLE_END,
};

/* ---- Serving ---- */

static int method_diagnose(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        sd_bus_message *reply = NULL;
        int r;

        if (fake.findings < 0)
                return sd_bus_reply_method_errorf(m, CERT_ERROR_PREFIX "Busy", "64 callers wait for an audit already");
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        for (int i = 0; r >= 0 && i < fake.findings; i++)
                r = sd_bus_message_append(reply, "(ssss)", "web", "key-readable", i + 1 < fake.findings ? "All can read it" : HOSTILE,
                                          "Run: chmod o= /etc/x.key");
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static const sd_bus_vtable diagnose_vtable[] = {
        SD_BUS_METHOD("Diagnose", "as", "a(ssss)", method_diagnose, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void append_methods(GArray *all, const sd_bus_vtable *methods)
{
        for (; methods->type != _SD_BUS_VTABLE_END; methods++)
                g_array_append_vals(all, methods, 1);
}

/* All of the interface, or as much of it as an agent has that is older than authorities. Lives as long as the
 * bus. */
static const sd_bus_vtable *vtable(void)
{
        static const sd_bus_vtable end[] = { SD_BUS_VTABLE_END };
        GArray *all = g_array_new(FALSE, FALSE, sizeof(sd_bus_vtable));

        if (fake.old)
                return manager_vtable;
        append_methods(all, manager_vtable);
        append_methods(all, trust_vtable);
        append_methods(all, request_vtable);
        if (fake.findings != 0)
                append_methods(all, diagnose_vtable);
        g_array_append_vals(all, end, 1);
        return (const sd_bus_vtable *) (void *) g_array_free(all, FALSE);
}

static int add_objects(sd_bus *bus)
{
        int r = sd_bus_add_object_vtable(bus, NULL, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, vtable(), NULL);

        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, CERT_BUS_CERTIFICATE_PATH,
                                               CERT_INTERFACE_CERTIFICATE, certificate_vtable, find_object,
                                               NULL);
        return r >= 0 ? sd_bus_add_fallback_vtable(bus, NULL, CERT_BUS_JOB_PATH, CERT_INTERFACE_JOB,
                                                   job_vtable, find_job, NULL)
                      : r;
}

static int on_connection(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        sd_bus *bus;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        /* The connection stays until the program ends. */
        if (peer >= 0 && peer_serve(fake.event, peer, CERT_BUS_NAME, &bus, NULL))
                return add_objects(bus);
        return 0;
}

static int listen_on(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, 8) < 0)
                return -errno;
        return sd_event_add_io(fake.event, NULL, fd, EPOLLIN, on_connection, NULL);
}

static int serve_system_bus(void)
{
        sd_bus *bus;
        int r = sd_bus_open_system(&bus);

        if (r >= 0)
                r = sd_bus_attach_event(bus, fake.event, 0);
        if (r >= 0)
                r = add_objects(bus);
        return r >= 0 ? sd_bus_request_name(bus, CERT_BUS_NAME, 0) : r;
}

static void fill(unsigned count, bool good)
{
        fake.certs = g_ptr_array_new();
        for (size_t i = 0; i < G_N_ELEMENTS(scripted) && count == 0; i++)
                if (!good || i == 0)
                        g_ptr_array_add(fake.certs, (void *) &scripted[i]);
        for (unsigned i = 0; i < count; i++) {
                FakeCert *c = g_memdup2(&scripted[good ? 0 : i % 7], sizeof(FakeCert));

                c->name = g_strdup_printf("cert-%05u", i);
                g_ptr_array_add(fake.certs, c);
        }
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "count", required_argument, NULL, 'c' },
                { "good", no_argument, NULL, 'g' },
                { "refuse", no_argument, NULL, 'r' },
                { "deny", no_argument, NULL, 'd' },
                { "job", required_argument, NULL, 'j' },
                { "socket", required_argument, NULL, 's' },
                { "trust", no_argument, NULL, 't' },
                { "old", no_argument, NULL, 'o' },
                { "late", required_argument, NULL, 'l' },
                { "mute", no_argument, NULL, 'm' },
                { "request", required_argument, NULL, 'R' },
                { "answer", required_argument, NULL, 'A' },
                { "wrong-answer", no_argument, NULL, 'W' },
                { "findings", required_argument, NULL, 'f' },
                { NULL, 0, NULL, 0 },
        };
        const char *path = NULL;
        unsigned count = 0;
        bool good = false, trust = false;
        int c, r;

        fake.job = "done";
        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        count = (unsigned) g_ascii_strtoull(optarg, NULL, 10);
                        break;
                case 'g':
                        good = true;
                        break;
                case 'r':
                        fake.refuse = true;
                        break;
                case 'd':
                        fake.deny = true;
                        break;
                case 'j':
                        fake.job = optarg;
                        break;
                case 's':
                        path = optarg;
                        break;
                case 't':
                        trust = true;
                        break;
                case 'o':
                        fake.old = true;
                        break;
                case 'l':
                        fake.late = atoi(optarg);
                        break;
                case 'm':
                        fake.mute = true;
                        break;
                case 'R':
                        fake.request = optarg;
                        break;
                case 'A':
                        fake.answer = optarg;
                        break;
                case 'f':
                        fake.findings = atoi(optarg);
                        break;
                case 'W':
                        fake.wrong_answer = true;
                        break;
                default:
                        return 2;
                }
        fill(count, good);
        fill_requests();
        fill_trust(trust, good);
        r = sd_event_new(&fake.event);
        if (r >= 0)
                r = path ? listen_on(path) : serve_system_bus();
        if (r < 0) {
                fprintf(stderr, "fake-agent: %s\n", g_strerror(-r));
                return 1;
        }
        puts("ready");
        fflush(stdout);
        return sd_event_loop(fake.event) < 0;
}
