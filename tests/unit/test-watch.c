/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The watch: what changes is told by name, once; folders that go and come; and inotify instances that another process
 * has filled, well or badly. */

#include "agent/watch.h"
#include "common/names.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Host {
        char *root;
        sd_event *event;
        Manifest manifest;
        ManifestCertificate a, b, bundle;
        ManifestAuthority authority;
        ManifestIssuer issuer;
        GString *told;
        unsigned tellings;
} Host;

static void on_changed(char **names, void *userdata)
{
        Host *h = userdata;

        h->tellings++;
        for (; *names; names++)
                g_string_append_printf(h->told, "%s ", *names);
}

static void host_setup(Host *h, gconstpointer data)
{
        g_autofree char *folder = NULL;

        h->root = g_dir_make_tmp("test-watch-XXXXXX", NULL);
        g_setenv(CERT_ENV_TEST_ROOT, h->root, TRUE);
        folder = g_strconcat(h->root, "/tls", NULL);
        g_assert_cmpint(mkdir(folder, 0755), ==, 0);
        g_assert_cmpint(sd_event_new(&h->event), >=, 0);
        h->told = g_string_new(NULL);
        h->a = (ManifestCertificate) { .name = (char *) "a", .watch = true };
        h->a.path[MANAGED_FILE_CERT] = (char *) "/tls/a.pem";
        h->b = (ManifestCertificate) { .name = (char *) "b", .watch = false };
        h->b.path[MANAGED_FILE_CERT] = (char *) "/tls/b.pem";
        h->manifest.certificates = g_ptr_array_new();
        g_ptr_array_add(h->manifest.certificates, &h->a);
        g_ptr_array_add(h->manifest.certificates, &h->b);
        h->bundle = (ManifestCertificate) { .kind = MANIFEST_KIND_BUNDLE, .name = (char *) "bundle:ca" };
        h->bundle.path[MANAGED_FILE_CA] = (char *) "/tls/ca.pem";
        h->manifest.bundles = g_ptr_array_new();
        g_ptr_array_add(h->manifest.bundles, &h->bundle);
        h->authority.watch = true;
        h->issuer = (ManifestIssuer) { .name = (char *) "site", .authority = &h->authority };
        h->manifest.issuers = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(h->manifest.issuers, h->issuer.name, &h->issuer);
}

static void host_teardown(Host *h, gconstpointer data)
{
        g_autofree char *command = g_strdup_printf("rm -rf '%s'", h->root);

        g_assert_cmpint(system(command), ==, 0);
        g_ptr_array_unref(h->manifest.certificates);
        g_ptr_array_unref(h->manifest.bundles);
        g_hash_table_unref(h->manifest.issuers);
        g_string_free(h->told, TRUE);
        sd_event_unref(h->event);
        g_free(h->root);
}

/* Runs the loop for half a second of quiet at the most. */
static const char *what_is_told(Host *h)
{
        g_string_truncate(h->told, 0);
        while (sd_event_run(h->event, 500 * USEC_PER_MSEC) > 0)
                ;
        return h->told->str;
}

static void write_file(const Host *h, const char *name)
{
        g_autofree char *path = g_strconcat(h->root, "/tls/", name, NULL);

        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
}

static void test_a_change_is_told_once_by_name(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);

        watch_set(w, &h->manifest);
        g_assert_true(watch_is_active(w));
        write_file(h, "a.pem");
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        write_file(h, "b.pem");
        write_file(h, "unrelated");
        g_assert_cmpstr(what_is_told(h), ==, "");
        watch_free(w);
}

static void test_a_folder_that_went_and_came_back_is_watched_again(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);
        g_autofree char *folder = g_strconcat(h->root, "/tls", NULL);

        watch_set(w, &h->manifest);
        g_assert_cmpint(rmdir(folder), ==, 0);
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        g_assert_cmpint(mkdir(folder, 0755), ==, 0);
        watch_mend(w);
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        watch_free(w);
}

static void test_what_is_no_longer_wanted_is_not_watched(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);

        watch_set(w, &h->manifest);
        h->a.watch = false;
        watch_set(w, &h->manifest);
        g_assert_false(watch_is_active(w));
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "");
        watch_free(w);
}

