/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parts of messages: what is appended is read again as the interface has it, and what cannot be appended is said. */

#include "common/message.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

static sd_bus *bus_to_nobody(void)
{
        sd_bus *bus = NULL;
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, pair[0], pair[0]), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        close(pair[1]);
        return bus;
}

static sd_bus_message *message_new(sd_bus *bus)
{
        sd_bus_message *m = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(bus, &m, NULL, "/", "org.example", "Example"), >=, 0);
        return m;
}

static void finish(sd_bus_message *m)
{
        g_assert_cmpint(sd_bus_message_seal(m, 1, 0), >=, 0);
        g_assert_cmpint(sd_bus_message_rewind(m, true), >=, 0);
}

static void assert_bytes(sd_bus_message *m, const char *wanted)
{
        const void *data;
        size_t size;

        g_assert_cmpint(sd_bus_message_read_array(m, 'y', &data, &size), >, 0);
        g_assert_cmpmem(data, size, wanted, strlen(wanted));
}

static void enter_entry(sd_bus_message *m, const char *key, const char *type)
{
        const char *read;

        g_assert_cmpint(sd_bus_message_enter_container(m, 'e', "sv"), >, 0);
        g_assert_cmpint(sd_bus_message_read(m, "s", &read), >, 0);
        g_assert_cmpstr(read, ==, key);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'v', type), >, 0);
}

static void exit_entry(sd_bus_message *m)
{
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
}

static void test_entries_are_read_as_written(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(sd_bus_message) m = message_new(bus);
        g_autoptr(GBytes) one = g_bytes_new_static("one", 3), empty = g_bytes_new_static("", 0);
        g_autoptr(GPtrArray) list = g_ptr_array_new();
        char *names[] = { (char *) "a", (char *) "b", NULL };
        g_auto(GStrv) read = NULL;

        g_ptr_array_add(list, one);
        g_ptr_array_add(list, empty);
        g_assert_cmpint(sd_bus_message_open_container(m, 'a', "{sv}"), >=, 0);
        g_assert_cmpint(message_append_entry_certificates(m, "Chain", list), >=, 0);
        g_assert_cmpint(message_append_entry_certificates(m, "Roots", NULL), >=, 0);
        g_assert_cmpint(message_append_entry_bytes(m, "Request", one), >=, 0);
        g_assert_cmpint(message_append_entry_strv(m, "Names", names), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
        finish(m);

        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
        enter_entry(m, "Chain", "aay");
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "ay"), >, 0);
        assert_bytes(m, "one");
        assert_bytes(m, "");
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        exit_entry(m);
        enter_entry(m, "Roots", "aay");
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "ay"), >=, 0);
        g_assert_true(sd_bus_message_at_end(m, false));
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        exit_entry(m);
        enter_entry(m, "Request", "ay");
        assert_bytes(m, "one");
        exit_entry(m);
        enter_entry(m, "Names", "as");
        g_assert_cmpint(sd_bus_message_read_strv(m, &read), >=, 0);
        g_assert_cmpstrv(read, ((const char *const[]) { "a", "b", NULL }));
        exit_entry(m);
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
}

static void test_an_entry_outside_of_a_dictionary_is_refused(void)
{
        g_autoptr(sd_bus) bus = bus_to_nobody();
        g_autoptr(GBytes) one = g_bytes_new_static("one", 3);
        g_autoptr(sd_bus_message) m = message_new(bus);

        g_assert_cmpint(message_append_entry_bytes(m, "Request", one), <, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/message/entries-are-read-as-written", test_entries_are_read_as_written);
        g_test_add_func("/message/an-entry-outside-of-a-dictionary-is-refused",
                        test_an_entry_outside_of_a_dictionary_is_refused);
        return g_test_run();
}
