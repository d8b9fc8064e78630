/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties as they come over the bus. What has another type than the interface says is an error of the
 * reply. */

#include "client/property.h"

int property_walk(sd_bus_message *m, PropertyFunction read, void *userdata)
{
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read(m, name, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

int property_read_string(sd_bus_message *m, char **target)
{
        const char *s;
        int r = sd_bus_message_read(m, "v", "s", &s);

        if (r >= 0) {
                g_free(*target);
                *target = g_strdup(s);
        }
        return r;
}

int property_enter_array(sd_bus_message *m, const char *element)
{
        g_autofree char *array = g_strconcat("a", element, NULL);
        int r = sd_bus_message_enter_container(m, 'v', array);

        return r >= 0 ? sd_bus_message_enter_container(m, 'a', element) : r;
}

int property_exit_array(sd_bus_message *m)
{
        int r = sd_bus_message_exit_container(m);

        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

int property_read_strings(sd_bus_message *m, char ***target)
{
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        const char *s;
        int r = property_enter_array(m, "s");

        while (r >= 0 && (r = sd_bus_message_read(m, "s", &s)) > 0)
                g_strv_builder_add(builder, s);
        if (r >= 0)
                r = property_exit_array(m);
        if (r >= 0) {
                g_strfreev(*target);
                *target = g_strv_builder_end(builder);
        }
        return r;
}

static void step_free(void *p)
{
        JobStep *s = p;

        g_free(s->name);
        g_free(s->stage);
        g_free(s->message);
        g_free(s);
}

int property_read_steps(sd_bus_message *m, GPtrArray **target)
{
        g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(step_free);
        const char *name, *stage, *message;
        int r = property_enter_array(m, "(sss)");

        while (r >= 0 && (r = sd_bus_message_read(m, "(sss)", &name, &stage, &message)) > 0) {
                JobStep *s = g_new(JobStep, 1);

                *s = (JobStep){ g_strdup(name), g_strdup(stage), g_strdup(message) };
                g_ptr_array_add(steps, s);
        }
        if (r >= 0)
                r = property_exit_array(m);
        if (r >= 0) {
                g_clear_pointer(target, g_ptr_array_unref);
                *target = g_steal_pointer(&steps);
        }
        return r;
}
