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
        size_t taken; /* of what is read byte by byte */
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

/* ---- POP3 ---- */

static bool pop3_reply(Talk *t, GError **error)
{
        const char *line;

        return hear_line(t, &line, error) &&
               (g_str_has_prefix(line, "+OK") || fail_quoting(error, "the POP3 server answers", line));
}

static bool talk_pop3(Talk *t, GError **error)
{
        return pop3_reply(t, error) && say_line(t, "STLS\r\n", error) && pop3_reply(t, error);
}

/* ---- FTP ---- */

/* One reply, of any number of lines: "220-…", what it likes, "220 …" (RFC 959, 4.2). */
static bool ftp_reply(Talk *t, const char *code, GError **error)
{
        const char *line;

        if (!hear_line(t, &line, error))
                return false;
        if (!g_str_has_prefix(line, code) || (line[3] != '-' && line[3] != ' '))
                return fail_quoting(error, "the FTP server answers", line);
        while (!g_str_has_prefix(line, code) || line[3] != ' ')
                if (!hear_line(t, &line, error))
                        return false;
        return true;
}

static bool talk_ftp(Talk *t, GError **error)
{
        return ftp_reply(t, "220", error) && say_line(t, "AUTH TLS\r\n", error) && ftp_reply(t, "234", error);
}

/* ---- LDAP ---- */

/* A byte that was not heard yet. */
static bool hear_byte(Talk *t, uint8_t *ret, GError **error)
{
        if (t->start == t->end) {
                t->start = t->end = 0;
                if (!hear(t, error))
                        return false;
        }
        *ret = (uint8_t) t->buffer[t->start++];
        t->taken++;
        return true;
}

static bool no_ldap(GError **error)
{
        return fail(error, "it does not answer as an LDAP server does");
}

/* A tag of one byte and a length of at most four (X.690, 8.1). */
static bool ldap_head(Talk *t, uint8_t *ret_tag, size_t *ret_length, GError **error)
{
        size_t length = 0;
        uint8_t byte, n;

        if (!hear_byte(t, ret_tag, error) || !hear_byte(t, &byte, error))
                return false;
        if (byte < 0x80) {
                *ret_length = byte;
                return true;
        }
        n = byte & 0x7f;
        if (n == 0 || n > 4)
                return no_ldap(error);
        for (; n > 0; n--) {
                if (!hear_byte(t, &byte, error))
                        return false;
                length = length << 8 | byte;
        }
        *ret_length = length;
        return true;
}

static bool ldap_skip(Talk *t, size_t length, GError **error)
{
        uint8_t byte;

        if (length > TOTAL_BYTES_MAX)
                return no_ldap(error);
        for (; length > 0; length--)
                if (!hear_byte(t, &byte, error))
                        return false;
        return true;
}

/* LDAPMessage { messageID, [APPLICATION 24] { resultCode ENUMERATED, … } }, of which all is read. */
static bool ldap_answer(Talk *t, uint8_t *ret_code, GError **error)
{
        uint8_t tag;
        size_t whole, length, response, begun;

        if (!ldap_head(t, &tag, &whole, error))
                return false;
        begun = t->taken;
        if (tag != 0x30)
                return no_ldap(error);
        if (!ldap_head(t, &tag, &length, error) || !ldap_skip(t, length, error))
                return false;
        if (tag != 0x02)
                return no_ldap(error);
        if (!ldap_head(t, &tag, &response, error))
                return false;
        if (tag != 0x78)
                return no_ldap(error);
        if (!ldap_head(t, &tag, &length, error))
                return false;
        if (tag != 0x0a || length != 1)
                return no_ldap(error);
        if (!hear_byte(t, ret_code, error))
                return false;
        if (t->taken - begun > whole)
                return no_ldap(error);
        return ldap_skip(t, whole - (t->taken - begun), error);
}

static bool talk_ldap(Talk *t, GError **error)
{
        /* ExtendedRequest with the name 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14.1) */
        static const char request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
                                      "1.3.6.1.4.1.1466.20037";
        uint8_t code;

        if (!say(t, request, sizeof(request) - 1, error) || !ldap_answer(t, &code, error))
                return false;
        return code == 0 || fail(error, "the LDAP server refuses to start TLS");
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
        { "pop3", talk_pop3 },
        { "ftp", talk_ftp },
        { "ldap", talk_ldap },
        { "postgresql", talk_postgresql },
};

bool probe_starttls_knows(const char *protocol)
{
        for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
                if (g_str_equal(protocols[i].name, protocol))
                        return true;
        return false;
}

bool probe_starttls(int fd, const char *protocol, uint64_t deadline, GError **error)
{
        Talk talk = { .fd = fd, .deadline = deadline };

        if (!protocol || g_str_equal(protocol, "none"))
                return true;
        for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
                if (g_str_equal(protocols[i].name, protocol))
                        return protocols[i].talk(&talk, error) && nothing_is_left(&talk, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "no STARTTLS is known for \"%s\"\nKnown are: smtp, imap, pop3, ftp, ldap, postgresql.", protocol);
        return false;
}
