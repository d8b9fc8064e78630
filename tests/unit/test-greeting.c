/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/doctor/greeting.h"
#include "issuers/probe/starttls.h"

#include <string.h>

static void test_words(void)
{
        static const struct {
                const char *name, *said;
                size_t size;
                Greeting greeting;
        } cases[] = {
                { "nothing", "", 0, GREETING_UNKNOWN },
                { "Postfix", "220 mail.example.org ESMTP Postfix\r\n", 0, GREETING_SMTP },
                { "Postfix in two lines", "220-mail.example.org ESMTP\r\n220 ready\r\n", 0, GREETING_SMTP },
                { "an SMTP server that is busy", "421 too many connections\r\n", 0, GREETING_SMTP },
                { "vsftpd", "220 (vsFTPd 3.0.3)\r\n", 0, GREETING_FTP },
                { "an SMTP server that speaks of FTP later", "220-mail\r\n220 no FTP here\r\n", 0, GREETING_SMTP },
                { "Dovecot", "* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", 0, GREETING_IMAP },
                { "Dovecot, POP3", "+OK Dovecot ready.\r\n", 0, GREETING_POP3 },
                { "ManageSieve", "\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n", 0, GREETING_SIEVE },
                { "INN", "200 news.example.org InterNetNews\r\n", 0, GREETING_NNTP },
                { "OpenSSH", "SSH-2.0-OpenSSH_9.2p1\r\n", 0, GREETING_SSH },
                { "nginx, of a ClientHello", "HTTP/1.1 400 Bad Request\r\n", 0, GREETING_HTTP },
                { "MariaDB", "\x4a\0\0\0\x0a" "5.5.5-10.11\0", 17, GREETING_MYSQL },
                { "MariaDB that refuses us", "\x45\0\0\0\xff\x6a\x04Host", 11, GREETING_MYSQL },
                { "a TLS alert", "\x15\x03\x01\0\x02\x02\x28", 7, GREETING_UNKNOWN },
                { "one byte", "2", 1, GREETING_UNKNOWN },
                { "words", "who are you?\r\n", 0, GREETING_UNKNOWN },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                size_t size = cases[i].size ?: strlen(cases[i].said);

                g_test_message("%s", cases[i].name);
                g_assert_cmpint(greeting_of_words((const uint8_t *) cases[i].said, size), ==, cases[i].greeting);
        }
}

/* What the doctor tells people to say is what it knows. */
static void test_starttls_is_known_to_the_probe(void)
{
        for (int g = 0; g < _GREETING_MAX; g++)
                if (greeting_starttls(g)) {
                        g_assert_true(probe_starttls_knows(greeting_starttls(g)));
                        g_assert_nonnull(greeting_to_string(g));
                }
        g_assert_null(greeting_to_string(_GREETING_INVALID));
        g_assert_null(greeting_starttls(_GREETING_MAX));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/greeting/words", test_words);
        g_test_add_func("/greeting/starttls-is-known-to-the-probe", test_starttls_is_known_to_the_probe);
        return g_test_run();
}