static void test_files_behind_a_flipped_link_are_watched(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);
        g_autofree char *one = g_strconcat(h->root, "/tls/one", NULL), *two = g_strconcat(h->root, "/tls/two", NULL);
        g_autofree char *link = g_strconcat(h->root, "/tls/web", NULL), *next = g_strconcat(h->root, "/tls/next", NULL);

        h->a.path[MANAGED_FILE_CERT] = NULL;
        h->a.directory = (char *) "/tls/web";
        g_assert_cmpint(mkdir(one, 0755) | mkdir(two, 0755) | symlink("one", link), ==, 0);
        watch_set(w, &h->manifest);
        write_file(h, "one/cert.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        g_assert_cmpint(symlink("two", next) | rename(next, link), ==, 0);
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        write_file(h, "two/key.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        watch_free(w);
}

static void test_bundles_are_watched_like_certificates(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);

        h->a.watch = false;
        watch_set(w, &h->manifest);
        g_assert_false(watch_is_active(w));
        h->bundle.watch = true;
        watch_set(w, &h->manifest);
        g_assert_true(watch_is_active(w));
        write_file(h, "ca.pem");
        g_assert_cmpstr(what_is_told(h), ==, "bundle:ca ");
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "");
        watch_free(w);
}

/* ---- Instances of authorities ---- */

#define SITE MANIFEST_AUTHORITY_PREFIX "site"

/* An instance as an authority's process fills it: with a watch of the folder /tls. */
static int instance_new(const Host *h)
{
        g_autofree char *folder = g_strconcat(h->root, "/tls", NULL);
        int fd = inotify_init1(IN_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF), >=, 0);
        return fd;
}

/* A watch that has nothing but an instance for the authority "site". */
static Watch *watch_with(Host *h, int fd)
{
        Watch *w = watch_new(h->event, on_changed, h);

        h->a.watch = false;
        watch_set(w, &h->manifest);
        g_assert_false(watch_is_active(w));
        watch_add_descriptor(w, SITE, fd);
        return w;
}

static void assert_closed(int fd)
{
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, -1);
        g_assert_cmpint(errno, ==, EBADF);
}

static void test_what_happens_in_an_authority_s_folder_is_told(Host *h, gconstpointer data)
{
        Watch *w = watch_with(h, instance_new(h));

        g_assert_true(watch_is_active(w));
        g_assert_true(watch_has_descriptor(w, SITE));
        g_assert_false(watch_has_descriptor(w, MANIFEST_AUTHORITY_PREFIX "lab"));
        g_assert_cmpstr(what_is_told(h), ==, "");
        write_file(h, "whatever");
        write_file(h, "ca.key");
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        write_file(h, "ca.key");
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        g_assert_true(watch_has_descriptor(w, SITE));
        watch_free(w);
}

static void test_an_instance_whose_watch_is_gone_is_closed(Host *h, gconstpointer data)
{
        g_autofree char *folder = g_strconcat(h->root, "/tls", NULL);
        int fd = instance_new(h);
        Watch *w = watch_with(h, fd);

        g_assert_cmpint(rmdir(folder), ==, 0);
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        g_assert_false(watch_has_descriptor(w, SITE));
        g_assert_false(watch_is_active(w));
        assert_closed(fd);
        g_assert_cmpint(mkdir(folder, 0755), ==, 0);
        watch_add_descriptor(w, SITE, instance_new(h));
        write_file(h, "ca.key");
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        g_assert_true(watch_has_descriptor(w, SITE));
        watch_free(w);
}

static void test_a_later_instance_replaces_an_earlier(Host *h, gconstpointer data)
{
        int first = instance_new(h), second = instance_new(h);
        Watch *w = watch_with(h, first);

        watch_add_descriptor(w, SITE, second);
        assert_closed(first);
        write_file(h, "ca.key");
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        watch_free(w);
        assert_closed(second);
}

static void test_an_instance_goes_with_its_authority(Host *h, gconstpointer data)
{
        int fd = instance_new(h);
        Watch *w = watch_with(h, fd);

        watch_set(w, &h->manifest);
        g_assert_true(watch_has_descriptor(w, SITE));
        h->authority.watch = false;
        watch_set(w, &h->manifest);
        g_assert_false(watch_has_descriptor(w, SITE));
        assert_closed(fd);
        h->authority.watch = true;
        watch_add_descriptor(w, SITE, instance_new(h));
        g_hash_table_remove_all(h->manifest.issuers);
        watch_set(w, &h->manifest);
        g_assert_false(watch_is_active(w));
        watch_free(w);
}

static void make_pipe(int fds[static 2])
{
        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
}

static void test_what_is_no_event_closes_the_instance(Host *h, gconstpointer data)
{
        const struct inotify_event too_long = { .wd = 1, .mask = IN_CREATE, .len = UINT32_MAX };
        int cut[2], lies[2], gone[2];
        Watch *w;

        make_pipe(cut);
        make_pipe(lies);
        make_pipe(gone);
        w = watch_with(h, cut[0]);
        g_assert_cmpint(write(cut[1], "abc", 3), ==, 3);
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        assert_closed(cut[0]);
        watch_add_descriptor(w, SITE, lies[0]);
        g_assert_cmpint(write(lies[1], &too_long, sizeof(too_long)), ==, sizeof(too_long));
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        assert_closed(lies[0]);
        watch_add_descriptor(w, SITE, gone[0]);
        close(gone[1]);
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        assert_closed(gone[0]);
        g_assert_false(watch_is_active(w));
        watch_free(w);
        close(cut[1]);
        close(lies[1]);
}

