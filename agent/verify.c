/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Verifying: what does the service serve now? Owns the connections to the probe's workers, each of which
 * makes one handshake at a time, and the runs: each asks again and again until it has seen enough or its
 * deadline comes. A service that hangs keeps one worker busy and holds up nobody else, as long as there are
 * workers left. */

#include "agent/verify.h"

#include "agent/trust.h"
#include "agent/worker-bus.h"
#include "agent/worker.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROBE_PROGRAM      CERT_PROGRAM_DIR "/cert-probe"
#define WORKERS_MAX        8
#define IDLE_USEC          (10 * USEC_PER_SEC) /* a worker that nobody needs is let go */
#define HANDSHAKE_USEC     (3 * USEC_PER_SEC)
#define HANDSHAKE_MIN_USEC (250 * USEC_PER_MSEC) /* with less time left it may fail for that alone */
#define LATE_USEC          (1 * USEC_PER_SEC) /* the worker keeps the deadline, and its answer says more than ours */
#define ANSWER_USEC        (2 * USEC_PER_SEC) /* above the handshake's own limit: then the worker hangs */
#define DELAY_MIN_USEC     (10 * USEC_PER_MSEC)
#define DELAY_MAX_USEC     (100 * USEC_PER_MSEC)
#define DELAY_BROKEN_USEC  (500 * USEC_PER_MSEC) /* the worker itself fails */
#define DER_MAX            (128 * 1024)
#define SERVED_MAX         64 /* certificates of a chain */
#define ANSWER_BYTES_MAX   (1024 * 1024) /* a handshake's chain is of 128 KiB at most, as GnuTLS reads it */

typedef struct Worker {
        Prober *prober;
        WorkerBus *bus;
        pid_t pid;
        VerifyRun *run; /* whose handshake it makes; NULL: idle */
        sd_event_source *idle;
} Worker;

struct VerifyRun {
        Prober *prober; /* NULL while it calls back */
        char *name, *connect, *server_name;
        char *wanted;   /* this certificate; NULL: none in particular */
        GBytes *bundle; /* a chain that it trusts; NULL: any. With neither, it is a look */
        const char *starttls;
        unsigned successes, seen;
        uint64_t deadline, timeout_usec, delay_usec;
        VerifyDone done;
        void *userdata;

        char *served;  /* of the last handshake */
        char *other;   /* the last that was not the wanted one */
        char *why;     /* the bundle does not trust it */
        GError *error; /* of the last handshake that failed, when it was the last */
        bool broken;   /* it is the probe that failed, not the service */
        Worker *worker;
        sd_bus_slot *call;
        sd_event_source *timer, *deadline_timer;
};

