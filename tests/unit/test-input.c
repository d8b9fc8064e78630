/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files given on the command line: what is none, or is the wrong one, is told by what it is, nothing hangs,
 * and nothing of a key is ever in a message. */

#include "client/input.h"
#include "common/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAUwAzABADAAAwEA\n-----END CERTIFICATE-----\n"
#define REQUEST     "-----BEGIN CERTIFICATE REQUEST-----\nMAUwAzABADAAAwEA\n-----END CERTIFICATE REQUEST-----\n"
#define KEY_BODY    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v"
#define KEY         "-----BEGIN PRIVATE KEY-----\n" KEY_BODY "\n-----END PRIVATE KEY-----\n"

typedef struct Folder {
        char *path;
} Folder;

static void folder_setup(Folder *f, const void *data)
{
        f->path = g_dir_make_tmp("cert-input-XXXXXX", NULL);
        g_assert_nonnull(f->path);
}

static void folder_teardown(Folder *f, const void *data)
{
        g_autoptr(GDir) dir = g_dir_open(f->path, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(f->path, name, NULL);

                g_assert_cmpint(g_remove(path), ==, 0);
        }
        g_assert_cmpint(g_rmdir(f->path), ==, 0);
        g_free(f->path);
}

static char *file_new(const Folder *f, const char *name, const char *content)
{
        char *path = g_build_filename(f->path, name, NULL);

        g_assert_true(g_file_set_contents(path, content, -1, NULL));
        return path;
}

static char *read_answer(const char *one, const char *other, GError **error)
{
        char *paths[] = { (char *) one, (char *) other, NULL };

        return input_read_answer(paths, error);
}

static void assert_refused(const char *path, bool request_wanted, const char *part)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text =
                request_wanted ? input_read_request(path, &error) : read_answer(path, NULL, &error);

        g_assert_null(text);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, part));
        g_assert_null(strstr(error->message, KEY_BODY));
}

static void test_several_are_one_text(Folder *f, const void *data)
{
        g_autofree char *leaf = file_new(f, "leaf", CERTIFICATE),
                        *chain = file_new(f, "chain", "Chain:\n" CERTIFICATE "(end)");
        g_autofree char *text = read_answer(leaf, chain, NULL);

        g_assert_cmpstr(text, ==, CERTIFICATE "Chain:\n" CERTIFICATE "(end)\n");
}

static void test_request(Folder *f, const void *data)
{
        g_autofree char *path = file_new(f, "request", REQUEST), *text = input_read_request(path, NULL);

        g_assert_cmpstr(text, ==, REQUEST);
}

static void test_wrong_ones_are_named(Folder *f, const void *data)
{
        static const struct {
                const char *content;
                bool request_wanted;
                const char *part;
        } cases[] = {
                { KEY, false, "a private key\nNOTHING WAS SENT" },
                { KEY, true, "a private key\nNOTHING WAS SENT" },
                { CERTIFICATE KEY, false, "a private key" },
                { REQUEST KEY, true, "a private key" },
                { REQUEST, false, "This is the request itself" },
                { CERTIFICATE, true, "What is signed is a request" },
                { "", false, "an empty file" },
                { " \n", true, "an empty file" },
                { "<!DOCTYPE html><title>Log in</title>", false, "a web page" },
                { "hello", false, "a text" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = file_new(f, "file", cases[i].content);

                assert_refused(path, cases[i].request_wanted, cases[i].part);
        }
}

static void test_what_is_no_file(Folder *f, const void *data)
{
        g_autofree char *pipe = g_build_filename(f->path, "pipe", NULL),
                        *none = g_build_filename(f->path, "none", NULL);
        g_autofree char *path = g_build_filename(f->path, "socket", NULL);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
        assert_refused(f->path, false, "is a folder");
        assert_refused(pipe, false, "is a named pipe"); /* nobody writes to it: a read would wait for ever */
        assert_refused(path, false, "is a socket");
        assert_refused("/dev/zero", true, "is a device");
        assert_refused(none, false, "No such file");
        close(fd);
}

static void test_bounds(Folder *f, const void *data)
{
        g_autofree char *exact = g_strnfill(INPUT_MAX - strlen(CERTIFICATE), '#'),
                        *content = g_strconcat(exact, CERTIFICATE, NULL);
        g_autofree char *full = file_new(f, "full", content), *leaf = file_new(f, "leaf", CERTIFICATE);
        g_autofree char *more = g_strconcat("#", content, NULL), *over = file_new(f, "over", more);
        g_autofree char *sparse = file_new(f, "sparse", ""), *text = read_answer(full, NULL, NULL);
        g_autoptr(GError) error = NULL;

        g_assert_cmpuint(strlen(text), ==, INPUT_MAX);
        assert_refused(over, false, "is too large");
        g_assert_cmpint(truncate(sparse, INT64_C(1) << 30), ==, 0);
        assert_refused(sparse, false, "is too large");
        g_assert_null(read_answer(full, leaf, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

/* A file of /proc says that it has 0 bytes. */
static void test_size_is_not_believed(Folder *f, const void *data)
{
        assert_refused("/proc/self/status", false, "is a text");
}

static void add(const char *path, void (*test)(Folder *f, const void *data))
{
        g_test_add(path, Folder, NULL, folder_setup, test, folder_teardown);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add("/input/several-are-one-text", test_several_are_one_text);
        add("/input/request", test_request);
        add("/input/wrong-ones-are-named", test_wrong_ones_are_named);
        add("/input/what-is-no-file", test_what_is_no_file);
        add("/input/bounds", test_bounds);
        add("/input/size-is-not-believed", test_size_is_not_believed);
        return g_test_run();
}
