/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clock: what time it is, and whether that can be believed. The file holds one byte for each pass that was
 * held because the clock had jumped back; its mtime is the latest time seen. */

#include "agent/clock.h"

#include "common/log.h"
#include "common/names.h"
#include "common/path.h"
#include "common/timespan.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

PlanClock clock_read(void)
{
        g_autofree char *path = host_path(CERT_CLOCK_FILE);
        uint64_t seen = clock_last_pass();
        struct stat st;

        if (seen > 0 && stat(path, &st) == 0 && st.st_size >= CLOCK_HELD_PASSES_MAX)
                seen = 0;
        return plan_clock(now_realtime(), seen);
}

void clock_seen(PlanClock clock)
{
        g_autofree char *path = host_path(CERT_CLOCK_FILE);
        struct timespec times[2] = {
                { .tv_nsec = UTIME_OMIT },
                { (time_t) (clock.now / USEC_PER_SEC), (long) (clock.now % USEC_PER_SEC) * 1000 },
        };
        int fd;

        if (clock.trust == CLOCK_UNSET)
                return;
        fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_APPEND, 0600);
        if (fd < 0) {
                log_warning("Cannot keep the latest time seen in %s: %s, ignoring.", path, g_strerror(errno));
                return;
        }
        if (clock.trust == CLOCK_JUMPED_BACK) {
                /* One more held pass, with the later time kept. */
                struct stat st;

                if (fstat(fd, &st) == 0 && write(fd, "h", 1) == 1) {
                        times[1] = st.st_mtim;
                        (void) futimens(fd, times);
                }
        } else if (ftruncate(fd, 0) < 0 || futimens(fd, times) < 0)
                log_warning("Cannot keep the latest time seen in %s: %s, ignoring.", path, g_strerror(errno));
        (void) close(fd);
}

uint64_t clock_last_pass(void)
{
        g_autofree char *path = host_path(CERT_CLOCK_FILE);
        struct stat st;

        if (stat(path, &st) < 0 || st.st_mtim.tv_sec < 0)
                return 0;
        return (uint64_t) st.st_mtim.tv_sec * USEC_PER_SEC + (uint64_t) st.st_mtim.tv_nsec / 1000;
}
