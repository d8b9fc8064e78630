/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/agent.h"

/* Imports: what a person brought as the answer to a request. The issuer's process finds the certificate in it (that parser
 * is not the agent's), the agent checks it as every answer, and keeps it as the pending generation; installing it is the
 * work of a pass. */

#define IMPORT_MAX (UINT32_C(1) << 20) /* bytes */

typedef struct Import Import;

/* `changed`: a generation was kept, and a job may install it; false: this certificate is in place already. With `error`
 * nothing has changed. Called back once from the loop, never from within import_start(). */
typedef void (*ImportDone)(const char *name, bool changed, const GError *error, void *userdata);

/* What can be told at once, before anybody is asked for leave: as import_start(), but for BUSY. */
bool import_check(const Certificate *c, GBytes *answer, GError **error);

/* `c` may go while it lasts; `answer` is as it came. Holds the agent. BUSY: a pass or another import is at work on it;
 * NOT_SUPPORTED: its issuer takes no answers by hand; BAD_CERTIFICATE: a private key, or too much. */
bool import_start(Agent *a, Certificate *c, GBytes *answer, ImportDone done, void *userdata, GError **error);
