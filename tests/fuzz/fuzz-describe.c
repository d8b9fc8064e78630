/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever is given out as a request, it can be told in words and as JSON, or it is said why not; nothing of
 * it that could move a terminal's cursor is in either. */

#include "client/request/describe.h"
#include "common/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* JSON escapes controls, so that not one is left but the newline at its end. */
static void check_json(const RequestFacts *f)
{
        g_autoptr(JsonOut) j = json_out_new(JSON_SHORT);
        g_autofree char *text = NULL;

        json_out_begin(j, NULL, '{');
        describe_request_json(f, j);
        json_out_end(j);
        text = json_out_steal(j);
        g_assert_true(g_utf8_validate(text, -1, NULL));
        for (const char *p = text; *p; p++)
                g_assert_true((unsigned char) *p >= 0x20 || (*p == '\n' && p[1] == '\0'));
}

static void check_facts(const RequestFacts *f)
{
        g_assert_true(g_utf8_validate(f->subject, -1, NULL));
        g_assert_cmpuint(g_strv_length(f->names.texts), ==, MIN(f->names.count, REQUEST_NAMES_KEPT));
        for (char **name = f->names.texts; *name; name++)
                for (const char *p = *name; *p; p++)
                        g_assert_true(*p > 0x20 && *p < 0x7f);
        g_assert_nonnull(f->key_type);
}

/* To nowhere: that it can be printed is what counts. */
static void check_words(const RequestFacts *f)
{
        static const Wish wish = { .issuer = "site" };
        static bool is_quiet;
        Client client = { .terminal = { .utf8 = true } };
        int fd;

        if (!is_quiet) {
                fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
                g_assert_cmpint(fd, >=, 0);
                g_assert_cmpint(dup2(fd, STDOUT_FILENO), >=, 0);
                close(fd);
                is_quiet = true;
        }
        describe_request(&client, f, 1);
        describe_wish(&client, f, &wish);
}

/* Nobody is asked whether to sign what no authority signs; and it is said why it does not. */
static void check_verdict(const RequestFacts *f)
{
        static const Wish wish = { .issuer = "site" };
        g_autoptr(GError) error = NULL;
        bool good = describe_verdict(f, &wish, &error);

        g_assert_cmpint(good, ==, error == NULL);
        g_assert_true(!good || f->is_proven);
        g_assert_true(!good || f->names.count <= REQUEST_NAMES_KEPT);
        g_assert_true(good || strchr(error->message, '\n'));
}

static void check_names(const uint8_t *data, size_t size)
{
        RequestNames names;

        (void) request_names_read(data, size, &names);
        g_assert_cmpuint(g_strv_length(names.texts), ==, MIN(names.count, REQUEST_NAMES_KEPT));
        request_names_clear(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GBytes) content = g_bytes_new(data, size);
        g_autoptr(GError) error = NULL, other = NULL;
        g_autoptr(RequestFacts) f = request_facts_new(content, &error);
        g_autoptr(IssuedFacts) issued = issued_facts_new(content, &other);

        g_assert_cmpint(f != NULL, ==, error == NULL);
        g_assert_cmpint(issued != NULL, ==, other == NULL);
        if (f) {
                check_facts(f);
                check_json(f);
                check_words(f);
                check_verdict(f);
        }
        check_names(data, size);
        return 0;
}
