/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bus: connections, and telling all of them what changed. Progress of a job is told at most every 50 ms. */

#include "agent/bus.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/peer.h"
#include "common/timespan.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REASON_MAX 64 /* characters */
#define PEERS_MAX 64
#define PROGRESS_USEC (50 * USEC_PER_MSEC)

struct Bus {
        Agent *agent;
        sd_event *event;
        Polkit *polkit;
        sd_bus *system_bus;
        GPtrArray *connections; /* sd_bus*, the system bus among them */
        GPtrArray *listeners;   /* sd_event_source* */
        unsigned peers;
        uint64_t activity;
        GHashTable *progressed; /* set of job ids whose progress was not told yet */
        sd_event_source *progress_timer;
};

static void connection_unref(gpointer data)
{
        sd_bus_flush_close_unref(data);
}

static void source_unref(gpointer data)
{
        sd_event_source_disable_unref(data);
}

static void note_activity(Bus *b)
{
        (void) sd_event_now(b->event, CLOCK_MONOTONIC, &b->activity);
}

/* ---- What changed, told to all ---- */

static void emit_job(Bus *b, const char *signal, const Job *job, const char *text)
{
        g_autofree char *path = bus_job_path(job->id);

        for (guint i = 0; i < b->connections->len; i++)
                (void) sd_bus_emit_signal(g_ptr_array_index(b->connections, i), CERT_BUS_PATH, CERT_INTERFACE_MANAGER,
                                          signal, "uos", job->id, path, text);
}

static void emit_changed(Bus *b, const char *path, const char *interface, char **properties)
{
        for (guint i = 0; i < b->connections->len; i++) {
                int r = sd_bus_emit_properties_changed_strv(g_ptr_array_index(b->connections, i), path, interface,
                                                            properties);

                if (r < 0)
                        log_debug("Cannot tell that %s changed: %s", path, g_strerror(-r));
        }
}

static void emit_manager_changed(Bus *b)
{
        static const char *const properties[] = { "State",       "ManifestDigest", "ManifestProblems",
                                                  "NextElapse", "LastPass",       NULL };

        emit_changed(b, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, (char **) properties);
}

static void on_certificate_changed(const Certificate *c, void *userdata)
{
        static const char *const properties[] = {
                "CommonName",   "SubjectAltNames", "Issuer",  "State",        "Reasons",   "SerialNumber",
                "Fingerprint",  "NotBefore",       "NotAfter", "NextRenewal", "LastRenewal", "LastError",
                "Hint",         "RetryAt",         "FailureCount", "Units",   "Served",    "CertPath",
                "KeyPath",      "KeyType",         "Generation", "CaPath",    "ChainPath", "CombinedPath",
                "Usage",        "VerifyConnect",   "VerifyName", "VerifyStarttls", NULL,
        };
        g_autofree char *path = NULL;

        if (c->wish->kind != MANIFEST_KIND_CERTIFICATE) /* they have no object */
                return;
        path = bus_certificate_path(c->wish->name);
        emit_changed(userdata, path, CERT_INTERFACE_CERTIFICATE, (char **) properties);
}

static void on_manifest_changed(void *userdata)
{
        Bus *b = userdata;
        const Manifest *m = agent_manifest(b->agent);

        for (guint i = 0; i < b->connections->len; i++)
                (void) sd_bus_emit_signal(g_ptr_array_index(b->connections, i), CERT_BUS_PATH, CERT_INTERFACE_MANAGER,
                                          "ManifestReloaded", "s", m ? m->digest : "");
        emit_manager_changed(b);
}

static void on_job_new(const Job *job, void *userdata)
{
        emit_job(userdata, "JobNew", job, job_kind_to_string(job->kind));
}

static void emit_progress(Bus *b, unsigned id, bool ended)
{
        static const char *const running[] = { "Progress", NULL };
        static const char *const over[] = { "Progress", "State", "Result", NULL };
        g_autofree char *path = bus_job_path(id);

        emit_changed(b, path, CERT_INTERFACE_JOB, (char **) (ended ? over : running));
}

static int on_progress_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        Bus *b = userdata;
        GHashTableIter iter;
        gpointer id;

        b->progress_timer = sd_event_source_disable_unref(b->progress_timer);
        g_hash_table_iter_init(&iter, b->progressed);
        while (g_hash_table_iter_next(&iter, &id, NULL))
                emit_progress(b, GPOINTER_TO_UINT(id), false);
        g_hash_table_remove_all(b->progressed);
        return 0;
}

static void on_job_progress(const Job *job, void *userdata)
{
        Bus *b = userdata;

        g_hash_table_add(b->progressed, GUINT_TO_POINTER(job->id));
        if (!b->progress_timer)
                (void) sd_event_add_time_relative(b->event, &b->progress_timer, CLOCK_MONOTONIC, PROGRESS_USEC, 0,
                                                  on_progress_timer, b);
}

static void on_job_removed(const Job *job, void *userdata)
{
        Bus *b = userdata;

        g_hash_table_remove(b->progressed, GUINT_TO_POINTER(job->id));
        emit_progress(b, job->id, true);
        emit_job(b, "JobRemoved", job, job_result_to_string(job->result));
        emit_manager_changed(b);
        note_activity(b);
}

static const AgentEvents events = {
        .certificate_changed = on_certificate_changed,
        .manifest_changed = on_manifest_changed,
        .job_new = on_job_new,
        .job_progress = on_job_progress,
        .job_removed = on_job_removed,
};

/* ---- Connections ---- */