struct Prober {
        sd_event *event;
        GPtrArray *workers; /* Worker*, owned */
        GHashTable *runs;   /* VerifyRun*, owned */
        GQueue waiting;     /* VerifyRun*, for a worker */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

static void run_again(VerifyRun *r, uint64_t delay_usec);
static void run_broken(VerifyRun *r, GError *error);

/* ---- Workers ---- */

static void worker_free(void *data)
{
        Worker *w = data;

        sd_event_source_disable_unref(w->idle);
        worker_bus_free(w->bus);
        worker_end(w->pid);
        g_free(w);
}

static void worker_drop(Worker *w)
{
        if (w->run)
                w->run->worker = NULL;
        g_ptr_array_remove(w->prober->workers, w);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        worker_drop(userdata);
        return 0;
}

static void set_timer(sd_event *event, sd_event_source **source, uint64_t usec,
                      sd_event_time_handler_t handler, void *userdata)
{
        int r;

        *source = sd_event_source_disable_unref(*source);
        r = sd_event_add_time_relative(event, source, CLOCK_MONOTONIC, usec, USEC_PER_MSEC, handler,
                                       userdata);
        if (r < 0)
                g_error("adding a timer: %s", g_strerror(-r)); /* out of memory, as GLib treats it */
}

/* The probe itself is at fault, not the service. `why` may bring its own hint. */
static GError *broken_error(const char *why)
{
        return g_error_new(CERT_ERROR, CERT_ERROR_NOT_SERVING, "the probe failed: %s%s", why,
                           strchr(why, '\n') ? ""
                                             : "\nSee: systemctl status cert-probe.socket; "
                                               "journalctl -u 'cert-probe@*'");
}

/* The probe speaks with whom it may; one that was taken over must not fill the agent's memory. Of one that merely ended
 * its run hears by the answer that does not come. */
static void on_ended(WorkerBus *bus, bool flooded, void *userdata)
{
        Worker *w = userdata;
        VerifyRun *r = w->run;

        if (!flooded)
                return;
        if (r)
                r->call = sd_bus_slot_unref(r->call);
        worker_drop(w);
        if (r)
                run_broken(r, broken_error("it sent more than any answer may hold"));
}

static bool worker_dial(Worker *w, GError **error)
{
        int fd;

        if (!worker_open(CERT_SOCKET_PROBE, PROBE_PROGRAM, &fd, &w->pid, error))
                return false;
        w->bus = worker_bus_new(w->prober->event, fd, on_ended, w, error);
        if (w->bus)
                worker_bus_allow(w->bus, ANSWER_BYTES_MAX);
        return w->bus != NULL;
}

static Worker *worker_new(Prober *p, GError **error)
{
        g_autoptr(GError) refused = NULL;
        Worker *w = g_new0(Worker, 1);

        w->prober = p;
        if (!worker_dial(w, &refused)) {
                worker_free(w);
                g_propagate_error(error, broken_error(refused->message));
                return NULL;
        }
        g_ptr_array_add(p->workers, w);
        set_timer(p->event, &w->idle, IDLE_USEC, on_idle, w);
        return w;
}

/* An idle worker, or a new one. NULL with an error when there can be none; NULL without one when all are
 * busy. */
static Worker *worker_find(Prober *p, GError **error)
{
        for (unsigned i = 0; i < p->workers->len;) {
                Worker *w = p->workers->pdata[i];

                if (!w->run && sd_bus_is_open(worker_bus_get(w->bus)) <= 0) {
                        worker_drop(w); /* it ended by itself */
                        continue;
                }
                if (!w->run)
                        return w;
                i++;
        }
        return p->workers->len < WORKERS_MAX ? worker_new(p, error) : NULL;
}

/* Gives the worker back, and to the next one that waits. */
static void worker_release(Worker *w)
{
        Prober *p = w->prober;
        VerifyRun *next;

        if (w->run)
                w->run->worker = NULL;
        w->run = NULL;
        set_timer(p->event, &w->idle, IDLE_USEC, on_idle, w);
        next = g_queue_pop_head(&p->waiting);
        if (next)
                run_again(next, 0);
}

/* ---- The end of a run ---- */

static void run_free(void *data)
{
        VerifyRun *r = data;

        sd_bus_slot_unref(r->call);
        sd_event_source_disable_unref(r->timer);
        sd_event_source_disable_unref(r->deadline_timer);
        g_clear_error(&r->error);
        g_free(r->name);
        g_free(r->connect);
        g_free(r->server_name);
        g_free(r->wanted);
        g_clear_pointer(&r->bundle, g_bytes_unref);
        g_free(r->served);
        g_free(r->other);
        g_free(r->why);
        g_free(r);
}

/* A worker in the midst of our handshake is of no use to others until that ends, so it goes as well. */
static void run_leave(VerifyRun *r)
{
        Worker *w = r->worker;

        r->call = sd_bus_slot_unref(r->call);
        g_queue_remove(&r->prober->waiting, r);
        if (w)
                worker_drop(w);
        r->worker = NULL;
}

VerifyRun *verify_discard(VerifyRun *r)
{
        if (r && r->prober) {
                run_leave(r);
                g_hash_table_remove(r->prober->runs, r);
        }
        return NULL;
}

static VerifyRun *next_that_waits(Prober *p)
{
        return p->workers->len < WORKERS_MAX ? g_queue_pop_head(&p->waiting) : NULL;
}

/* Out of the prober first: who is told may start another run, or free the prober. */
static void run_tell(VerifyRun *r, VerifyOutcome outcome, const GError *error)
{
        VerifyRun *next;

        run_leave(r);
        next = next_that_waits(r->prober);
        if (next)
                run_again(next, 0);
        g_hash_table_steal(r->prober->runs, r);
        r->prober = NULL;
        r->done(r->name, &(VerifyResult){ outcome, r->served, error }, r->userdata);
        run_free(r);
}

static bool is_look(const VerifyRun *r)
{
        return !r->wanted && !r->bundle;
}

static GError *stale_error(const VerifyRun *r)
{
        g_autofree char *span = timespan_format(r->timeout_usec);

        if (r->other && r->bundle)
                return g_error_new(CERT_ERROR, CERT_ERROR_NOT_SERVING,
                                   "%s still serves what \"%s\" does not trust (SHA-256 %.16s…) after %s: %s\n"
                                   "Check which issuer the certificate of the service at %s comes from: it must be one of "
                                   "those that \"from\" of \"%s\" names in the manifest.",
                                   r->connect, r->name, r->other, span, r->why, r->connect, r->name);
        if (r->other)
                return g_error_new(
                        CERT_ERROR, CERT_ERROR_NOT_SERVING,
                        "%s still serves another certificate (SHA-256 %.16s…) after %s\n"
                        "Check that the service at %s reads the files which the manifest names, and "
                        "that its unit's action makes it read them again.",
                        r->connect, r->other, span, r->connect);
        return g_error_new(CERT_ERROR, CERT_ERROR_NOT_SERVING,
                           "%s served %s %u times in a row within %s, %u were wanted\n"
                           "Give it more time by \"timeout\" in \"verify\" of the manifest.",
                           r->connect, r->bundle ? "what the bundle trusts" : "the new certificate", r->seen, span, r->successes);
}

static GError *unreachable_error(const VerifyRun *r)
{
        if (r->error)
                return g_error_new_literal(CERT_ERROR, CERT_ERROR_NOT_SERVING, r->error->message);
        return g_error_new(CERT_ERROR, CERT_ERROR_NOT_SERVING,
                           "no TLS handshake with %s: no answer in time\n"
                           "Check that the service runs and listens there, and \"verify\" in the manifest.",
                           r->connect);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        VerifyRun *r = userdata;
        bool stale = r->served && !r->error && !is_look(r);
        g_autoptr(GError) error = stale ? stale_error(r) : unreachable_error(r);

        run_tell(r, stale ? VERIFY_STALE : r->error && r->broken ? VERIFY_BROKEN : VERIFY_UNREACHABLE, error);
        return 0;
}

/* ---- One handshake ---- */

static void run_step(VerifyRun *r);

static int on_next(sd_event_source *source, uint64_t usec, void *userdata)
{
        run_step(userdata);
        return 0;
}

/* From the event loop, or at its deadline when no handshake could end before that. */
static void run_again(VerifyRun *r, uint64_t delay_usec)
{
        uint64_t now = (uint64_t) g_get_monotonic_time();

        if (now + delay_usec + MIN(HANDSHAKE_MIN_USEC, r->timeout_usec / 3) < r->deadline)
                set_timer(r->prober->event, &r->timer, delay_usec, on_next, r);
        else
                set_timer(r->prober->event, &r->deadline_timer, r->deadline > now ? r->deadline - now : 0,
                          on_deadline, r);
}

static void run_failed(VerifyRun *r, GError *error, uint64_t delay_usec)
{
        r->seen = 0;
        g_clear_error(&r->error);
        r->error = error;
        if (is_look(r)) /* one is enough */
                on_deadline(NULL, 0, r);
        else
                run_again(r, delay_usec);
}

/* The probe failed, not the service. Takes the error. */
static void run_broken(VerifyRun *r, GError *error)
{
        r->broken = true;
        run_failed(r, error, DELAY_BROKEN_USEC);
}

/* Whether what is served is what is wanted; if not, it is remembered. */
static bool run_judge(VerifyRun *r, GPtrArray *chain)
{
        g_autoptr(GError) error = NULL;

        if (is_look(r) || (r->wanted && g_str_equal(r->served, r->wanted)) ||
            (r->bundle && trust_check_chain(r->bundle, chain, now_realtime(), &error)))
                return true;
        g_free(r->other);
        r->other = g_strdup(r->served);
        g_free(r->why);
        r->why = error ? cert_error_summary(error) : NULL;
        return false;
}

static void run_saw(VerifyRun *r, GPtrArray *chain)
{
        bool good;

        g_free(r->served);
        r->served = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, g_ptr_array_index(chain, 0));
        g_clear_error(&r->error);
        good = run_judge(r, chain);
        r->seen = good ? r->seen + 1 : 0;
        if (is_look(r) || r->seen >= r->successes) {
                run_tell(r, VERIFY_SERVED, NULL);
                return;
        }
        run_again(r, good ? DELAY_MIN_USEC : r->delay_usec);
        r->delay_usec = MIN(r->delay_usec * 3 / 2, DELAY_MAX_USEC);
}

