/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* A pager between our output and the terminal. */

typedef struct Pager Pager;

/* NULL when there shall be none: not a terminal, --no-pager, or $PAGER is "" or "cat". */
Pager *pager_open(const Client *client);
/* Ends the output and waits until the person has read it. */
Pager *pager_close(Pager *pager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pager, pager_close)
