/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Work done off the loop. It owns the threads, a queue of ended jobs and the eventfd by which the threads
 * tell the loop. A job is held by its thread and by the loop; the queue outlives the Offload for as long as a
 * thread is still away with a device, and is closed then: what comes back late is just dropped. */

#include "agent/offload.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEVICE_THREADS 4

typedef struct OffloadQueue {
        int references; /* atomic */
        int fd;         /* eventfd */
        GMutex lock;    /* for the two below */
        GQueue ended;
        bool closed;
} OffloadQueue;

struct Offload {
        OffloadQueue *queue;
        GThreadPool *threads[_OFFLOAD_MAX];
        sd_event_source *source;
        GHashTable *jobs; /* OffloadJob*: those whose end is awaited; holds the loop's reference */
};

struct OffloadJob {
        int references; /* atomic: thread and loop */
        int discarded;  /* atomic */
        Offload *owner; /* the loop's; not for the thread */
        OffloadQueue *queue;
        OffloadFunction work, done;
        void *data;
        GDestroyNotify destroy;
};

/* ---- The queue ---- */

static OffloadQueue *queue_new(void)
{
        OffloadQueue *q = g_new0(OffloadQueue, 1);

        q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (q->fd < 0) {
                g_free(q);
                return NULL;
        }
        q->references = 1;
        g_mutex_init(&q->lock);
        g_queue_init(&q->ended);
        return q;
}

static void queue_unref(OffloadQueue *q)
{
        if (!g_atomic_int_dec_and_test(&q->references))
                return;
        g_mutex_clear(&q->lock);
        close(q->fd);
        g_free(q);
}

static bool queue_push(OffloadQueue *q, OffloadJob *j)
{
        uint64_t one = 1;
        bool taken;

        g_mutex_lock(&q->lock);
        taken = !q->closed;
        if (taken)
                g_queue_push_tail(&q->ended, j);
        g_mutex_unlock(&q->lock);
        /* Cannot fill up before 2^64 - 1 jobs have ended unseen. */
        if (taken)
                (void) !write(q->fd, &one, sizeof(one));
        return taken;
}

static OffloadJob *queue_pop(OffloadQueue *q)
{
        OffloadJob *j;

        g_mutex_lock(&q->lock);
        j = g_queue_pop_head(&q->ended);
        g_mutex_unlock(&q->lock);
        return j;
}

static void job_unref(OffloadJob *j)
{
        if (!g_atomic_int_dec_and_test(&j->references))
                return;
        if (j->destroy)
                j->destroy(j->data);
        queue_unref(j->queue);
        g_free(j);
}

/* ---- Threads and loop ---- */

static void run(void *data, void *userdata)
{
        OffloadJob *j = data;
        OffloadQueue *q = j->queue;

        g_atomic_int_inc(&q->references); /* once pushed, the job may be gone before the loop is told */
        if (!g_atomic_int_get(&j->discarded))
                j->work(j->data);
        if (!queue_push(q, j))
                job_unref(j);
        queue_unref(q);
}

static int on_ended(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        OffloadQueue *q = ((Offload *) userdata)->queue;
        OffloadJob *j;
        uint64_t n;

        (void) !read(fd, &n, sizeof(n));
        /* `done` may start and discard jobs, and free the Offload. */
        g_atomic_int_inc(&q->references);
        while ((j = queue_pop(q))) {
                if (!j->discarded) {
                        g_hash_table_steal(j->owner->jobs, j);
                        j->done(j->data);
                        job_unref(j);
                }
                job_unref(j);
        }
        queue_unref(q);
        return 0;
}

Offload *offload_new(sd_event *event)
{
        OffloadQueue *q = queue_new();
        Offload *o;
        int r;

        if (!q)
                return NULL;
        o = g_new0(Offload, 1);
        o->queue = q;
        o->jobs = g_hash_table_new(NULL, NULL);
        o->threads[OFFLOAD_COMPUTE] = g_thread_pool_new(run, NULL, g_get_num_processors(), FALSE, NULL);
        o->threads[OFFLOAD_DEVICE] = g_thread_pool_new(run, NULL, DEVICE_THREADS, FALSE, NULL);
        r = sd_event_add_io(event, &o->source, q->fd, EPOLLIN, on_ended, o);
        if (r < 0) {
                offload_free(o);
                errno = -r;
                return NULL;
        }
        return o;
}

Offload *offload_free(Offload *o)
{
        GHashTableIter iter;
        gpointer p;
        OffloadJob *j;

        if (!o)
                return NULL;
        sd_event_source_unref(o->source);
        g_hash_table_iter_init(&iter, o->jobs);
        while (g_hash_table_iter_next(&iter, &p, NULL))
                g_atomic_int_set(&((OffloadJob *) p)->discarded, true);
        g_thread_pool_free(o->threads[OFFLOAD_COMPUTE], FALSE, TRUE);
        g_thread_pool_free(o->threads[OFFLOAD_DEVICE], FALSE, FALSE);
        g_mutex_lock(&o->queue->lock);
        o->queue->closed = true;
        g_mutex_unlock(&o->queue->lock);
        while ((j = queue_pop(o->queue)))
                job_unref(j);
        g_hash_table_iter_init(&iter, o->jobs);
        while (g_hash_table_iter_next(&iter, &p, NULL))
                job_unref(p);
        g_hash_table_unref(o->jobs);
        queue_unref(o->queue);
        g_free(o);
        return NULL;
}

OffloadJob *offload_start(Offload *o, OffloadKind kind, OffloadFunction work, OffloadFunction done,
                          void *data, GDestroyNotify destroy)
{
        OffloadJob *j = g_new0(OffloadJob, 1);

        *j = (OffloadJob){
                .references = 2,
                .owner = o,
                .queue = o->queue,
                .work = work,
                .done = done,
                .data = data,
                .destroy = destroy,
        };
        g_atomic_int_inc(&o->queue->references);
        g_hash_table_add(o->jobs, j);
        g_thread_pool_push(o->threads[kind], j, NULL);
        return j;
}

OffloadJob *offload_discard(OffloadJob *j)
{
        if (j) {
                g_atomic_int_set(&j->discarded, true);
                g_hash_table_steal(j->owner->jobs, j);
                job_unref(j);
        }
        return NULL;
}
