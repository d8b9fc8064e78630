/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

/* An intake: between another process and sd-bus, to hold what arrives to an allowance. sd-bus alone takes messages of
 * up to 128 MiB, and reads one without returning to the loop for as long as the other side keeps sending. */

typedef struct Intake Intake;

/* From the loop, once: more arrived than is allowed; nothing more is let through. */
typedef void (*IntakeFlooded)(void *userdata);

/* Reads from `fd` (a duplicate is made). *ret_fd is where sd-bus is to read instead, given to the caller. NULL with
 * errno set. When the other side closes, that end closes too, after all that came before. */
Intake *intake_new(sd_event *event, int fd, IntakeFlooded flooded, void *userdata, int *ret_fd);
Intake *intake_free(Intake *i);

/* So many bytes are let through from now on, and some thousand messages. At first, none. */
void intake_allow(Intake *i, uint64_t bytes);