Bus *bus_new(Agent *agent, sd_event *event, Polkit *polkit)
{
        Bus *b = g_new0(Bus, 1);

        b->agent = agent;
        b->event = event;
        b->polkit = polkit;
        b->connections = g_ptr_array_new_with_free_func(connection_unref);
        b->listeners = g_ptr_array_new_with_free_func(source_unref);
        b->progressed = g_hash_table_new(NULL, NULL);
        agent_set_events(agent, &events, b);
        note_activity(b);
        return b;
}

Bus *bus_free(Bus *b)
{
        if (!b)
                return NULL;
        sd_event_source_disable_unref(b->progress_timer);
        g_ptr_array_unref(b->listeners);
        g_ptr_array_unref(b->connections);
        g_hash_table_unref(b->progressed);
        g_free(b);
        return NULL;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        if (sd_bus_message_is_method_call(m, NULL, NULL))
                note_activity(userdata);
        return 0;
}

/* Takes the connection's reference. */
static int bus_add(Bus *b, sd_bus *connection)
{
        int r = sd_bus_add_filter(connection, NULL, on_message, b);

        g_ptr_array_add(b->connections, connection);
        if (r >= 0)
                r = bus_manager_add(b, connection);
        if (r >= 0)
                r = bus_certificate_add(b, connection);
        if (r >= 0)
                r = bus_job_add(b, connection);
        if (r < 0)
                g_ptr_array_remove_fast(b->connections, connection);
        return r;
}

bool bus_serve(Bus *b, sd_bus *system_bus, GError **error)
{
        int r = bus_add(b, sd_bus_ref(system_bus));

        if (r >= 0)
                r = sd_bus_request_name(system_bus, CERT_BUS_NAME, 0);
        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "Cannot serve %s on the system bus: %s\nCheck that no other agent runs, and that the bus "
                            "policy org.certagent1.conf is installed.",
                            CERT_BUS_NAME, g_strerror(-r));
                return false;
        }
        b->system_bus = system_bus;
        return true;
}

static int on_peer_gone(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;

        if (g_ptr_array_remove_fast(b->connections, sd_bus_message_get_bus(m)))
                b->peers--;
        note_activity(b);
        return 0;
}

static int bus_add_peer(Bus *b, int fd)
{
        g_autoptr(GError) error = NULL;
        sd_bus *peer = NULL;
        int r;

        if (!peer_serve(b->event, fd, CERT_BUS_NAME, &peer, &error)) {
                log_warning("Cannot serve a peer: %s", error->message);
                return -EIO;
        }
        r = bus_add(b, peer);
        if (r < 0)
                return r;
        b->peers++;
        return sd_bus_match_signal(peer, NULL, "org.freedesktop.DBus.Local", NULL, "org.freedesktop.DBus.Local",
                                   "Disconnected", on_peer_gone, b);
}

static int on_connection(sd_event_source *s, int listen_fd, uint32_t revents, void *userdata)
{
        Bus *b = userdata;
        int r, fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
                return 0;
        note_activity(b);
        if (b->peers >= PEERS_MAX) {
                log_warning("Refusing a peer: %d are connected already.", PEERS_MAX);
                close(fd);
                return 0;
        }
        r = bus_add_peer(b, fd);
        if (r < 0)
                log_warning("Cannot serve a peer: %s", g_strerror(-r));
        return 0;
}

bool bus_listen(Bus *b, int fd, GError **error)
{
        sd_event_source *s = NULL;
        int r = sd_event_add_io(b->event, &s, fd, EPOLLIN, on_connection, b);

        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "Cannot listen on the private socket: %s",
                            g_strerror(-r));
                return false;
        }
        g_ptr_array_add(b->listeners, s);
        return true;
}

void bus_stop_listening(Bus *b)
{
        g_ptr_array_set_size(b->listeners, 0);
}

unsigned bus_peers(const Bus *b)
{
        return b->peers;
}

uint64_t bus_last_activity(const Bus *b)
{
        return b->activity;
}

Agent *bus_agent(Bus *b)
{
        return b->agent;
}

Polkit *bus_polkit(Bus *b)
{
        return b->polkit;
}

char *bus_certificate_path(const char *name)
{
        char *path = NULL;
        g_autofree char *copy = NULL;

        if (sd_bus_path_encode(CERT_BUS_CERTIFICATE_PATH, name, &path) < 0)
                g_error("out of memory");
        copy = g_strdup(path);
        free(path);
        return g_steal_pointer(&copy);
}

char *bus_job_path(unsigned id)
{
        return g_strdup_printf("%s/%u", CERT_BUS_JOB_PATH, id);
}

/* ---- Answers that several handlers have ---- */

int bus_check_reason(const char *reason, sd_bus_error *ret_error)
{
        if (strlen(reason) <= REASON_MAX)
                return 0;
        return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                 "A reason for a revocation has at most %d characters, such as \"keyCompromise\"", REASON_MAX);
}

int bus_refuse_busy(sd_bus_error *ret_error)
{
        g_autoptr(GError) error = g_error_new(CERT_ERROR, CERT_ERROR_BUSY,
                                              "Too many callers wait for an authority already\nTry again in a moment.");

        return cert_error_to_bus(error, ret_error);
}

void bus_answer_error(sd_bus_message *m, const GError *error)
{
        sd_bus_error refusal = SD_BUS_ERROR_NULL;

        (void) cert_error_to_bus(error, &refusal);
        (void) sd_bus_reply_method_error(m, &refusal);
        sd_bus_error_free(&refusal);
}
