/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What speaks on a port where no TLS came about. First it is only listened, for protocols in which the server begins; then
 * each question is asked on a connection of its own. What comes back is hostile: of each answer 512 bytes are read. */

#include "client/doctor/greeting.h"

#include "common/enum-table.h"
#include "common/error.h"
#include "common/timespan.h"
#include "issuers/probe/connect.h"
#include "issuers/probe/deadline.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEARD_MAX    512
#define SHOWN_MAX    80
#define LISTEN_USEC  (3 * USEC_PER_SEC)
#define ANSWER_USEC  (1500 * USEC_PER_MSEC)

static const char *const names[_GREETING_MAX] = {
        [GREETING_HTTP] = "HTTP",   [GREETING_SMTP] = "SMTP",   [GREETING_IMAP] = "IMAP",
        [GREETING_POP3] = "POP3",   [GREETING_FTP] = "FTP",     [GREETING_POSTGRESQL] = "PostgreSQL",
        [GREETING_LDAP] = "LDAP",   [GREETING_MYSQL] = "MySQL", [GREETING_SSH] = "SSH",
        [GREETING_NNTP] = "NNTP",   [GREETING_SIEVE] = "ManageSieve",
};

static const char *const starttls[_GREETING_MAX] = {
        [GREETING_SMTP] = "smtp", [GREETING_IMAP] = "imap",             [GREETING_POP3] = "pop3",
        [GREETING_FTP] = "ftp",   [GREETING_POSTGRESQL] = "postgresql", [GREETING_LDAP] = "ldap",
};

const char *greeting_to_string(Greeting g)
{
        return (int) g >= 0 && g < _GREETING_MAX ? names[g] : NULL;
}

const char *greeting_starttls(Greeting g)
{
        return (int) g >= 0 && g < _GREETING_MAX ? starttls[g] : NULL;
}

/* ---- Words ---- */

static bool begins(const uint8_t *data, size_t size, const char *with)
{
        size_t length = strlen(with);

        return size >= length && memcmp(data, with, length) == 0;
}

/* In the first line, in either case. */
static bool first_line_has(const uint8_t *data, size_t size, const char *word)
{
        const uint8_t *end = memchr(data, '\n', size);
        size_t line = end ? (size_t) (end - data) : size, length = strlen(word);

        for (size_t i = 0; i + length <= line; i++)
                if (g_ascii_strncasecmp((const char *) data + i, word, length) == 0)
                        return true;
        return false;
}

/* Handshake packet: its length (3 bytes), number 0, protocol version 10 or the error 0xff, the version as text. */
static bool is_mysql(const uint8_t *data, size_t size)
{
        return size >= 6 && data[3] == 0 && data[2] == 0 && data[0] >= 6 && (data[4] == 10 || data[4] == 0xff);
}

Greeting greeting_of_words(const uint8_t *data, size_t size)
{
        static const struct {
                const char *with;
                Greeting greeting;
        } table[] = {
                { "HTTP/1.", GREETING_HTTP }, { "* OK", GREETING_IMAP },  { "* PREAUTH", GREETING_IMAP },
                { "* BYE", GREETING_IMAP },   { "+OK", GREETING_POP3 },   { "-ERR", GREETING_POP3 },
                { "SSH-", GREETING_SSH },     { "200 ", GREETING_NNTP },  { "201 ", GREETING_NNTP },
                { "\"IMPLEMENTATION\"", GREETING_SIEVE },
                { "220 ", GREETING_SMTP },    { "220-", GREETING_SMTP },  { "421 ", GREETING_SMTP },
                { "554 ", GREETING_SMTP },
        };

        if (size == 0)
                return GREETING_UNKNOWN;
        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                if (begins(data, size, table[i].with))
                        return table[i].greeting == GREETING_SMTP && first_line_has(data, size, "FTP") ? GREETING_FTP
                                                                                                        : table[i].greeting;
        return is_mysql(data, size) ? GREETING_MYSQL : GREETING_UNKNOWN;
}

/* ---- Questions ---- */

typedef struct Heard {
        uint8_t data[HEARD_MAX];
        size_t size;
        bool is_closed;
} Heard;

