/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A message bus for one test: dbus-daemon in a folder of its own, and the programs that live on it. */

#include "tests/integration/bus.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WAIT_USEC (120 * G_USEC_PER_SEC) /* a limit against hanging, not a measure */

struct TestBus {
        char *folder;
        GArray *pids;
};

static const char config[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
        " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig>\n"
        " <type>system</type>\n"
        " <listen>unix:path=%s</listen>\n"
        " <auth>EXTERNAL</auth>\n"
        " <policy context=\"default\">\n"
        "  <allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/><allow "
        "receive_sender=\"*\"/>\n"
        " </policy>\n"
        "</busconfig>\n";

/* What a test that aborted leaves behind would keep its standard output open for ever. */
static void die_with_parent(void *userdata)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void start(TestBus *b, char **argv)
{
        GError *error = NULL;
        GPid pid;

        g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, die_with_parent,
                      NULL, &pid, &error);
        g_assert_no_error(error);
        g_array_append_val(b->pids, pid);
}

/* That the socket is there is not enough: it is bound before anybody listens. */
static void wait_for_bus(void)
{
        int64_t until = g_get_monotonic_time() + WAIT_USEC;
        sd_bus *bus = NULL;

        while (sd_bus_open_system(&bus) < 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_usleep(2000);
        }
        sd_bus_flush_close_unref(bus);
}

TestBus *test_bus_new(void)
{
        TestBus *b = g_new0(TestBus, 1);
        g_autofree char *socket = NULL, *file = NULL, *text = NULL, *option = NULL, *address = NULL;

        b->folder = g_dir_make_tmp("bus-XXXXXX", NULL);
        g_assert_cmpint(g_chmod(b->folder, 0755), ==, 0);
        b->pids = g_array_new(FALSE, FALSE, sizeof(GPid));
        socket = g_build_filename(b->folder, "bus", NULL);
        file = g_build_filename(b->folder, "bus.conf", NULL);
        text = g_strdup_printf(config, socket);
        option = g_strconcat("--config-file=", file, NULL);
        address = g_strconcat("unix:path=", socket, NULL);
        g_assert_true(g_file_set_contents(file, text, -1, NULL));
        start(b, (char *[]){ (char *) "dbus-daemon", option, (char *) "--nofork", (char *) "--nopidfile",
                             NULL });
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, TRUE);
        wait_for_bus();
        return b;
}

TestBus *test_bus_free(TestBus *b)
{
        char *argv[] = { (char *) "rm", (char *) "-rf", (char *) "--", b->folder, NULL };

        for (unsigned i = b->pids->len; i > 0; i--) {
                GPid pid = g_array_index(b->pids, GPid, i - 1);

                kill(pid, SIGTERM);
                waitpid(pid, NULL, 0);
        }
        g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
        g_array_unref(b->pids);
        g_free(b->folder);
        g_free(b);
        return NULL;
}

void test_bus_kill(TestBus *b)
{
        kill(g_array_index(b->pids, GPid, 0), SIGKILL); /* reaped with the others */
}

const char *test_bus_folder(const TestBus *b)
{
        return b->folder;
}

sd_bus *test_bus_open(sd_event *event)
{
        sd_bus *bus;

        g_assert_cmpint(sd_bus_open_system(&bus), >=, 0);
        g_assert_cmpint(sd_bus_attach_event(bus, event, 0), >=, 0);
        return bus;
}

void test_bus_start(TestBus *b, const char *program, const char *name)
{
        g_autofree char *path =
                g_build_filename(g_getenv("CERT_AGENT_BUILD"), "tests/integration", program, NULL);
        int64_t until = g_get_monotonic_time() + WAIT_USEC;
        sd_bus *bus;

        start(b, (char *[]){ path, NULL });
        g_assert_cmpint(sd_bus_open_system(&bus), >=, 0);
        while (sd_bus_get_name_creds(bus, name, 0, NULL) < 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_usleep(2000);
        }
        sd_bus_flush_close_unref(bus);
}

void test_bus_wait_gone(const char *name)
{
        int64_t until = g_get_monotonic_time() + WAIT_USEC;
        sd_bus *bus;

        g_assert_cmpint(sd_bus_open_system(&bus), >=, 0);
        while (sd_bus_get_name_creds(bus, name, 0, NULL) >= 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_usleep(2000);
        }
        sd_bus_flush_close_unref(bus);
}

void run_until(sd_event *event, const bool *done)
{
        int64_t until = g_get_monotonic_time() + WAIT_USEC;

        while (!*done) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_assert_cmpint(sd_event_run(event, 100000), >=, 0);
        }
}

void run_for(sd_event *event, uint64_t usec)
{
        int64_t until = g_get_monotonic_time() + (int64_t) usec, left;

        while ((left = until - g_get_monotonic_time()) > 0)
                g_assert_cmpint(sd_event_run(event, (uint64_t) left), >=, 0);
}

typedef struct Call {
        bool done;
        sd_bus_message *reply;
} Call;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Call *call = userdata;

        call->reply = sd_bus_message_ref(m);
        call->done = true;
        return 0;
}

sd_bus_message *call_and_wait(sd_bus *bus, const char *destination, const char *path, const char *interface,
                              const char *member, const char *types, ...)
{
        sd_bus_message *m;
        Call call = { 0 };
        va_list ap;

        g_assert_cmpint(sd_bus_message_new_method_call(bus, &m, destination, path, interface, member), >=, 0);
        va_start(ap, types);
        if (types)
                g_assert_cmpint(sd_bus_message_appendv(m, types, ap), >=, 0);
        va_end(ap);
        g_assert_cmpint(sd_bus_call_async(bus, NULL, m, on_reply, &call, 0), >=, 0);
        sd_bus_message_unref(m);
        run_until(sd_bus_get_event(bus), &call.done);
        if (sd_bus_message_is_method_error(call.reply, NULL))
                g_error("%s: %s", member, sd_bus_message_get_error(call.reply)->message);
        return call.reply;
}

char **fake_list(sd_bus *bus, const char *destination, const char *path, const char *method)
{
        sd_bus_message *reply = call_and_wait(bus, destination, path, "org.certagent1.Fake", method, NULL);
        g_autoptr(GStrvBuilder) list = g_strv_builder_new();
        const char *text;

        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "s"), >, 0);
        while (sd_bus_message_read(reply, "s", &text) > 0)
                g_strv_builder_add(list, text);
        sd_bus_message_unref(reply);
        return g_strv_builder_end(list);
}
