/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A polkit for tests: claims org.freedesktop.PolicyKit1 on the bus that sd_bus_open_system() finds and
 * answers CheckAuthorization as it was told to.
 *
 * Control: interface org.certagent1.Fake on /org/freedesktop/PolicyKit1/Authority.
 *   SetAnswer(s answer)   "yes", "no" (the default), "challenge" (would have to ask), "ask" (yes, if it may
 * ask), "error", "garbage", "hang" Questions() → as      "KIND SUBJECT ACTION FLAGS DETAIL=VALUE…" for each;
 * KIND SUBJECT is "system-bus-name :1.5" or "unix-process PID/START-TIME/UID"; a cancellation is "cancel ID"
 *   Leave()               exits */

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define NAME      "org.freedesktop.PolicyKit1"
#define PATH      "/org/freedesktop/PolicyKit1/Authority"
#define AUTHORITY "org.freedesktop.PolicyKit1.Authority"

typedef struct Fake {
        sd_event *event;
        char *answer;
        GPtrArray *questions;
} Fake;

/* ---- Questions ---- */

static int read_subject(sd_bus_message *m, GString *text)
{
        const char *kind, *key, *s;
        uint64_t start = 0;
        uint32_t pid = 0;
        int32_t uid = -1;

        sd_bus_message_enter_container(m, 'r', "sa{sv}");
        sd_bus_message_read(m, "s", &kind);
        g_string_append_printf(text, "%s ", kind);
        sd_bus_message_enter_container(m, 'a', "{sv}");
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                sd_bus_message_read(m, "s", &key);
                if (g_str_equal(key, "name")) {
                        sd_bus_message_read(m, "v", "s", &s);
                        g_string_append(text, s);
                } else if (g_str_equal(key, "pid"))
                        sd_bus_message_read(m, "v", "u", &pid);
                else if (g_str_equal(key, "start-time"))
                        sd_bus_message_read(m, "v", "t", &start);
                else if (g_str_equal(key, "uid"))
                        sd_bus_message_read(m, "v", "i", &uid);
                else
                        sd_bus_message_skip(m, "v");
                sd_bus_message_exit_container(m);
        }
        sd_bus_message_exit_container(m);
        if (pid)
                g_string_append_printf(text, "%u/%" G_GUINT64_FORMAT "/%d", pid, start, uid);
        return sd_bus_message_exit_container(m);
}

static int answer(Fake *f, sd_bus_message *m, uint32_t flags)
{
        if (g_str_equal(f->answer, "hang"))
                return 1;
        if (g_str_equal(f->answer, "garbage"))
                return sd_bus_reply_method_return(m, "s", "yes");
        if (g_str_equal(f->answer, "error"))
                return sd_bus_reply_method_errorf(m, AUTHORITY ".Error.Failed", "no such action");
        return sd_bus_reply_method_return(
                m, "(bba{ss})",
                (int) (g_str_equal(f->answer, "yes") || (g_str_equal(f->answer, "ask") && flags)),
                (int) (g_str_equal(f->answer, "challenge") || g_str_equal(f->answer, "ask")), 0);
}

static int method_check(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        GString *text = g_string_new(NULL), *details = g_string_new(NULL);
        const char *action, *key, *value, *cancellation;
        uint32_t flags;
        int r = read_subject(m, text);

        if (r >= 0)
                r = sd_bus_message_read(m, "s", &action);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{ss}");
        while (r >= 0 && sd_bus_message_read(m, "{ss}", &key, &value) > 0)
                g_string_append_printf(details, " %s=%s", key, value);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "us", &flags, &cancellation);
        if (r >= 0) {
                g_string_append_printf(text, " %s %u%s", action, flags, details->str);
                g_ptr_array_add(f->questions, g_string_free(g_steal_pointer(&text), FALSE));
                r = answer(f, m, flags);
        }
        if (text)
                g_string_free(text, TRUE);
        g_string_free(details, TRUE);
        return r;
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        const char *id;
        int r = sd_bus_message_read(m, "s", &id);

        if (r < 0)
                return r;
        g_ptr_array_add(f->questions, g_strdup_printf("cancel %s", id));
        return sd_bus_reply_method_return(m, NULL);
}

/* ---- Control ---- */

static int method_set_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        const char *text;
        int r = sd_bus_message_read(m, "s", &text);

        if (r < 0)
                return r;
        g_free(f->answer);
        f->answer = g_strdup(text);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_questions(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        sd_bus_message *reply = NULL;
        int r;

        sd_bus_message_new_method_return(m, &reply);
        sd_bus_message_open_container(reply, 'a', "s");
        for (unsigned i = 0; i < f->questions->len; i++)
                sd_bus_message_append(reply, "s", f->questions->pdata[i]);
        sd_bus_message_close_container(reply);
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_leave(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        sd_event_exit(((Fake *) userdata)->event, 0);
        return sd_bus_reply_method_return(m, NULL);
}

/* ---- The bus ---- */

#define ANY SD_BUS_VTABLE_UNPRIVILEGED

/* No vtable: sd-bus would not let an answer of the wrong type out. */
static int on_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        if (sd_bus_message_is_method_call(m, AUTHORITY, "CheckAuthorization") > 0)
                return method_check(m, userdata, ret_error);
        if (sd_bus_message_is_method_call(m, AUTHORITY, "CancelCheckAuthorization") > 0)
                return method_cancel(m, userdata, ret_error);
        return 0;
}

static const sd_bus_vtable control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("SetAnswer", "s", "", method_set_answer, ANY),
        SD_BUS_METHOD("Questions", "", "as", method_questions, ANY),
        SD_BUS_METHOD("Leave", "", "", method_leave, ANY),
        SD_BUS_VTABLE_END,
};

static void check(int r, const char *what)
{
        if (r < 0)
                g_error("%s: %s", what, g_strerror(-r));
}

int main(void)
{
        Fake f = { .answer = g_strdup("no"), .questions = g_ptr_array_new_with_free_func(g_free) };
        sd_bus *bus;
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        check(sd_event_new(&f.event), "event");
        check(sd_event_add_signal(f.event, NULL, SIGTERM, NULL, NULL), "SIGTERM");
        check(sd_bus_open_system(&bus), "bus");
        check(sd_bus_add_object(bus, NULL, PATH, on_authority, &f), "authority");
        check(sd_bus_add_object_vtable(bus, NULL, PATH, "org.certagent1.Fake", control_vtable, &f),
              "control");
        check(sd_bus_attach_event(bus, f.event, 0), "event");
        check(sd_bus_request_name(bus, NAME, 0), "name");
        check(sd_event_loop(f.event), "loop");
        sd_bus_flush_close_unref(bus);
        g_ptr_array_unref(f.questions);
        g_free(f.answer);
        sd_event_unref(f.event);
        return 0;
}
