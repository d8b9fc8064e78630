/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"
#include "agent/unit.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* The state of a unit, as its D-Bus properties tell it at one moment, and the judgement of a job by the
 * states before and after it: "done" alone is not to be believed. */

typedef struct UnitState {
        char *load_state;   /* "loaded" "masked" "not-found" "bad-setting" "error" … */
        char *active_state; /* "active" "reloading" "inactive" "failed" "activating" "deactivating" … */
        char *sub_state;
        int condition;             /* ConditionResult; meaningful when it was judged */
        uint64_t condition_judged; /* when; 0: never, or the unit was unloaded since, as one that ended may be
                                    */
        uint32_t job;              /* the id of the job that the unit has now, or 0 */
        char *type;   /* of a service: "simple" "oneshot" …; NULL for any other unit, as all that follow */
        char *result; /* "success" "exit-code" "signal" "timeout" … */
        char *reload_result; /* NULL where systemd does not have it */
        uint32_t main_pid;   /* 0: none */
        uint32_t n_restarts; /* by Restart= */
        int32_t exit_code;   /* CLD_EXITED … */
        int32_t exit_status;
        uint64_t start_limit_usec, stop_limit_usec; /* UINT64_MAX: none */
} UnitState;

/* Takes over what an answer to Properties.GetAll says (a{sv}); properties that it does not know are skipped,
 * those that the answer does not hold stay as they are. Returns 0 or -errno. */
int unit_state_read(UnitState *s, sd_bus_message *properties);
void unit_state_clear(UnitState *s);

/* Processes run that could be told something. */
bool unit_state_is_running(const UnitState *s);

/* On its way to another state: look again later. */
bool unit_state_is_passing(const UnitState *s);

/* Why systemd can do nothing with the unit ("is masked"), or NULL. */
const char *unit_state_why_gone(const UnitState *s);

/* Whether the action may be skipped, because the unit does not run and reads its files when it starts. */
bool unit_state_needs_nothing(const UnitState *s, UnitAction action);

/* Judges a job, or a signal (`job_result` "done"). `before` is the state before the job, `first` that right
 * after it, `after` the one a moment later. *ret_why: what went wrong, in words that follow the unit's name;
 * set with UNIT_FAILED only; the caller owns it. */
UnitOutcome unit_state_judge(UnitAction action, const char *job_result, const UnitState *before,
                             const UnitState *first, const UnitState *after, char **ret_why);