/* The chain that was served (GBytes* DER, leaf first); NULL when there is no leaf, or too much. The caller owns it. */
static GPtrArray *read_chain(sd_bus_message *reply)
{
        g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        const void *der;
        size_t size;
        int k = sd_bus_message_enter_container(reply, 'a', "ay");

        while (k > 0 && (k = sd_bus_message_read_array(reply, 'y', &der, &size)) > 0) {
                if (size == 0 || size > DER_MAX || chain->len == SERVED_MAX)
                        return NULL;
                g_ptr_array_add(chain, g_bytes_new(der, size));
        }
        return k >= 0 && chain->len > 0 ? g_steal_pointer(&chain) : NULL;
}

/* Our own errors say what the service did. Any other means that the worker is broken: it goes. */
static void run_refused(VerifyRun *r, Worker *w, const sd_bus_error *e)
{
        g_autofree char *what = g_strdup_printf("no TLS handshake with %s", r->connect);
        GError *error = NULL;

        if (cert_error_from_name(e->name) < 0) {
                worker_drop(w);
                run_broken(r, broken_error(e->name));
                return;
        }
        cert_error_set_from_bus(&error, e, 0, CERT_ERROR_NOT_SERVING, what);
        worker_release(w);
        r->broken = false;
        run_failed(r, error, r->delay_usec);
}

