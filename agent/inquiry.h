/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority.h"

/* An inquiry: several authorities are asked at once what they have (Inspect). One that is being asked already is not asked
 * a second time: the answer serves all who wait for it. */

typedef struct Inquiry Inquiry;

/* Called once from the loop, never from within inquiry_start(); the inquiry is gone. What was said stands in the
 * authorities. */
typedef void (*InquiryDone)(void *userdata);

/* `authorities` (Authority*) is referenced. The agent's own loop and pool. */
Inquiry *inquiry_start(sd_event *event, IssuePool *pool, GPtrArray *authorities, InquiryDone done, void *userdata);
/* No answer is awaited any more; NULL is fine. Returns NULL. */
Inquiry *inquiry_discard(Inquiry *i);
