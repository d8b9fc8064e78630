/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/unit.h"

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* What is told of a unit that went wrong: what, to which unit, and what to do. Always CERT_ERROR_UNIT_FAILED.
 */

/* "reloading nginx.service failed: WHY" and a hint, which may be NULL. */
GError *unit_error_new(const UnitRef *ref, const char *why, const char *hint);

/* The unit cannot be told: `why` is unit_state_why_gone()'s. */
GError *unit_error_gone(const UnitRef *ref, const char *why);

/* From systemd's refusal of a call; *ret_outcome is UNIT_GONE or UNIT_FAILED. */
GError *unit_error_from_bus(const UnitRef *ref, const sd_bus_error *e, UnitOutcome *ret_outcome);

/* systemd is away for a moment (daemon-reexec), or does not answer now: worth another try. */
bool unit_error_is_passing(const sd_bus_error *e);

/* Adds to the hint the unit's own last lines (may be NULL) and the commands that show more. */
void unit_error_add_log(GError *error, const UnitRef *ref, const char *lines);
