/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* While a call waits for polkit: a program that asks for the password on this terminal. */

typedef struct PolkitAgent PolkitAgent;

/* NULL when there is nobody to ask, or nothing to be asked (root). */
PolkitAgent *polkit_agent_start(void);
PolkitAgent *polkit_agent_stop(PolkitAgent *agent);