static int on_probed(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        VerifyRun *r = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        g_autoptr(GPtrArray) chain = NULL;

        r->call = sd_bus_slot_unref(r->call);
        if (e) {
                run_refused(r, r->worker, e);
                return 0;
        }
        chain = read_chain(reply);
        if (!chain) {
                worker_drop(r->worker);
                run_broken(r, broken_error("its answer makes no sense"));
                return 0;
        }
        worker_release(r->worker);
        run_saw(r, chain);
        return 0;
}

static int append_options(sd_bus_message *m, const VerifyRun *r, uint64_t timeout_usec)
{
        int k = sd_bus_message_open_container(m, 'a', "{sv}");

        if (k >= 0 && r->server_name)
                k = sd_bus_message_append(m, "{sv}", "ServerName", "s", r->server_name);
        if (k >= 0 && r->starttls)
                k = sd_bus_message_append(m, "{sv}", "Starttls", "s", r->starttls);
        if (k >= 0)
                k = sd_bus_message_append(m, "{sv}", "Timeout", "t", timeout_usec);
        return k < 0 ? k : sd_bus_message_close_container(m);
}

static int run_call(VerifyRun *r, Worker *w)
{
        uint64_t now = (uint64_t) g_get_monotonic_time();
        uint64_t span = MIN(r->deadline > now ? r->deadline - now : 1, HANDSHAKE_USEC);
        g_autoptr(sd_bus_message) m = NULL;
        int k = sd_bus_message_new_method_call(worker_bus_get(w->bus), &m, NULL, CERT_BUS_PROBE_PATH, CERT_INTERFACE_PROBE,
                                               "Probe");

        worker_bus_allow(w->bus, ANSWER_BYTES_MAX);
        if (k >= 0)
                k = sd_bus_message_append(m, "s", r->connect);
        if (k >= 0)
                k = append_options(m, r, span);
        return k < 0 ? k : sd_bus_call_async(worker_bus_get(w->bus), &r->call, m, on_probed, r, span + ANSWER_USEC);
}

