/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peers: two ends of one socket in one event loop, a worker in a process of its own, and what happens when
 * nobody listens. */

#include "common/error.h"
#include "common/names.h"
#include "common/peer.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH      "/org/certagent1/test"
#define INTERFACE "org.certagent1.Test"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event, sd_event_unref)

static int method_double(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        uint32_t n;
        int r = sd_bus_message_read(m, "u", &n);

        return r < 0 ? r : sd_bus_reply_method_return(m, "u", 2 * n);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Double", "u", "u", method_double, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable privileged_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Double", "u", "u", method_double, 0),
        SD_BUS_VTABLE_END,
};

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        sd_bus_message **ret_reply = userdata;

        *ret_reply = sd_bus_message_ref(m);
        return 0;
}

/* Calls a method and turns the loop until the reply is there; the caller owns it. */
static sd_bus_message *call(sd_bus *bus, const char *path, const char *interface, const char *member,
                            const char *types, uint32_t argument)
{
        sd_bus_message *reply = NULL;

        g_assert_cmpint(sd_bus_call_method_async(bus, NULL, NULL, path, interface, member, on_reply, &reply,
                                                 types, argument),
                        >=, 0);
        while (!reply)
                g_assert_cmpint(sd_event_run(sd_bus_get_event(bus), 60 * G_USEC_PER_SEC), >, 0);
        return reply;
}

static void assert_doubles(sd_bus *bus)
{
        sd_bus_message *reply = call(bus, PATH, INTERFACE, "Double", "u", 21);
        uint32_t n = 0;

        g_assert_cmpint(sd_bus_message_read(reply, "u", &n), >, 0);
        g_assert_cmpuint(n, ==, 42);
        sd_bus_message_unref(reply);
}

static void test_two_ends_call_each_other(void)
{
        g_autoptr(sd_event) event = NULL;
        g_autoptr(sd_bus) server = NULL, client = NULL;
        g_autoptr(GError) error = NULL;
        int pair[2];

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_true(peer_serve(event, pair[0], CERT_BUS_NAME, &server, &error));
        g_assert_true(peer_connect_fd(event, pair[1], &client, &error));
        g_assert_cmpint(sd_bus_add_object_vtable(server, NULL, PATH, INTERFACE, vtable, NULL), >=, 0);
        g_assert_cmpint(sd_bus_add_object_vtable(client, NULL, PATH, INTERFACE, vtable, NULL), >=, 0);
        assert_doubles(client);
        assert_doubles(server);
}

static void test_replies_carry_the_sender(void)
{
        g_autoptr(sd_event) event = NULL;
        g_autoptr(sd_bus) server = NULL, client = NULL;
        g_autoptr(GError) error = NULL;
        sd_bus_message *reply;
        int pair[2];

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_true(peer_serve(event, pair[0], CERT_BUS_NAME, &server, &error));
        g_assert_true(peer_connect_fd(event, pair[1], &client, &error));
        reply = call(client, "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", "", 0);
        g_assert_false(sd_bus_message_is_method_error(reply, NULL));
        g_assert_cmpstr(sd_bus_message_get_sender(reply), ==, CERT_BUS_NAME);
        sd_bus_message_unref(reply);
}

static int listen_at(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_autofree char *folder = g_path_get_dirname(path), *base = g_path_get_basename(path);
        int dir = open(folder, O_PATH | O_CLOEXEC);

        g_snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, base);
        g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(fd, 4), ==, 0);
        close(dir);
        return fd;
}

static void connect_at(const char *path)
{
        g_autoptr(sd_event) event = NULL;
        g_autoptr(sd_bus) server = NULL, client = NULL;
        g_autoptr(GError) error = NULL;
        int fd = listen_at(path);

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_true(peer_connect(event, path, G_USEC_PER_SEC, &client, &error));
        g_assert_true(
                peer_serve(event, accept4(fd, NULL, NULL, SOCK_CLOEXEC), CERT_BUS_NAME, &server, &error));
        g_assert_cmpint(sd_bus_add_object_vtable(server, NULL, PATH, INTERFACE, vtable, NULL), >=, 0);
        assert_doubles(client);
        close(fd);
        g_unlink(path);
}

