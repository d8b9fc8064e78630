/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Questions to the person at the terminal. */

/* Whether there is one: standard input and standard error are a terminal. */
bool question_can_be_asked(void);

/* Asks on standard error, and reads one line; true for "y" or "yes", nothing else. */
bool question_ask(const char *question);
