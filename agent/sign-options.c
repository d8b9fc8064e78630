/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of SignRequest. It owns the strings. */

#include "agent/sign-options.h"

#include "common/message.h"

#include <errno.h>
#include <string.h>

#define STRINGS_MAX 128
#define STRING_MAX  4096

static int invalid(sd_bus_error *ret_error, const char *key, const char *what)
{
        return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS, "The option \"%.64s\" %s", key, what);
}

/* ---- Reading ---- */

static int read_strings(sd_bus_message *m, const char *key, char ***ret, sd_bus_error *ret_error)
{
        g_autoptr(GStrvBuilder) strings = g_strv_builder_new();
        const char *text;
        unsigned n = 0;
        int r = sd_bus_message_enter_container(m, 'v', "as");

        if (*ret)
                return invalid(ret_error, key, "is there twice");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        for (; r >= 0 && (r = sd_bus_message_read_basic(m, 's', &text)) > 0; n++) {
                if (n >= STRINGS_MAX || strlen(text) > STRING_MAX)
                        return invalid(ret_error, key, "is too long");
                g_strv_builder_add(strings, text);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r == -ENXIO)
                return invalid(ret_error, key, "is a list of strings");
        if (r >= 0 && n == 0)
                return invalid(ret_error, key, "is empty\nLeave it out to have what the request asks for.");
        if (r >= 0)
                *ret = g_strv_builder_end(strings);
        return r;
}

static int read_lifetime(sd_bus_message *m, uint64_t *ret, sd_bus_error *ret_error)
{
        uint64_t lifetime;
        int r;

        if (*ret != 0)
                return invalid(ret_error, "lifetime", "is there twice");
        r = sd_bus_message_read(m, "v", "t", &lifetime);
        if (r == -ENXIO)
                return invalid(ret_error, "lifetime", "is a number of microseconds");
        if (r >= 0 && lifetime == 0)
                return invalid(ret_error, "lifetime", "is nothing");
        if (r >= 0)
                *ret = lifetime;
        return r;
}

static int read_option(sd_bus_message *m, SignOptions *o, sd_bus_error *ret_error)
{
        const char *key;
        int r = sd_bus_message_read(m, "s", &key);

        if (r < 0)
                return r;
        if (g_str_equal(key, "usage"))
                return read_strings(m, key, &o->usage, ret_error);
        if (g_str_equal(key, "names"))
                return read_strings(m, key, &o->names, ret_error);
        if (g_str_equal(key, "lifetime"))
                return read_lifetime(m, &o->lifetime, ret_error);
        return invalid(ret_error, key, "is not known\nThe options are \"usage\", \"lifetime\" and \"names\".");
}

int sign_options_read(sd_bus_message *m, SignOptions *ret, sd_bus_error *ret_error)
{
        g_auto(SignOptions) o = {};
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_option(m, &o, ret_error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = o;
        o = (SignOptions) {};
        return 0;
}

/* ---- Handing on ---- */

int sign_options_append(sd_bus_message *m, const SignOptions *o)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0 && o->usage)
                r = message_append_entry_strv(m, "usage", o->usage);
        if (r >= 0 && o->names)
                r = message_append_entry_strv(m, "names", o->names);
        if (r >= 0 && o->lifetime != 0)
                r = sd_bus_message_append(m, "{sv}", "lifetime", "t", o->lifetime);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

SignOptions *sign_options_copy(const SignOptions *o)
{
        SignOptions *copy = g_new0(SignOptions, 1);

        copy->usage = g_strdupv(o->usage);
        copy->names = g_strdupv(o->names);
        copy->lifetime = o->lifetime;
        return copy;
}

SignOptions *sign_options_free(SignOptions *o)
{
        if (o)
                sign_options_clear(o);
        g_free(o);
        return NULL;
}

void sign_options_clear(SignOptions *o)
{
        g_clear_pointer(&o->usage, g_strfreev);
        g_clear_pointer(&o->names, g_strfreev);
}
