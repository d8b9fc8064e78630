/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The record of what was signed for requests from elsewhere: it stays whatever becomes of the authority, it tells until when
 * an old certificate is needed, what somebody put into its folder harms nobody, and thousands of entries are not read each
 * time. */

#include "issuers/local/issued.h"

#include "common/error.h"
#include "common/timespan.h"
#include "issuers/local/change.h"
#include "issuers/local/revocation.h"
#include "tests/unit/authority-bench.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define YEAR (366 * USEC_PER_DAY)

static AuthorityBench *bench_new(void)
{
        AuthorityBench *b = authority_bench_new();

        authority_bench_change(b, change_make);
        return b;
}

static AuthorityLook *look_at(AuthorityBench *b, bool exclusive)
{
        g_autoptr(GError) error = NULL;
        AuthorityLook *look = authority_look_at_present(&b->options, exclusive, &error);

        g_assert_no_error(error);
        return look;
}

static void record_at(AuthorityBench *b, GBytes *der, uint64_t now)
{
        g_autoptr(AuthorityLook) look = look_at(b, true);
        g_autoptr(GError) error = NULL;

        (void) issued_add(look, parts_in_role(look->parts, PART_CURRENT), der, now, &error);
        g_assert_no_error(error);
}

/* One more that was signed and recorded; DER. */
static GBytes *record(AuthorityBench *b, uint64_t lifetime)
{
        GBytes *der = authority_bench_issue(b, lifetime);

        record_at(b, der, now_realtime());
        return der;
}

static void record_one_more(AuthorityBench *b, uint64_t lifetime)
{
        g_bytes_unref(record(b, lifetime));
}

static GPtrArray *list_at(AuthorityBench *b, uint64_t now)
{
        g_autoptr(AuthorityLook) look = look_at(b, false);
        g_autoptr(GError) error = NULL;
        GPtrArray *list = issued_list(look, now, &error);

        g_assert_no_error(error);
        return list;
}

static unsigned count(AuthorityBench *b)
{
        g_autoptr(GPtrArray) list = list_at(b, now_realtime());

        return list->len;
}

static gnutls_x509_crt_t parse(GBytes *der)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER), >=, 0);
        return crt;
}

static char *serial_of(GBytes *der)
{
        gnutls_x509_crt_t crt = parse(der);
        GString *text = g_string_new(NULL);
        unsigned char serial[20];
        size_t size = sizeof(serial);

        g_assert_cmpint(gnutls_x509_crt_get_serial(crt, serial, &size), >=, 0);
        gnutls_x509_crt_deinit(crt);
        for (size_t i = 0; i < size; i++)
                g_string_append_printf(text, "%02x", serial[i]);
        return g_string_free(text, FALSE);
}

static uint64_t end_of(GBytes *der)
{
        gnutls_x509_crt_t crt = parse(der);
        uint64_t end = (uint64_t) gnutls_x509_crt_get_expiration_time(crt) * USEC_PER_SEC;

        gnutls_x509_crt_deinit(crt);
        return end;
}

static char *path_in(AuthorityBench *b, const char *file)
{
        return g_build_filename(b->folder, ISSUED_FOLDER, file, NULL);
}

static char *path_of(AuthorityBench *b, GBytes *der)
{
        g_autofree char *serial = serial_of(der), *file = g_strconcat(serial, ISSUED_SUFFIX, NULL);

        return path_in(b, file);
}

/* Until when what this part signed is needed. */
static uint64_t until(AuthorityBench *b, PartRole role)
{
        g_autoptr(AuthorityLook) look = look_at(b, false);
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) issued = issued_read(look, &error);
        const Revoked *revoked = revocation_list(b->lists, look, &b->options, &error);

        g_assert_no_error(error);
        return issued_until(issued, parts_in_role(look->parts, role), revoked);
}

static void write_file(const char *path, GBytes *content)
{
        g_assert_true(g_file_set_contents(path, g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content), NULL));
}

/* ---- The record ---- */

static void test_nothing_is_recorded_at_first(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autofree char *folder = path_in(b, "");

        g_assert_cmpuint(count(b), ==, 0);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, 0);
        g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
}

static void test_each_is_a_file_named_by_its_serial_number(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) der = record(b, 0);
        g_autofree char *path = path_of(b, der), *content = NULL;
        gsize size;
        struct stat st;

        g_assert_true(g_file_get_contents(path, &content, &size, NULL));
        g_assert_cmpmem(content, size, g_bytes_get_data(der, NULL), g_bytes_get_size(der));
        g_free(path);
        path = path_in(b, "");
        g_assert_cmpint(g_stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 07777, ==, 0700);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(der));
}

