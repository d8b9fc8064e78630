/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* STARTTLS: the few lines that a client and a server exchange before TLS begins. Owns the buffer of what the
 * server says; everything in it is hostile: lines without end, replies without end, bytes smuggled in before
 * TLS. */

#include "issuers/probe/starttls.h"

#include "common/error.h"
#include "issuers/probe/deadline.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define LINE_BYTES_MAX  4096
#define TOTAL_BYTES_MAX (64 * 1024)
#define QUOTED_MAX      120
#define HINT                                                                                                 \
        "\nCheck \"connect\" and \"starttls\" in \"verify\" of the manifest, and the service's TLS "         \
        "settings."

typedef struct Talk {
        int fd;
        uint64_t deadline;
        char buffer[LINE_BYTES_MAX];
        size_t start, end, total;
} Talk;

/* ---- Bytes ---- */

static bool fail(GError **error, const char *why)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SERVING, "before TLS: %s" HINT, why);
        return false;
}

/* Quotes what the server said, as far as a person can read it. */
static bool fail_quoting(GError **error, const char *why, const char *line)
{
        g_autofree char *quoted = cert_error_printable(line, QUOTED_MAX, "");

        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SERVING, "before TLS: %s: \"%s\"" HINT, why, quoted);
        return false;
}

static bool say(Talk *t, const void *data, size_t size, GError **error)
{
        const char *p = data;

        while (size > 0) {
                ssize_t n = send(t->fd, p, size, MSG_NOSIGNAL);

                if (n > 0) {
                        p += n;
                        size -= (size_t) n;
                } else if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return fail(error, g_strerror(errno));
                else if (!deadline_wait(t->fd, POLLOUT, t->deadline))
                        return fail(error, "the server does not read");
        }
        return true;
}

static bool say_line(Talk *t, const char *line, GError **error)
{
        return say(t, line, strlen(line), error);
}

/* Reads more into the buffer, which is not full. */
static bool hear(Talk *t, GError **error)
{
        ssize_t n;

        do {
                if (!deadline_wait(t->fd, POLLIN, t->deadline))
                        return fail(error, "the server says nothing (does it speak TLS from the start?)");
                n = recv(t->fd, t->buffer + t->end, sizeof(t->buffer) - t->end, 0);
        } while (n < 0 && (errno == EAGAIN || errno == EINTR));
        if (n < 0)
                return fail(error, g_strerror(errno));
        if (n == 0)
                return fail(error, "the server closed the connection");
        t->end += (size_t) n;
        t->total += (size_t) n;
        return t->total <= TOTAL_BYTES_MAX || fail(error, "the server says far too much");
}

/* The next line, without its end; valid until the next call. NUL bytes end it early, which harms nobody. */
static bool hear_line(Talk *t, const char **ret_line, GError **error)
{
        char *newline;

        while (!(newline = memchr(t->buffer + t->start, '\n', t->end - t->start))) {
                memmove(t->buffer, t->buffer + t->start, t->end - t->start);
                t->end -= t->start;
                t->start = 0;
                if (t->end == sizeof(t->buffer))
                        return fail(error, "the server sends a line without end");
                if (!hear(t, error))
                        return false;
        }
        *newline = '\0';
        if (newline > t->buffer + t->start && newline[-1] == '\r')
                newline[-1] = '\0';
        *ret_line = t->buffer + t->start;
        t->start = (size_t) (newline + 1 - t->buffer);
        return true;
}

/* What came after the server's consent, but before TLS, was said by somebody else. */
static bool nothing_is_left(const Talk *t, GError **error)
{
        return t->start == t->end || fail(error, "the server sent more than its consent to start TLS");
}

/* ---- SMTP ---- */

/* One reply, of any number of lines: "250-…", "250 …" (RFC 5321, 4.2.1). */
static bool smtp_reply(Talk *t, const char *code, bool *ret_starttls, GError **error)
{
        const char *line;

        do {
                if (!hear_line(t, &line, error))
                        return false;
                if (!g_str_has_prefix(line, code) || (line[3] != '-' && line[3] != ' ' && line[3] != '\0'))
                        return fail_quoting(error, "the SMTP server answers", line);
                if (ret_starttls && line[3] != '\0' && g_ascii_strcasecmp(line + 4, "STARTTLS") == 0)
                        *ret_starttls = true;
        } while (line[3] == '-');
        return true;
}

static bool talk_smtp(Talk *t, GError **error)
{
        bool offered = false;

        if (!smtp_reply(t, "220", NULL, error) || !say_line(t, "EHLO localhost\r\n", error) ||
            !smtp_reply(t, "250", &offered, error))
                return false;
        if (!offered)
                return fail(error, "the SMTP server does not offer STARTTLS");
        return say_line(t, "STARTTLS\r\n", error) && smtp_reply(t, "220", NULL, error);
}

/* ---- IMAP ---- */

static bool talk_imap(Talk *t, GError **error)
{
        const char *line;

        if (!hear_line(t, &line, error))
                return false;
        if (g_ascii_strncasecmp(line, "* OK", 4) != 0)
                return fail_quoting(error, "the IMAP server greets with", line);
        if (!say_line(t, "a1 STARTTLS\r\n", error))
                return false;
        do /* untagged data may come in between */
                if (!hear_line(t, &line, error))
                        return false;
        while (line[0] == '*');
        return g_ascii_strncasecmp(line, "a1 OK", 5) == 0 ||
               fail_quoting(error, "the IMAP server answers", line);
}

/* ---- PostgreSQL ---- */

static bool talk_postgresql(Talk *t, GError **error)
{
        static const unsigned char ssl_request[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };

        if (!say(t, ssl_request, sizeof(ssl_request), error) || !hear(t, error))
                return false;
        switch (t->buffer[t->start++]) {
        case 'S':
                return true;
        case 'N':
                return fail(error, "the PostgreSQL server has TLS switched off (ssl = on)");
        default:
                return fail(error, "it does not answer as a PostgreSQL server does");
        }
}

/* ---- All of them ---- */

typedef struct Protocol {
        const char *name;
        bool (*talk)(Talk *t, GError **error);
} Protocol;

static const Protocol protocols[] = {
        { "smtp", talk_smtp },
        { "imap", talk_imap },
        { "postgresql", talk_postgresql },
};

bool probe_starttls(int fd, const char *protocol, uint64_t deadline, GError **error)
{
        Talk talk = { .fd = fd, .deadline = deadline };

        if (!protocol || g_str_equal(protocol, "none"))
                return true;
        for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
                if (g_str_equal(protocols[i].name, protocol))
                        return protocols[i].talk(&talk, error) && nothing_is_left(&talk, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "no STARTTLS is known for \"%s\"\nKnown are: smtp, imap, postgresql.", protocol);
        return false;
}
