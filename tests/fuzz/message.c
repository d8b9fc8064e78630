/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages from bytes. sd-bus makes none without a bus: there is one, to nobody, for as long as the process lives.
 */

#include "tests/fuzz/message.h"

#include <sys/socket.h>

/* What is left of the input; where it ends, lengths and numbers are cut or 0. */
typedef struct Input {
        const uint8_t *at;
        size_t left;
} Input;

static uint64_t take_number(Input *in, unsigned bytes)
{
        uint64_t v = 0;

        for (; bytes > 0 && in->left > 0; bytes--, in->left--)
                v = v << 8 | *in->at++;
        return v;
}

static const uint8_t *take_bytes(Input *in, unsigned length_bytes, size_t *ret_size)
{
        const uint8_t *p;

        *ret_size = take_number(in, length_bytes);
        *ret_size = MIN(*ret_size, in->left);
        p = in->at;
        in->at += *ret_size;
        in->left -= *ret_size;
        return p;
}

/* ---- Values ---- */

static int append_text(sd_bus_message *m, Input *in, unsigned length_bytes)
{
        size_t size;
        const uint8_t *p = take_bytes(in, length_bytes, &size);
        g_autofree char *text = g_strndup((const char *) p, size);

        if (!g_utf8_validate(text, -1, NULL)) /* sd-bus drops a peer that sends such */
                return -EINVAL;
        return sd_bus_message_append_basic(m, 's', text);
}

static int append_string(sd_bus_message *m, Input *in)
{
        return append_text(m, in, 2);
}

static int append_number(sd_bus_message *m, Input *in)
{
        uint64_t v = take_number(in, sizeof(v));

        return sd_bus_message_append_basic(m, 't', &v);
}

static int append_bytes(sd_bus_message *m, Input *in)
{
        size_t size;
        const uint8_t *p = take_bytes(in, 2, &size);

        return sd_bus_message_append_array(m, 'y', p, size);
}

static int append_list(sd_bus_message *m, Input *in, const char *type, int (*append)(sd_bus_message *, Input *))
{
        unsigned n = (unsigned) take_number(in, 1);
        int r = sd_bus_message_open_container(m, 'a', type);

        for (unsigned i = 0; r >= 0 && i < n; i++)
                r = append(m, in);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_list_of_bytes(sd_bus_message *m, Input *in)
{
        return append_list(m, in, "ay", append_bytes);
}

static int append_list_of_strings(sd_bus_message *m, Input *in)
{
        return append_list(m, in, "s", append_string);
}

static int append_byte(sd_bus_message *m, Input *in)
{
        uint8_t v = (uint8_t) take_number(in, 1);

        return sd_bus_message_append_basic(m, 'y', &v);
}

static int append_variant(sd_bus_message *m, Input *in)
{
        int r = sd_bus_message_open_container(m, 'v', "s");

        if (r >= 0)
                r = append_string(m, in);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_named_bytes(sd_bus_message *m, Input *in)
{
        int r = sd_bus_message_open_container(m, 'r', "say");

        if (r >= 0)
                r = append_text(m, in, 1);
        if (r >= 0)
                r = append_bytes(m, in);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_list_of_named_bytes(sd_bus_message *m, Input *in)
{
        return append_list(m, in, "(say)", append_named_bytes);
}

static int append_named_number(sd_bus_message *m, Input *in)
{
        int r = sd_bus_message_open_container(m, 'e', "st");

        if (r >= 0)
                r = append_text(m, in, 1);
        if (r >= 0)
                r = append_number(m, in);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_dictionary_of_numbers(sd_bus_message *m, Input *in)
{
        return append_list(m, in, "{st}", append_named_number);
}

/* ---- The dictionary ---- */

static int append_value(sd_bus_message *m, Input *in)
{
        static const struct {
                const char *type;
                int (*append)(sd_bus_message *m, Input *in);
        } types[] = {
                { "s", append_string },         { "t", append_number },           { "ay", append_bytes },
                { "aay", append_list_of_bytes }, { "as", append_list_of_strings }, { "y", append_byte },
                { "v", append_variant },        { "a(say)", append_list_of_named_bytes },
                { "a{st}", append_dictionary_of_numbers },
        };
        size_t i = take_number(in, 1) % G_N_ELEMENTS(types);
        int r = sd_bus_message_open_container(m, 'v', types[i].type);

        if (r >= 0)
                r = types[i].append(m, in);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_entry(sd_bus_message *m, Input *in, const char *const *keys)
{
        size_t key = take_number(in, 1);
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", key < g_strv_length((char **) keys) ? keys[key] : "Other");
        if (r >= 0)
                r = append_value(m, in);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_dictionary(sd_bus_message *m, Input *in, const char *const *keys)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        while (r >= 0 && in->left > 0)
                r = append_entry(m, in, keys);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static sd_bus *bus_to_nobody(void)
{
        static sd_bus *bus = NULL;
        int pair[2];

        if (bus)
                return bus;
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, pair[0], pair[0]), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        return bus;
}

sd_bus_message *fuzz_message_new(const uint8_t *data, size_t size, const char *const *keys, bool with_status)
{
        Input in = { data, size };
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus_to_nobody(), &m, NULL, "/", "org.example", "Example");

        if (r >= 0 && with_status)
                r = append_text(m, &in, 1);
        if (r >= 0)
                r = append_dictionary(m, &in, keys);
        if (r >= 0)
                r = sd_bus_message_seal(m, 1, 0);
        if (r >= 0)
                r = sd_bus_message_rewind(m, true);
        return r < 0 ? sd_bus_message_unref(m) : m;
}
