/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one time limit of a probe, and the one place that waits. */

#include "issuers/probe/deadline.h"

#include "common/timespan.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <time.h>

uint64_t deadline_in(uint64_t span_usec)
{
        return (uint64_t) g_get_monotonic_time() + span_usec;
}

uint64_t deadline_left(uint64_t deadline)
{
        uint64_t now = (uint64_t) g_get_monotonic_time();

        return deadline > now ? deadline - now : 0;
}

bool deadline_wait(int fd, short events, uint64_t deadline)
{
        struct pollfd p = { .fd = fd, .events = events };
        int r;

        do {
                uint64_t left = deadline_left(deadline);
                struct timespec span = { .tv_sec = (time_t) (left / USEC_PER_SEC),
                                         .tv_nsec = (long) (left % USEC_PER_SEC * 1000) };

                r = ppoll(&p, 1, &span, NULL);
        } while (r < 0 && errno == EINTR);
        if (r == 0)
                errno = ETIMEDOUT;
        return r > 0;
}
