/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An intake. It owns a duplicate of the socket, of which it only reads, one end of a socketpair, and a buffer
 * for what that would not take at once. It follows the messages just as far as to know how long each is. */

#include "agent/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_SIZE 16 /* the fixed part of a message's header (D-Bus specification, "Message Format") */

/* Within one allowance: sd-bus answers each call that nobody serves, and keeps what the other side does not read. An
 * honest issuer asks for some dozens of signatures. */
#define MESSAGES_MAX 4096

struct Intake {
        sd_event_source *readable, *writable;
        int in, out;
        uint64_t allowed;
        unsigned messages; /* within this allowance */
        uint64_t message; /* bytes of the message at hand that are still to come */
        unsigned char header[HEADER_SIZE];
        size_t header_size;
        bool authenticated; /* messages follow */
        size_t begin, end;  /* of what waits in the buffer */
        IntakeFlooded flooded;
        void *userdata;
        unsigned char buffer[32 * 1024];
};

/* The other side has closed (or failed): sd-bus reads what is left, then the end. */
static void finish(Intake *i)
{
        i->readable = sd_event_source_disable_unref(i->readable);
        (void) shutdown(i->out, SHUT_RDWR);
}

/* Writes what waits; reads no more until it is gone. */
static void pass_on(Intake *i)
{
        while (i->begin < i->end) {
                ssize_t n =
                        send(i->out, i->buffer + i->begin, i->end - i->begin, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        finish(i);
                        return;
                }
                i->begin += n;
        }
        (void) sd_event_source_set_enabled(i->readable, i->begin < i->end ? SD_EVENT_OFF : SD_EVENT_ON);
        (void) sd_event_source_set_enabled(i->writable, i->begin < i->end ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* The server's side of the authentication is lines, the last of which is "OK GUID" (D-Bus specification,
 * "Authentication Protocol"; file descriptors are not asked for, so that nothing follows). Returns what is
 * left. */
static size_t skip_line(Intake *i, const unsigned char *data, size_t size)
{
        const unsigned char *end = memchr(data, '\n', size);
        size_t length = end ? (size_t) (end - data) + 1 : size;
        size_t kept = MIN(length, sizeof(i->header) - i->header_size);

        memcpy(i->header + i->header_size, data, kept);
        i->header_size += kept;
        if (end) {
                i->authenticated = i->header_size >= 3 && memcmp(i->header, "OK ", 3) == 0;
                i->header_size = 0;
        }
        return size - length;
}

static uint32_t read_u32(const Intake *i, size_t at)
{
        uint32_t value;

        memcpy(&value, i->header + at, sizeof(value));
        return i->header[0] == 'B' ? GUINT32_FROM_BE(value) : GUINT32_FROM_LE(value);
}

/* What the header announces after its fixed part: the fields, padded to eight bytes, and the body. What is no
 * header is sd-bus's to judge. */
static uint64_t announced(const Intake *i)
{
        uint64_t body = read_u32(i, 4), fields = read_u32(i, 12);
        bool header = i->header[0] == 'l' || i->header[0] == 'B';

        return header ? (fields + 7) / 8 * 8 + body : 0;
}

/* Follows the messages; false when there are too many, or one announces more than is allowed: sd-bus would make
 * room for all of it. */
static bool follow(Intake *i, const unsigned char *data, size_t size)
{
        while (size > 0) {
                size_t n;

                if (!i->authenticated) {
                        n = size - skip_line(i, data, size);
                } else if (i->message > 0) {
                        n = MIN(size, i->message);
                        i->message -= n;
                } else {
                        n = MIN(size, HEADER_SIZE - i->header_size);
                        memcpy(i->header + i->header_size, data, n);
                        i->header_size += n;
                        if (i->header_size == HEADER_SIZE) {
                                i->header_size = 0;
                                i->message = announced(i);
                                if (i->message > i->allowed || ++i->messages > MESSAGES_MAX)
                                        return false;
                        }
                }
                data += n;
                size -= n;
        }
        return true;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        Intake *i = userdata;
        ssize_t n = recv(fd, i->buffer, sizeof(i->buffer), MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                finish(i);
                return 0;
        }
        if ((uint64_t) n > i->allowed || !follow(i, i->buffer, n)) {
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
                i->flooded(i->userdata);
                return 0;
        }
        i->allowed -= n;
        i->begin = 0;
        i->end = n;
        pass_on(i);
        return 0;
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        pass_on(userdata);
        return 0;
}

Intake *intake_new(sd_event *event, int fd, IntakeFlooded flooded, void *userdata, int *ret_fd)
{
        Intake *i = g_new0(Intake, 1);
        int pair[2] = { -1, -1 }, r;

        i->flooded = flooded;
        i->userdata = userdata;
        i->out = -1;
        i->in = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        r = i->in < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ? -errno
                                                                                                      : 0;
        i->out = pair[0];
        if (r >= 0)
                r = sd_event_add_io(event, &i->readable, i->in, EPOLLIN, on_readable, i);
        if (r >= 0)
                r = sd_event_add_io(event, &i->writable, i->out, EPOLLOUT, on_writable, i);
        if (r >= 0)
                r = sd_event_source_set_enabled(i->writable, SD_EVENT_OFF);
        if (r < 0) {
                if (pair[1] >= 0)
                        close(pair[1]);
                intake_free(i);
                errno = -r;
                return NULL;
        }
        *ret_fd = pair[1];
        return i;
}

Intake *intake_free(Intake *i)
{
        if (!i)
                return NULL;
        sd_event_source_disable_unref(i->readable);
        sd_event_source_disable_unref(i->writable);
        if (i->in >= 0)
                close(i->in);
        if (i->out >= 0)
                close(i->out);
        g_free(i);
        return NULL;
}

void intake_allow(Intake *i, uint64_t bytes)
{
        i->allowed = bytes;
        i->messages = 0;
}
