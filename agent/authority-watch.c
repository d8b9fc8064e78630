/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A watch of an authority's folder. It owns the call that is under way, or the timer until the next one, and a pool of
 * its own: what the process keeps between two calls it keeps with the connection, so no other call may come to be
 * on that. The answers are the word of a process that may be hostile: each is taken for "look at it", and so many are
 * taken and no more. */

#include "agent/authority-watch.h"

#include "agent/issuer.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

/* After an answer, until the next call; longer when each call is answered at once, again and again. Both are less than
 * a connection is kept for without a call. */
#define PAUSE_USEC      (200 * USEC_PER_MSEC)
#define LONG_PAUSE_USEC (5 * USEC_PER_SEC)
#define HURRIED_MAX     20

/* After a failure; doubled by each that follows, until it has watched for a while. */
#define RETRY_MIN_USEC (5 * USEC_PER_SEC)
#define RETRY_MAX_USEC (5 * USEC_PER_MINUTE)
#define LASTED_USEC    USEC_PER_MINUTE

struct AuthorityWatch {
        sd_event *event;
        ManifestIssuer issuer; /* a copy of its texts: a manifest does not live as long as a call without a deadline */
        IssuerPool *pool;
        IssuerCall *call;
        sd_event_source *timer;
        AuthorityWatchChanged changed;
        void *userdata;

        uint64_t called_at;      /* CLOCK_MONOTONIC, as all times here */
        uint64_t standing_since; /* 0: nobody watches */
        uint64_t retry;          /* span: how long to wait after the next failure */
        unsigned hurried;        /* answers in a row that came at once */
        bool said_failed, said_hurried;
};

static uint64_t now_monotonic(const AuthorityWatch *w)
{
        uint64_t now = 0;

        (void) sd_event_now(w->event, CLOCK_MONOTONIC, &now);
        return now;
}

/* ---- The next call ---- */

static void watch_call(AuthorityWatch *w);

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        AuthorityWatch *w = userdata;

        w->timer = sd_event_source_disable_unref(w->timer);
        watch_call(w);
        return 0;
}

static void watch_call_in(AuthorityWatch *w, uint64_t usec)
{
        int r = sd_event_add_time_relative(w->event, &w->timer, CLOCK_MONOTONIC, usec, 0, on_timer, w);

        if (r < 0)
                log_error("The files of the authority %s are no longer watched: a timer: %s", w->issuer.name,
                          g_strerror(-r));
}

/* ---- Answers ---- */

/* The first one says that the watch stands now. It is told like the others: what happened between the last look at the
 * authority and this nobody has seen. */
static void watch_answered(AuthorityWatch *w)
{
        uint64_t now = now_monotonic(w);

        if (w->standing_since == 0)
                w->standing_since = now;
        w->hurried = now - w->called_at < PAUSE_USEC ? w->hurried + 1 : 0;
        if (w->hurried > HURRIED_MAX && !w->said_hurried) {
                log_warning("The files of the authority %s change all the time, as its process says; they are looked "
                            "at every %u seconds while that goes on.",
                            w->issuer.name, (unsigned) (LONG_PAUSE_USEC / USEC_PER_SEC));
                w->said_hurried = true;
        }
        watch_call_in(w, w->hurried > HURRIED_MAX ? LONG_PAUSE_USEC : PAUSE_USEC);
        w->changed(w->issuer.name, w->userdata);
}

/* A process may end when it likes (an update, or somebody ends it): that alone is not worth a word, unless the
 * next one ends soon, too. What happens until it watches again nobody sees, so that is told then. */
static void watch_failed(AuthorityWatch *w, const GError *error)
{
        bool lasted = w->standing_since > 0 && now_monotonic(w) - w->standing_since >= LASTED_USEC;
        bool ended = g_error_matches(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);

        if (lasted) {
                w->retry = RETRY_MIN_USEC;
                w->said_failed = false;
        }
        if (!w->said_failed && (!ended || w->retry > RETRY_MIN_USEC)) {
                g_autofree char *summary = cert_error_summary(error);

                log_warning("Cannot watch the files of the authority %s: %s; what changes there is found by the timer, "
                            "until they are watched again.",
                            w->issuer.name, summary);
                w->said_failed = true;
        }
        w->standing_since = 0;
        w->hurried = 0;
        watch_call_in(w, w->retry);
        w->retry = MIN(w->retry * 2, RETRY_MAX_USEC);
}

static void on_reply(sd_bus_message *reply, const GError *error, void *userdata)
{
        AuthorityWatch *w = userdata;

        w->call = NULL;
        if (error)
                watch_failed(w, error);
        else
                watch_answered(w);
}

static void watch_call(AuthorityWatch *w)
{
        w->called_at = now_monotonic(w);
        w->call = issuer_call(w->pool, &w->issuer, CERT_INTERFACE_AUTHORITY, "Watch", NULL, NULL, on_reply, w);
        issuer_call_without_deadline(w->call);
}

/* ---- The watch ---- */

AuthorityWatch *authority_watch_new(sd_event *event, const ManifestIssuer *issuer, AuthorityWatchChanged changed,
                                    void *userdata)
{
        AuthorityWatch *w = g_new0(AuthorityWatch, 1);

        w->event = sd_event_ref(event);
        w->issuer = (ManifestIssuer) {
                .name = g_strdup(issuer->name),
                .type = g_strdup(issuer->type),
                .environment = g_strdup(issuer->environment),
                .config = g_strdup(issuer->config),
        };
        w->changed = changed;
        w->userdata = userdata;
        w->retry = RETRY_MIN_USEC;
        w->pool = issuer_pool_new(event, NULL); /* nothing is ever signed for this call */
        if (!w->pool)
                return authority_watch_free(w);
        watch_call(w);
        return w;
}

AuthorityWatch *authority_watch_free(AuthorityWatch *w)
{
        if (!w)
                return NULL;
        issuer_pool_free(w->pool); /* and the call */
        sd_event_source_disable_unref(w->timer);
        sd_event_unref(w->event);
        g_free(w->issuer.name);
        g_free(w->issuer.type);
        g_free(w->issuer.environment);
        g_free(w->issuer.config);
        g_free(w);
        return NULL;
}

bool authority_watch_is_of(const AuthorityWatch *w, const ManifestIssuer *issuer)
{
        return g_strcmp0(w->issuer.name, issuer->name) == 0 && g_strcmp0(w->issuer.type, issuer->type) == 0 &&
               g_strcmp0(w->issuer.environment, issuer->environment) == 0 &&
               g_strcmp0(w->issuer.config, issuer->config) == 0;
}