static void test_the_latest_comes_first(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GPtrArray) list = NULL;
        GBytes *ders[3];

        for (unsigned i = 0; i < 3; i++) {
                ders[i] = record(b, 0);
                g_usleep(1100 * 1000); /* a certificate knows seconds */
        }
        list = list_at(b, now_realtime());
        g_assert_cmpuint(list->len, ==, 3);
        for (unsigned i = 0; i < 3; i++) {
                g_assert_true(g_bytes_equal(g_ptr_array_index(list, i), ders[2 - i]));
                g_bytes_unref(ders[2 - i]);
        }
}

static void assert_found(AuthorityBench *b, const char *serial, GBytes *wanted)
{
        g_autoptr(AuthorityLook) look = look_at(b, false);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) der = issued_find(look, &b->options, serial, &error);

        if (wanted) {
                g_assert_no_error(error);
                g_assert_true(g_bytes_equal(der, wanted));
        } else {
                g_assert_null(der);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE);
        }
}

static void test_one_is_found_by_its_serial_number(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) der = NULL;
        g_autofree char *serial = NULL, *zeros = NULL;

        assert_found(b, "4711", NULL);
        der = record(b, 0);
        serial = serial_of(der);
        zeros = g_strconcat("0000", serial, NULL);
        assert_found(b, serial, der);
        assert_found(b, zeros, der);
        assert_found(b, "", NULL);
        assert_found(b, "0", NULL);
        assert_found(b, "4711", NULL);
        assert_found(b, "../ca", NULL);
        assert_found(b, "40404040404040404040404040404040404040404040404040404040404040404040", NULL);
}

/* ---- What becomes of the authority ---- */

static void test_it_survives_a_rotation(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) old = record(b, 0), new = NULL;

        record_one_more(b, USEC_PER_DAY);
        authority_bench_change(b, change_begin);
        g_assert_cmpuint(until(b, PART_NEXT), ==, 0);
        authority_bench_change(b, change_promote);
        g_assert_cmpuint(until(b, PART_OLD), ==, end_of(old));
        g_assert_cmpuint(until(b, PART_CURRENT), ==, 0);
        new = record(b, 2 * USEC_PER_DAY);
        g_assert_cmpuint(until(b, PART_OLD), ==, end_of(old));
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(new));
        authority_bench_change(b, change_retire);
        g_assert_cmpuint(count(b), ==, 3);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(new));
}

static void test_it_survives_a_new_authority(void)
{
        g_autoptr(AuthorityBench) b = bench_new();

        record_one_more(b, 0);
        authority_bench_change(b, change_recreate);
        g_assert_cmpuint(count(b), ==, 1);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, 0);
}

static void revoke_one(AuthorityBench *b, GBytes *der)
{
        g_autoptr(GError) error = NULL;

        (void) revocation_add(b->lists, &b->options, der, "superseded", now_realtime(), &error);
        g_assert_no_error(error);
}

static void test_what_is_revoked_needs_nobody_any_more(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) late = record(b, 10 * USEC_PER_DAY), early = record(b, USEC_PER_DAY);

        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(late));
        revoke_one(b, late);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(early));
        revoke_one(b, early);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, 0);
        g_assert_cmpuint(count(b), ==, 2);
}

static void test_what_ended_over_a_year_ago_is_forgotten(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) der = record(b, USEC_PER_DAY), later = NULL;
        g_autofree char *path = path_of(b, der);
        g_autoptr(GPtrArray) before = list_at(b, now_realtime() + YEAR);
        g_autoptr(GPtrArray) after = list_at(b, now_realtime() + YEAR + 2 * USEC_PER_DAY);

        g_assert_cmpuint(before->len, ==, 1);
        g_assert_cmpuint(after->len, ==, 0);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS)); /* who only looks removes nothing */
        later = authority_bench_issue(b, 0);
        record_at(b, later, now_realtime() + YEAR + 2 * USEC_PER_DAY);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* ---- What others do to it ---- */

static void test_what_does_not_belong_there_is_passed_over(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) der = record(b, 0), garbage = g_bytes_new_static("garbage", 7);
        g_autofree char *damaged = path_in(b, "4711.der"), *fifo = path_in(b, "4712.der"), *link = path_in(b, "4713.der"),
                        *folder = path_in(b, "4714.der"), *foreign = path_in(b, "notes.txt"), *other = path_in(b, "4715.der"),
                        *path = path_of(b, der);

        write_file(damaged, garbage);
        write_file(foreign, garbage);
        write_file(other, der); /* under another's name */
        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        g_assert_cmpint(symlink(path, link), ==, 0);
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        g_assert_cmpuint(count(b), ==, 1);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(der));
        assert_found(b, "4711", NULL);
        assert_found(b, "4715", NULL);
        record_one_more(b, 0);
        g_assert_cmpuint(count(b), ==, 2);
}

