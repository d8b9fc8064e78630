/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

/* Authorisation: one table from method to polkit action; a method that is not in the table is refused. */

typedef struct Polkit Polkit;

Polkit *polkit_new(sd_bus *system_bus); /* NULL bus: only root may */
Polkit *polkit_free(Polkit *p);

/* Looks up a method of this project's interfaces in the table. False: it is not there, so nobody may call it.
 * *ret_action is the polkit action, or NULL when the method is open to all. Borrowed. */
bool polkit_action_of(const char *interface, const char *member, const char **ret_action);

/* What a handler returns to sd-bus: > 0 go on, it is permitted; 0 asked, return 1 now and the same handler is
 * called again with the same message when the answer is there; < 0 refused, ret_error is set (NotAuthorized).
 * Root (euid 0 of the peer, or of the bus sender) needs no polkit. Fails closed when polkit is absent, masked,
 * does not answer in 25 s (120 s with interactive authorisation), or the caller vanished. `details` are
 * name/value pairs, NULL-terminated, shown to the user by the agent. `userdata` must stay valid until then: an
 * object that may go in between is looked up anew by the handler. At most 16 questions of one user are open at
 * a time, the next is refused as Busy. */
int polkit_check(Polkit *p, sd_bus_message *m, sd_bus_message_handler_t handler, void *userdata,
                 const char *const *details, sd_bus_error *ret_error);

/* Who sent a message, as the kernel or the bus vouches for it. False: nobody knows. */
bool polkit_caller_uid(sd_bus_message *m, uid_t *ret_uid);
