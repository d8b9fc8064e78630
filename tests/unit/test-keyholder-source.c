/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source of an account's key: what is read of a password, and what each way of not being readable is
 * called. */

#include "common/error.h"
#include "common/names.h"
#include "issuers/keyholder/source.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD_FILE "/etc/step.password"

typedef struct Place {
        char *root, *path; /* of PASSWORD_FILE, as it is on this host */
} Place;

static void place_make(Place *p)
{
        p->root = fixture_root_new();
        fixture_make_folder(p->root, "/etc", 0755);
        p->path = fixture_path(p->root, PASSWORD_FILE);
}

static void place_clear(Place *p)
{
        fixture_root_free(p->root);
        g_free(p->path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static void write_file(const char *path, const void *data, size_t size, mode_t mode)
{
        g_assert_true(g_file_set_contents(path, data, (gssize) size, NULL));
        g_assert_cmpint(chmod(path, mode), ==, 0);
}

static const Source by_file = { .password_file = PASSWORD_FILE, .encrypted_key = "a.b.c.d.e" };

static void assert_password(const Source *s, const char *wanted)
{
        g_auto(SourceContent) c = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_true(source_read(s, &c, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(c.password->size, ==, strlen(wanted));
        g_assert_cmpstr((const char *) c.password->data, ==, wanted);
}

static void assert_unreadable(const Source *s, const char *what)
{
        g_auto(SourceContent) c = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_false(source_read(s, &c, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        if (!strstr(error->message, what) || !strchr(error->message, '\n'))
                g_error("\"%s\" says nothing of \"%s\", or not what to do", error->message, what);
        if (s->password_file && !strstr(error->message, s->password_file))
                g_error("\"%s\" does not say which file", error->message);
        g_assert_null(c.password);
}

static void test_white_space_at_the_end_is_none_of_the_password(void)
{
        static const struct {
                const char *content, *password;
        } cases[] = {
                { "secret", "secret" },           { "secret\n", "secret" },
                { "secret\r\n", "secret" },       { "secret\n\n", "secret" },
                { "secret \t", "secret" },        { " sec ret\n", " sec ret" },
                { "two\nlines\n", "two\nlines" }, { "gro\xc3\x9f\n", "gro\xc3\x9f" },
                { "\xff\xfe\n", "\xff\xfe" },
        };
        g_auto(Place) p = { 0 };

        place_make(&p);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                write_file(p.path, cases[i].content, strlen(cases[i].content), 0600);
                assert_password(&by_file, cases[i].password);
        }
}

static void test_a_link_is_followed(void)
{
        g_auto(Place) p = { 0 };
        g_autofree char *target = NULL;

        place_make(&p);
        target = fixture_path(p.root, "/etc/there");
        write_file(target, "secret\n", 7, 0400);
        g_assert_cmpint(symlink("there", p.path), ==, 0);
        assert_password(&by_file, "secret");
        g_assert_cmpint(unlink(target), ==, 0);
        assert_unreadable(&by_file, "does not exist");
}

static void test_what_the_unit_hides_is_said_to_be_hidden(void)
{
        static const char *const hidden[] = { "/tmp/p", "/var/tmp/p", CERT_STATE_DIR "/p",
                                              CERT_AUTHORITY_DIR "/site/p" };
        g_auto(Place) p = { 0 };

        place_make(&p);
        for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++) {
                Source s = { .password_file = hidden[i], .encrypted_key = "a.b.c.d.e" };

                assert_unreadable(&s, "is not seen by cert-keyholder");
        }
        assert_unreadable(&by_file, "does not exist");
}

static void test_what_holds_no_password(void)
{
        g_auto(Place) p = { 0 };
        g_autofree char *large = g_strnfill(4097, 'x'), *full = g_strnfill(4096, 'x');
        int fd;

        place_make(&p);
        assert_unreadable(&by_file, "does not exist");
        write_file(p.path, "", 0, 0600);
        assert_unreadable(&by_file, "is empty");
        write_file(p.path, "\n \n", 3, 0600);
        assert_unreadable(&by_file, "is empty");
        write_file(p.path, "a\0b", 3, 0600);
        assert_unreadable(&by_file, "NUL");
        write_file(p.path, full, 4096, 0600);
        assert_password(&by_file, full);
        write_file(p.path, large, 4097, 0600);
        assert_unreadable(&by_file, "larger than 4 KiB");
        fd = open(p.path, O_WRONLY | O_CLOEXEC);
        g_assert_cmpint(ftruncate(fd, (off_t) 1 << 32), ==, 0);
        close(fd);
        assert_unreadable(&by_file, "larger than 4 KiB");
}

/* It would be a test of patience if one of these were waited for. */
static void test_what_is_no_file_holds_up_nobody(void)
{
        g_auto(Place) p = { 0 };
        Source device = { .password_file = "/dev/zero", .encrypted_key = "a.b.c.d.e" };
        int64_t start = g_get_monotonic_time();

        place_make(&p);
        g_assert_cmpint(mkfifo(p.path, 0600), ==, 0);
        assert_unreadable(&by_file, "no regular file");
        g_assert_cmpint(unlink(p.path), ==, 0);
        g_assert_cmpint(mkdir(p.path, 0700), ==, 0);
        assert_unreadable(&by_file, "is a folder");
        g_assert_cmpint(rmdir(p.path), ==, 0);
        g_assert_cmpint(symlink(PASSWORD_FILE, p.path), ==, 0);
        g_assert_cmpint(unlink(p.path), ==, 0);
        g_assert_cmpint(symlink("step.password", p.path), ==, 0);
        assert_unreadable(&by_file, g_strerror(ELOOP));
        g_unsetenv(CERT_ENV_TEST_ROOT); /* the host's own */
        assert_unreadable(&device, "no regular file");
        g_assert_cmpint(g_get_monotonic_time() - start, <, 30 * G_USEC_PER_SEC);
}

static void test_a_file_that_root_must_not_read_is_said_to_be_one(void)
{
        g_auto(Place) p = { 0 };

        if (!fixture_is_root())
                return;
        place_make(&p);
        write_file(p.path, "secret\n", 7, 0600);
        setfsuid(65534); /* as a share with root_squash has it; what root may do with files is gone with it */
        assert_unreadable(&by_file, "must not be read by root");
        setfsuid(0);
        assert_password(&by_file, "secret");
}

static void test_a_file_that_all_can_read_is_told_of(void)
{
        static const struct {
                mode_t mode;
                bool exposed;
        } cases[] = { { 0600, false }, { 0400, false }, { 0640, false },
                      { 0660, false }, { 0644, true },  { 0604, true } };
        g_auto(Place) p = { 0 };

        place_make(&p);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(SourceContent) c = { 0 };

                write_file(p.path, "secret\n", 7, cases[i].mode);
                g_assert_true(source_read(&by_file, &c, NULL));
                g_assert_cmpstr(c.exposed, ==, cases[i].exposed ? PASSWORD_FILE : NULL);
        }
}

static void test_a_credential_is_read_or_it_is_said_how_to_give_it(void)
{
        static const Source s = { .credential = "step.password", .encrypted_key = "a.b.c.d.e" };
        g_auto(Place) p = { 0 };
        g_autofree char *path = NULL;

        place_make(&p);
        g_unsetenv("CREDENTIALS_DIRECTORY");
        assert_unreadable(&s, "LoadCredentialEncrypted=step.password:/etc/credstore.encrypted/step.password");
        fixture_make_folder(p.root, "/run/credentials", 0755);
        g_setenv("CREDENTIALS_DIRECTORY", "/run/credentials", TRUE);
        assert_unreadable(&s, "systemctl edit cert-keyholder@.service");
        path = fixture_path(p.root, "/run/credentials/step.password");
        write_file(path, "secret\n", 7, 0400);
        assert_password(&s, "secret");
        write_file(path, "\n", 1, 0400);
        assert_unreadable(&s, "the credential step.password is empty");
        g_unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_a_key_file_comes_with_its_certificate(void)
{
        static const Source s = { .key_file = "/etc/x5c.key", .certificate_file = "/etc/x5c.pem" };
        g_auto(Place) p = { 0 };
        g_autofree char *key = NULL, *certificate = NULL;

        place_make(&p);
        key = fixture_path(p.root, s.key_file);
        certificate = fixture_path(p.root, s.certificate_file);
        assert_unreadable(&s, "the key file /etc/x5c.key does not exist");
        write_file(key, "key", 3, 0644);
        assert_unreadable(&s, "the certificate file /etc/x5c.pem does not exist");
        write_file(certificate, "certificate", 11, 0644);
        {
                g_auto(SourceContent) c = { 0 };

                g_assert_true(source_read(&s, &c, NULL));
                g_assert_cmpmem(g_bytes_get_data(c.key, NULL), g_bytes_get_size(c.key), "key", 3);
                g_assert_cmpuint(g_bytes_get_size(c.certificates), ==, 11);
                g_assert_null(c.password);
                g_assert_cmpstr(c.exposed, ==, s.key_file);
        }
}

static void test_sources_that_say_too_little_or_too_much(void)
{
        static const struct {
                Source source;
                bool good;
        } cases[] = {
                { { .password_file = "/p", .encrypted_key = "e" }, true },
                { { .credential = "c", .encrypted_key = "e" }, true },
                { { .key_file = "/k", .certificate_file = "/c" }, true },
                { { .key_file = "/k", .certificate_file = "/c", .password_file = "/p" }, true },
                { { .key_file = "/k", .certificate_file = "/c", .credential = "step.x5c-1" }, true },
                { { NULL }, false },
                { { .encrypted_key = "e" }, false },
                { { .password_file = "/p" }, false },
                { { .password_file = "p", .encrypted_key = "e" }, false },
                { { .password_file = "", .encrypted_key = "e" }, false },
                { { .password_file = "/p", .credential = "c", .encrypted_key = "e" }, false },
                { { .key_file = "/k" }, false },
                { { .certificate_file = "/c", .password_file = "/p", .encrypted_key = "e" }, false },
                { { .key_file = "/k", .certificate_file = "/c", .encrypted_key = "e", .password_file = "/p" },
                  false },
                { { .key_file = "k", .certificate_file = "/c" }, false },
                { { .credential = "../shadow", .encrypted_key = "e" }, false },
                { { .credential = "..", .encrypted_key = "e" }, false },
                { { .credential = "", .encrypted_key = "e" }, false },
                { { .credential = "a\nb", .encrypted_key = "e" }, false },
                { { .credential = "a:b", .encrypted_key = "e" }, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_cmpint(source_check(&cases[i].source, &error), ==, cases[i].good);
                if (!cases[i].good)
                        g_assert_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/keyholder-source/white-space", test_white_space_at_the_end_is_none_of_the_password);
        g_test_add_func("/keyholder-source/link", test_a_link_is_followed);
        g_test_add_func("/keyholder-source/hidden", test_what_the_unit_hides_is_said_to_be_hidden);
        g_test_add_func("/keyholder-source/none", test_what_holds_no_password);
        g_test_add_func("/keyholder-source/no-file", test_what_is_no_file_holds_up_nobody);
        g_test_add_func("/keyholder-source/not-for-root",
                        test_a_file_that_root_must_not_read_is_said_to_be_one);
        g_test_add_func("/keyholder-source/exposed", test_a_file_that_all_can_read_is_told_of);
        g_test_add_func("/keyholder-source/credential",
                        test_a_credential_is_read_or_it_is_said_how_to_give_it);
        g_test_add_func("/keyholder-source/key-file", test_a_key_file_comes_with_its_certificate);
        g_test_add_func("/keyholder-source/check", test_sources_that_say_too_little_or_too_much);
        return g_test_run();
}
