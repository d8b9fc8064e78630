/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/agent.h"
#include "agent/audit.h"

/* The auditor: holds one audit at a time, for whoever asks and for the agent itself, and tells the journal of each finding
 * once, when it is first seen. */

typedef struct Auditor Auditor;

/* `system_bus` may be NULL: then no unit is asked about. All are borrowed. */
Auditor *auditor_new(Agent *a, sd_event *event, sd_bus *system_bus);
Auditor *auditor_free(Auditor *auditor);

/* `findings` (const Finding *, borrowed); NULL: it cannot be found out now, or the agent ends. */
typedef void (*AuditAnswered)(const GPtrArray *findings, void *userdata);

/* What is found of these certificates; of all when there are no names. Answered later, or at once from what was found less
 * than a minute ago. Fails with BUSY when too many wait already; then nobody is called. */
bool auditor_ask(Auditor *auditor, const char *const *names, AuditAnswered answered, void *userdata, GError **error);

/* A pass is over: these (NULL-terminated) were installed in it; `daily`: it was the timer's, so that all are looked at if they
 * were not for a day. `begin`: no other is at work, so that looking holds up nothing. */
void auditor_note_pass(Auditor *auditor, char **installed, bool daily, bool begin);

/* An audit is under way. */
bool auditor_is_busy(const Auditor *auditor);
