/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Job objects: org.certagent1.Job on /org/certagent1/job/ID. */

#include "agent/bus.h"
#include "common/names.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int property_get_kind(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "s", job_kind_to_string(((Job *) userdata)->kind));
}

static int property_get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "s", ((Job *) userdata)->over ? "finished" : "running");
}

static int property_get_progress(sd_bus *bus, const char *path, const char *interface, const char *property,
                                 sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const Job *job = userdata;
        int r = sd_bus_message_open_container(reply, 'a', "(sss)");

        for (guint i = 0; r >= 0 && i < job->steps->len; i++) {
                const JobStep *step = g_ptr_array_index(job->steps, i);

                r = sd_bus_message_append(reply, "(sss)", step->name, job_stage_to_string(step->stage),
                                          step->message ?: "");
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_get_result(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const Job *job = userdata;

        return sd_bus_message_append(reply, "s", job->over ? job_result_to_string(job->result) : "");
}

static int property_get_id(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "u", ((Job *) userdata)->id);
}

static bool read_id(const char *path, unsigned *ret_id)
{
        const char *id = path + strlen(CERT_BUS_JOB_PATH "/");
        char *end = NULL;
        unsigned long n;

        if (!g_str_has_prefix(path, CERT_BUS_JOB_PATH "/") || !g_ascii_isdigit(*id))
                return false;
        n = strtoul(id, &end, 10);
        if (*end || n > UINT_MAX)
                return false;
        *ret_id = (unsigned) n;
        return true;
}

/* The job is named by the message's path: it may be gone before polkit has answered. */
static int cancel(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        unsigned id;
        int r = polkit_check(bus_polkit(b), m, cancel, b, NULL, ret_error);

        if (r <= 0)
                return r < 0 ? r : 1;
        if (!read_id(sd_bus_message_get_path(m), &id) || !agent_cancel(bus_agent(b), id))
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_UNKNOWN_OBJECT, "The job has ended already");
        return sd_bus_reply_method_return(m, NULL);
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return cancel(m, sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(m))), ret_error);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Cancel", "", "", method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "u", property_get_id, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Kind", "s", property_get_kind, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", property_get_state, 0, EMITS),
        SD_BUS_PROPERTY("Progress", "a(sss)", property_get_progress, 0, EMITS),
        SD_BUS_PROPERTY("Result", "s", property_get_result, 0, EMITS),
        SD_BUS_VTABLE_END,
};

static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                    sd_bus_error *ret_error)
{
        unsigned id;

        if (!read_id(path, &id))
                return 0;
        *ret_found = agent_find_job(bus_agent(userdata), id);
        return *ret_found != NULL;
}

static int enumerate_jobs(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *ret_error)
{
        GPtrArray *jobs = agent_jobs(bus_agent(userdata));
        char **nodes = calloc(jobs->len + 1, sizeof(char *));

        if (!nodes)
                return -ENOMEM;
        for (guint i = 0; i < jobs->len; i++) {
                g_autofree char *path = bus_job_path(((Job *) g_ptr_array_index(jobs, i))->id);

                nodes[i] = strdup(path);
        }
        *ret_nodes = nodes;
        return 1;
}

int bus_job_add(Bus *b, sd_bus *connection)
{
        int r = sd_bus_add_fallback_vtable(connection, NULL, CERT_BUS_JOB_PATH, CERT_INTERFACE_JOB, job_vtable,
                                           find_job, b);

        return r < 0 ? r : sd_bus_add_node_enumerator(connection, NULL, CERT_BUS_JOB_PATH, enumerate_jobs, b);
}