static void run_step(VerifyRun *r)
{
        GError *error = NULL;
        Worker *w = worker_find(r->prober, &error);
        int k;

        if (!w && !error) {
                g_queue_push_tail(&r->prober->waiting, r);
                return;
        }
        if (!w) {
                run_broken(r, error);
                return;
        }
        w->idle = sd_event_source_disable_unref(w->idle);
        w->run = r;
        r->worker = w;
        k = run_call(r, w);
        if (k >= 0)
                return;
        worker_drop(w);
        run_broken(r, broken_error(g_strerror(-k)));
}

/* ---- Runs ---- */

static VerifyRun *run_start(Prober *p, const char *name, const Verify *v, uint64_t timeout_usec, VerifyDone done,
                            void *userdata)
{
        VerifyRun *r = g_new0(VerifyRun, 1);

        *r = (VerifyRun){ .prober = p,
                          .name = g_strdup(name),
                          .connect = g_strdup(v->connect),
                          .server_name = g_strdup(v->server_name),
                          .starttls = v->starttls == STARTTLS_NONE ? NULL : starttls_to_string(v->starttls),
                          .successes = MAX(v->successes, 1),
                          .timeout_usec = timeout_usec,
                          .deadline = (uint64_t) g_get_monotonic_time() + timeout_usec,
                          .delay_usec = DELAY_MIN_USEC,
                          .done = done,
                          .userdata = userdata };
        g_hash_table_add(p->runs, r);
        set_timer(p->event, &r->deadline_timer, timeout_usec + LATE_USEC, on_deadline, r);
        set_timer(p->event, &r->timer, 0, on_next, r);
        return r;
}

VerifyRun *verify_start(Prober *p, const char *name, const Verify *v, const char *fingerprint,
                        VerifyDone done, void *userdata)
{
        VerifyRun *r = run_start(p, name, v, v->timeout_usec, done, userdata);

        r->wanted = g_strdup(fingerprint);
        return r;
}

VerifyRun *verify_start_trust(Prober *p, const char *name, const Verify *v, GBytes *bundle_pem, VerifyDone done,
                              void *userdata)
{
        VerifyRun *r = run_start(p, name, v, v->timeout_usec, done, userdata);

        r->bundle = g_bytes_ref(bundle_pem);
        return r;
}

VerifyRun *verify_look(Prober *p, const char *name, const Verify *v, VerifyDone done, void *userdata)
{
        return run_start(p, name, v, MIN(v->timeout_usec, HANDSHAKE_USEC), done, userdata);
}

/* ---- The prober ---- */

Prober *prober_new(sd_event *event)
{
        Prober *p = g_new0(Prober, 1);

        p->event = sd_event_ref(event);
        p->workers = g_ptr_array_new_with_free_func(worker_free);
        p->runs = g_hash_table_new_full(NULL, NULL, run_free, NULL);
        g_queue_init(&p->waiting);
        return p;
}

Prober *prober_free(Prober *p)
{
        if (!p)
                return NULL;
        g_hash_table_unref(p->runs);
        g_ptr_array_unref(p->workers);
        g_queue_clear(&p->waiting);
        sd_event_unref(p->event);
        g_free(p);
        return NULL;
}

unsigned prober_active(const Prober *p)
{
        return g_hash_table_size(p->runs);
}

void prober_warm_up(Prober *p)
{
        if (p->workers->len == 0)
                (void) worker_new(p, NULL); /* what is wrong shows when it is needed */
}
