/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

#include <stdint.h>

/* Properties as they come over the bus: a{sv}, in replies to GetAll and in PropertiesChanged. */

/* Reads the variant of property `name` from `m`, or skips it; returns -errno or not negative. */
typedef int (*PropertyFunction)(sd_bus_message *m, const char *name, void *userdata);

/* Walks the a{sv} that comes next in `m`. */
int property_walk(sd_bus_message *m, PropertyFunction read, void *userdata);

/* A variant that holds a string, or strings; what `*target` held before is freed. */
int property_read_string(sd_bus_message *m, char **target);
int property_read_strings(sd_bus_message *m, char ***target);

/* Goes into and out of a variant that holds an array of `element`s. */
int property_enter_array(sd_bus_message *m, const char *element);
int property_exit_array(sd_bus_message *m);

/* How far one certificate of a job is: an element of org.certagent1.Job's Progress. */
typedef struct JobStep {
        char *name, *stage, *message;
} JobStep;

/* A variant a(sss) as JobStep*; `*target` is replaced. */
int property_read_steps(sd_bus_message *m, GPtrArray **target);