static void hear(int fd, uint64_t until, Heard *h)
{
        while (h->size < sizeof h->data && !memchr(h->data, '\n', h->size)) {
                ssize_t n;

                if (!deadline_wait(fd, POLLIN, until))
                        return;
                n = recv(fd, h->data + h->size, sizeof h->data - h->size, 0);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        continue;
                if (n <= 0) {
                        h->is_closed = true;
                        return;
                }
                h->size += (size_t) n;
                if (h->data[0] < ' ') /* no text: the first packet is enough */
                        return;
        }
}

/* False: no connection any more. */
static bool converse(const char *target, const void *question, size_t size, uint64_t span, uint64_t deadline, Heard *ret)
{
        uint64_t until = MIN(deadline_in(span), deadline);
        ConnectFailure failure;
        int fd;

        *ret = (Heard) { .size = 0 };
        if (!probe_connect_to(target, until, &fd, &failure))
                return false;
        if (size == 0 || send(fd, question, size, MSG_NOSIGNAL) == (ssize_t) size)
                hear(fd, until, ret);
        close(fd);
        return true;
}

static char *first_line(const Heard *h)
{
        const uint8_t *end = h->size > 0 ? memchr(h->data, '\n', h->size) : NULL;
        size_t size = end ? (size_t) (end - h->data) : h->size;
        g_autofree char *line = g_strndup((const char *) h->data, size);

        return cert_error_printable(g_strchomp(line), SHOWN_MAX, "");
}

/* SMTP and FTP both greet with 220; only one of them knows EHLO (RFC 5321, 4.1.1.1). */
static Greeting tell_apart(const char *target, uint64_t deadline)
{
        static const char hello[] = "EHLO localhost\r\n";
        uint64_t until = MIN(deadline_in(ANSWER_USEC), deadline);
        Heard greeting = { .size = 0 }, answer = { .size = 0 };
        Greeting g = GREETING_SMTP;
        ConnectFailure failure;
        int fd;

        if (!probe_connect_to(target, until, &fd, &failure))
                return g;
        hear(fd, until, &greeting);
        if (send(fd, hello, strlen(hello), MSG_NOSIGNAL) > 0)
                hear(fd, until, &answer);
        if (answer.size >= 3 && memcmp(answer.data, "250", 3) != 0 && memcmp(answer.data, "220", 3) != 0)
                g = GREETING_FTP;
        close(fd);
        return g;
}

static bool is_postgresql(const char *target, uint64_t deadline)
{
        static const uint8_t ssl_request[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };
        Heard h;

        return converse(target, ssl_request, sizeof ssl_request, ANSWER_USEC, deadline, &h) && h.size == 1 &&
               (h.data[0] == 'S' || h.data[0] == 'N');
}

/* An anonymous bind (RFC 4511, 4.2), answered by an LDAPMessage with a BindResponse (application tag 1), granted or not. */
static bool is_ldap(const char *target, uint64_t deadline)
{
        static const uint8_t bind[] = { 0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0 };
        Heard h;

        return converse(target, bind, sizeof bind, ANSWER_USEC, deadline, &h) && h.size >= 7 && h.data[0] == 0x30 &&
               memchr(h.data, 0x61, MIN(h.size, 12)) != NULL;
}

static bool is_http(const char *target, uint64_t deadline)
{
        static const char request[] = "HEAD / HTTP/1.0\r\n\r\n";
        Heard h;

        return converse(target, request, strlen(request), ANSWER_USEC, deadline, &h) &&
               greeting_of_words(h.data, h.size) == GREETING_HTTP;
}

Greeting greeting_find(const char *target, uint64_t deadline, char **ret_said)
{
        Heard h;
        Greeting g;

        if (!converse(target, NULL, 0, LISTEN_USEC, deadline, &h)) {
                *ret_said = g_strdup("");
                return GREETING_CLOSED;
        }
        *ret_said = first_line(&h);
        g = greeting_of_words(h.data, h.size);
        if (g == GREETING_SMTP)
                return tell_apart(target, deadline);
        if (h.size > 0)
                return g;
        if (is_http(target, deadline))
                return GREETING_HTTP;
        if (is_postgresql(target, deadline))
                return GREETING_POSTGRESQL;
        if (is_ldap(target, deadline))
                return GREETING_LDAP;
        return h.is_closed ? GREETING_CLOSED : GREETING_SILENT;
}
