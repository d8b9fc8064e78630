/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Workers: started by the agent where no systemd runs, reached through their socket where one listens, never
 * started outside of the sandbox where systemd runs. This program is also the worker that it starts. */

#include "agent/worker.h"
#include "common/error.h"
#include "common/names.h"
#include "common/peer.h"

#include <dirent.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORKER      "cert-issuer-test"
#define PROGRAM     CERT_PROGRAM_DIR "/" WORKER
#define SOCKET      CERT_SOCKET_ISSUER_DIR "/test"
#define OBJECT_PATH "/org/certagent1/test"
#define INTERFACE   "org.certagent1.Test"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event, sd_event_unref)

/* ---- The worker ---- */

/* How many descriptors beyond the standard ones and fd 3 it inherited, before sd-event opened its own. */
static unsigned inherited;

static unsigned count_inherited(void)
{
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        for (struct dirent *e; (e = readdir(dir));)
                n += e->d_name[0] != '.' && atoi(e->d_name) > 3 && atoi(e->d_name) != dirfd(dir);
        closedir(dir);
        return n;
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, "uub", (uint32_t) getpid(), inherited,
                                          g_getenv("NOTIFY_SOCKET") != NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Describe", "", "uub", method_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- A root of its own for each test ---- */

typedef struct Fixture {
        char *root;
        sd_event *event;
} Fixture;

static char *in_root(Fixture *f, const char *path)
{
        return g_strconcat(f->root, path, NULL);
}

static void make_folder(Fixture *f, const char *path)
{
        g_autofree char *folder = in_root(f, path);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
}

static void set_up(Fixture *f, gconstpointer data)
{
        f->root = g_dir_make_tmp("worker-XXXXXX", NULL);
        g_setenv(CERT_ENV_TEST_ROOT, f->root, TRUE);
        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        make_folder(f, CERT_PROGRAM_DIR);
        make_folder(f, CERT_SOCKET_ISSUER_DIR);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        char *argv[] = { (char *) "rm", (char *) "-rf", (char *) "--", f->root, NULL };

        g_unsetenv(CERT_ENV_TEST_ROOT);
        sd_event_unref(f->event);
        g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
        g_free(f->root);
}

static void install_program(Fixture *f)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *program = in_root(f, PROGRAM);

        g_assert_cmpint(symlink(self, program), ==, 0);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        *(sd_bus_message **) userdata = sd_bus_message_ref(m);
        return 0;
}

static sd_bus_message *describe(sd_bus *bus)
{
        sd_bus_message *reply = NULL;

        g_assert_cmpint(sd_bus_call_method_async(bus, NULL, NULL, OBJECT_PATH, INTERFACE, "Describe",
                                                 on_reply, &reply, NULL),
                        >=, 0);
        while (!reply)
                g_assert_cmpint(sd_event_run(sd_bus_get_event(bus), 60 * G_USEC_PER_SEC), >, 0);
        return reply;
}

/* ---- Tests ---- */

static bool worker_connect(sd_event *event, const char *socket_path, const char *program, sd_bus **ret_bus,
                           pid_t *ret_pid, GError **error)
{
        int fd;

        return worker_open(socket_path, program, &fd, ret_pid, error) && peer_connect_fd(event, fd, ret_bus, error);
}

static void test_starts_the_program(Fixture *f, gconstpointer data)
{
        g_autoptr(sd_bus) bus = NULL;
        g_autoptr(GError) error = NULL;
        sd_bus_message *reply;
        uint32_t its_pid, more;
        pid_t pid = 0;
        int notify;

        install_program(f);
        g_setenv("NOTIFY_SOCKET", "/nowhere", TRUE);
        g_assert_true(worker_connect(f->event, SOCKET, PROGRAM, &bus, &pid, &error));
        g_unsetenv("NOTIFY_SOCKET");
        reply = describe(bus);
        g_assert_cmpint(sd_bus_message_read(reply, "uub", &its_pid, &more, &notify), >, 0);
        sd_bus_message_unref(reply);
        g_assert_cmpint(pid, ==, (pid_t) its_pid);
        g_assert_cmpuint(more, ==, 0);
        g_assert_false(notify);
        g_assert_cmpint(worker_end(pid), ==, 0);
        g_assert_cmpint(kill(pid, 0), <, 0); /* dead and reaped */
}

static void test_a_missing_program_is_named(Fixture *f, gconstpointer data)
{
        g_autoptr(sd_bus) bus = NULL;
        g_autoptr(GError) error = NULL;
        pid_t pid = 0;

        g_assert_false(worker_connect(f->event, SOCKET, PROGRAM, &bus, &pid, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE);
        g_assert_nonnull(strstr(error->message, PROGRAM));
        g_assert_null(strstr(error->message, f->root));
}

static void test_systemd_alone_starts_it_where_it_runs(Fixture *f, gconstpointer data)
{
        g_autoptr(sd_bus) bus = NULL;
        g_autoptr(GError) error = NULL;
        pid_t pid = 0;

        install_program(f);
        make_folder(f, "/run/systemd/system");
        g_assert_false(worker_connect(f->event, SOCKET, PROGRAM, &bus, &pid, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE);
        g_assert_nonnull(strstr(cert_error_hint(error), WORKER ".socket"));
}

static int listen_at(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <,
                         sizeof(address.sun_path));
        g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(fd, 4), ==, 0);
        return fd;
}

static void test_a_listening_socket_comes_first(Fixture *f, gconstpointer data)
{
        g_autoptr(sd_bus) bus = NULL, server = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = in_root(f, SOCKET);
        pid_t pid = -1;
        int fd = listen_at(path), connection;

        g_assert_true(worker_connect(f->event, SOCKET, PROGRAM, &bus, &pid, &error));
        g_assert_cmpint(pid, ==, 0);
        connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        g_assert_true(peer_serve(f->event, connection, NULL, &server, &error));
        g_assert_cmpint(sd_bus_add_object_vtable(server, NULL, OBJECT_PATH, INTERFACE, vtable, NULL), >=, 0);
        sd_bus_message_unref(describe(bus));
        close(fd);
}

#define ADD(name, function) g_test_add("/worker/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        if (g_str_has_suffix(argv[0], WORKER)) {
                inherited = count_inherited();
                return peer_worker_run(OBJECT_PATH, INTERFACE, vtable, NULL);
        }
        g_test_init(&argc, &argv, NULL);
        ADD("starts the program where no systemd runs", test_starts_the_program);
        ADD("a missing program is named", test_a_missing_program_is_named);
        ADD("systemd alone starts it where it runs", test_systemd_alone_starts_it_where_it_runs);
        ADD("a listening socket comes first", test_a_listening_socket_comes_first);
        return g_test_run();
}