static void test_connects_to_a_path_of_any_length(void)
{
        g_autofree char *folder = g_dir_make_tmp("peer-XXXXXX", NULL);
        g_autofree char *deep = g_strdup_printf("%s/%0120d", folder, 0);
        g_autofree char *near_path = g_build_filename(folder, "bus", NULL);
        g_autofree char *far_path = g_build_filename(deep, "bus", NULL);

        g_assert_cmpint(g_mkdir(deep, 0700), ==, 0);
        connect_at(near_path);
        connect_at(far_path);
        g_rmdir(deep);
        g_rmdir(folder);
}

static void test_nobody_listens(void)
{
        g_autofree char *folder = g_dir_make_tmp("peer-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(folder, "bus", NULL);
        g_autoptr(sd_event) event = NULL;
        g_autoptr(sd_bus) client = NULL;
        g_autoptr(GError) missing = NULL, refused = NULL;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_false(peer_connect(event, path, G_USEC_PER_SEC, &client, &missing));
        g_assert_error(missing, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE);
        g_assert_nonnull(strstr(missing->message, path));
        close(listen_at(path)); /* the socket stays in the folder, its listener is gone */
        g_assert_false(peer_connect(event, path, G_USEC_PER_SEC, &client, &refused));
        g_assert_error(refused, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE);
        g_unlink(path);
        g_rmdir(folder);
}

static void close_client(void *bus)
{
        sd_bus_close_unref(bus);
}

static void test_a_full_backlog_does_not_hold_up(void)
{
        g_autofree char *folder = g_dir_make_tmp("peer-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(folder, "bus", NULL);
        g_autoptr(sd_event) event = NULL;
        g_autoptr(GPtrArray) clients = g_ptr_array_new_with_free_func(close_client);
        g_autoptr(GError) error = NULL;
        int fd = listen_at(path);
        int64_t before = g_get_monotonic_time();
        sd_bus *client;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        while (peer_connect(event, path, G_USEC_PER_SEC / 10, &client, &error))
                g_ptr_array_add(clients, client);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE);
        g_assert_cmpint(g_get_monotonic_time() - before, <, 60 * G_USEC_PER_SEC); /* else for ever */
        close(fd);
        g_unlink(path);
        g_rmdir(folder);
}

/* A child with `fd` as its fd 3, or without one (-1), that runs a worker; its privileged vtable must be open
 * to whoever holds the other end. */
static pid_t fork_worker(int fd)
{
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid > 0)
                return pid;
        close(3);
        if (fd >= 0)
                dup2(fd, 3);
        for (int i = 4; i < 64; i++)
                close(i);
        if (fd < 0)
                dup2(open("/dev/null", O_WRONLY), 2);
        _exit(peer_worker_run(PATH, INTERFACE, privileged_vtable, NULL));
}

static void test_a_worker_serves_until_the_other_side_closes(void)
{
        g_autoptr(sd_event) event = NULL;
        g_autoptr(sd_bus) client = NULL;
        g_autoptr(GError) error = NULL;
        int pair[2], status;
        pid_t pid;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        pid = fork_worker(pair[0]);
        close(pair[0]);
        g_assert_true(peer_connect_fd(event, pair[1], &client, &error));
        assert_doubles(client);
        sd_bus_close(client);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_a_worker_ends_on_sigterm(void)
{
        g_autoptr(sd_event) event = NULL;
        g_autoptr(sd_bus) client = NULL;
        g_autoptr(GError) error = NULL;
        int pair[2], status;
        pid_t pid;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        pid = fork_worker(pair[0]);
        close(pair[0]);
        g_assert_true(peer_connect_fd(event, pair[1], &client, &error));
        assert_doubles(client);
        kill(pid, SIGTERM);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_a_worker_typed_by_a_person_says_what_it_is(void)
{
        int status;
        pid_t pid = fork_worker(-1);

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, EXIT_FAILURE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/peer/two ends call each other", test_two_ends_call_each_other);
        g_test_add_func("/peer/replies carry the sender", test_replies_carry_the_sender);
        g_test_add_func("/peer/connects to a path of any length", test_connects_to_a_path_of_any_length);
        g_test_add_func("/peer/nobody listens", test_nobody_listens);
        g_test_add_func("/peer/a full backlog does not hold up", test_a_full_backlog_does_not_hold_up);
        g_test_add_func("/peer/a worker serves until the other side closes",
                        test_a_worker_serves_until_the_other_side_closes);
        g_test_add_func("/peer/a worker ends on SIGTERM", test_a_worker_ends_on_sigterm);
        g_test_add_func("/peer/a worker typed by a person says what it is",
                        test_a_worker_typed_by_a_person_says_what_it_is);
        return g_test_run();
}