static void test_a_file_that_was_removed_does_not_count(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) der = record(b, 0), other = record(b, USEC_PER_DAY);
        g_autofree char *path = path_of(b, der);

        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpuint(count(b), ==, 1);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(other));
}

/* Whoever was killed between the file and the index, and whatever somebody made of the index. */
static void test_the_files_are_the_record_and_not_the_index(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) der = record(b, 0), garbage = NULL, short_one = g_bytes_new_static("x", 1);
        g_autofree char *index = path_in(b, ".index-1"), *noise = g_malloc(5000);

        memset(noise, 0xa5, 5000);
        garbage = g_bytes_new(noise, 5000);
        g_assert_true(g_file_test(index, G_FILE_TEST_EXISTS));
        write_file(index, garbage);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(der));
        write_file(index, short_one);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(der));
        g_assert_cmpint(g_unlink(index), ==, 0);
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(der));
        record_one_more(b, USEC_PER_DAY);
        g_assert_true(g_file_test(index, G_FILE_TEST_EXISTS));
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(der));
}

static void test_what_a_killed_process_left_is_cleaned(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) half = g_bytes_new_static("\x30\x82", 2);
        g_autofree char *left = path_in(b, ".new-4711.der");

        record_one_more(b, 0);
        write_file(left, half);
        g_assert_cmpuint(count(b), ==, 1);
        record_one_more(b, 0);
        g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
}

static void test_a_record_that_cannot_be_written_is_an_error(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) der = authority_bench_issue(b, 0), file = g_bytes_new_static("", 0);
        g_autoptr(AuthorityLook) look = look_at(b, true);
        g_autoptr(GError) error = NULL;
        g_autofree char *folder = g_build_filename(b->folder, ISSUED_FOLDER, NULL);

        write_file(folder, file);
        g_assert_false(issued_add(look, parts_in_role(look->parts, PART_CURRENT), der, now_realtime(), &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
}

/* ---- Many ---- */

static void test_many_are_not_read_each_time(void)
{
        g_autoptr(AuthorityBench) b = bench_new();
        g_autoptr(GBytes) last = NULL;
        int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        g_autofree char *folder = path_in(b, "");
        const unsigned n = 500;
        int64_t begun;

        record_one_more(b, USEC_PER_DAY); /* makes the folder */
        for (unsigned i = 0; i < n; i++) {
                g_autoptr(GBytes) der = authority_bench_issue(b, USEC_PER_DAY);
                g_autofree char *path = path_of(b, der);

                write_file(path, der);
        }
        last = record(b, 2 * USEC_PER_DAY); /* reads them all, once */
        g_assert_cmpint(inotify_add_watch(inotify, folder, IN_OPEN), >=, 0);
        begun = g_get_monotonic_time();
        g_assert_cmpuint(until(b, PART_CURRENT), ==, end_of(last));
        g_test_message("%u entries: %" G_GINT64_FORMAT " us", n + 2, g_get_monotonic_time() - begun);
        g_assert_cmpuint(fixture_count_opened(inotify), <=, 4); /* the folder, and the index */
        close(inotify);
        g_assert_cmpuint(count(b), ==, n + 2);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/issued/nothing is recorded at first", test_nothing_is_recorded_at_first);
        g_test_add_func("/issued/each is a file named by its serial number", test_each_is_a_file_named_by_its_serial_number);
        g_test_add_func("/issued/the latest comes first", test_the_latest_comes_first);
        g_test_add_func("/issued/one is found by its serial number", test_one_is_found_by_its_serial_number);
        g_test_add_func("/issued/it survives a rotation", test_it_survives_a_rotation);
        g_test_add_func("/issued/it survives a new authority", test_it_survives_a_new_authority);
        g_test_add_func("/issued/what is revoked needs nobody any more", test_what_is_revoked_needs_nobody_any_more);
        g_test_add_func("/issued/what ended over a year ago is forgotten", test_what_ended_over_a_year_ago_is_forgotten);
        g_test_add_func("/issued/what does not belong there is passed over", test_what_does_not_belong_there_is_passed_over);
        g_test_add_func("/issued/a file that was removed does not count", test_a_file_that_was_removed_does_not_count);
        g_test_add_func("/issued/the files are the record and not the index",
                        test_the_files_are_the_record_and_not_the_index);
        g_test_add_func("/issued/what a killed process left is cleaned", test_what_a_killed_process_left_is_cleaned);
        g_test_add_func("/issued/a record that cannot be written is an error",
                        test_a_record_that_cannot_be_written_is_an_error);
        g_test_add_func("/issued/many are not read each time", test_many_are_not_read_each_time);
        return g_test_run();
}