static void test_what_cannot_be_waited_for_is_closed(Host *h, gconstpointer data)
{
        g_autofree char *path = g_strconcat(h->root, "/file", NULL);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        Watch *w = watch_with(h, fd);

        g_assert_false(watch_has_descriptor(w, SITE));
        assert_closed(fd);
        watch_add_descriptor(w, SITE, instance_new(h));
        g_assert_true(watch_has_descriptor(w, SITE));
        watch_free(w);
}

static void test_a_flood_closes_the_instance(Host *h, gconstpointer data)
{
        static const size_t flood = 1024 * 1024;
        g_autofree char *zeros = g_malloc0(flood);
        Watch *w;
        int fds[2];

        make_pipe(fds);
        if (fcntl(fds[1], F_SETPIPE_SZ, (int) flood) < 0) {
                close(fds[0]);
                close(fds[1]);
                g_test_skip("pipes cannot be made large here");
                return;
        }
        w = watch_with(h, fds[0]);
        g_assert_cmpint(write(fds[1], zeros, flood), ==, (ssize_t) flood);
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        g_assert_false(watch_has_descriptor(w, SITE));
        assert_closed(fds[0]);
        watch_free(w);
        close(fds[1]);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata)
{
        static const struct inotify_event event = { .mask = IN_CREATE };

        g_assert_cmpint(write(*(int *) userdata, &event, sizeof(event)), ==, sizeof(event));
        return sd_event_source_set_time(s, usec + 5 * USEC_PER_MSEC) | sd_event_source_set_enabled(s, SD_EVENT_ON);
}

static void test_a_stream_of_changes_is_told_now_and_then(Host *h, gconstpointer data)
{
        sd_event_source *ticks;
        uint64_t end;
        Watch *w;
        int fds[2];

        make_pipe(fds);
        w = watch_with(h, fds[0]);
        g_assert_cmpint(sd_event_add_time_relative(h->event, &ticks, CLOCK_MONOTONIC, 0, 1, on_tick, &fds[1]), >=, 0);
        end = (uint64_t) g_get_monotonic_time() + 2 * USEC_PER_SEC;
        while ((uint64_t) g_get_monotonic_time() < end)
                g_assert_cmpint(sd_event_run(h->event, 10 * USEC_PER_MSEC), >=, 0);
        g_assert_true(watch_has_descriptor(w, SITE));
        g_assert_cmpuint(h->tellings, >=, 3);
        g_assert_cmpuint(h->tellings, <=, 10); /* two a pause of half a second, and one for what was before */
        sd_event_source_disable_unref(ticks);
        watch_free(w);
        close(fds[1]);
}

static void test_an_instance_that_was_made_to_block_does_not(Host *h, gconstpointer data)
{
        int fd = instance_new(h), copy = dup(fd);
        Watch *w = watch_with(h, fd);

        g_assert_cmpint(fcntl(copy, F_SETFL, 0), ==, 0);
        write_file(h, "ca.key");
        g_assert_cmpstr(what_is_told(h), ==, SITE " ");
        g_assert_true(watch_has_descriptor(w, SITE));
        watch_free(w);
        close(copy);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add(path, Host, NULL, host_setup, test, host_teardown)
        ADD("/watch/a-change-is-told-once", test_a_change_is_told_once_by_name);
        ADD("/watch/a-folder-that-came-back", test_a_folder_that_went_and_came_back_is_watched_again);
        ADD("/watch/no-longer-wanted", test_what_is_no_longer_wanted_is_not_watched);
        ADD("/watch/behind-a-flipped-link", test_files_behind_a_flipped_link_are_watched);
        ADD("/watch/bundles", test_bundles_are_watched_like_certificates);
        ADD("/watch/an-authority-s-folder", test_what_happens_in_an_authority_s_folder_is_told);
        ADD("/watch/an-instance-whose-watch-is-gone", test_an_instance_whose_watch_is_gone_is_closed);
        ADD("/watch/a-later-instance", test_a_later_instance_replaces_an_earlier);
        ADD("/watch/an-instance-goes-with-its-authority", test_an_instance_goes_with_its_authority);
        ADD("/watch/what-is-no-event", test_what_is_no_event_closes_the_instance);
        ADD("/watch/what-cannot-be-waited-for", test_what_cannot_be_waited_for_is_closed);
        ADD("/watch/a-flood", test_a_flood_closes_the_instance);
        ADD("/watch/a-stream-of-changes", test_a_stream_of_changes_is_told_now_and_then);
        ADD("/watch/made-to-block", test_an_instance_that_was_made_to_block_does_not);
        return g_test_run();
}
