/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* A message bus of its own for one test, on which everything is allowed, and the programs on it. It is what
 * sd_bus_open_system() finds, here and in every program started. Everything here aborts the test when it
 * fails. */

typedef struct TestBus TestBus;

TestBus *test_bus_new(void);
/* Ends what was started, the bus last; removes its folder. Returns NULL. */
TestBus *test_bus_free(TestBus *b);

/* The bus goes, without a word. */
void test_bus_kill(TestBus *b);

/* The folder that goes with the bus, for what else a test needs. Borrowed. */
const char *test_bus_folder(const TestBus *b);

/* A connection attached to `event`; the caller owns it. */
sd_bus *test_bus_open(sd_event *event);

/* Starts a program of the build's tests/integration and waits until it owns `name`. */
void test_bus_start(TestBus *b, const char *program, const char *name);

/* Waits until nobody owns `name` any more. */
void test_bus_wait_gone(const char *name);

/* Turns the loop until *done; what takes longer than two minutes hangs. */
void run_until(sd_event *event, const bool *done);

/* Turns the loop for so long. */
void run_for(sd_event *event, uint64_t usec);

/* Calls a method while `event` runs, as a well-behaved client does; the reply is the caller's. An error
 * aborts. */
sd_bus_message *call_and_wait(sd_bus *bus, const char *destination, const char *path, const char *interface,
                              const char *member, const char *types, ...);

/* Calls org.certagent1.Fake.METHOD of a fake, and gives its list of strings; the caller owns it (g_strfreev).
 */
char **fake_list(sd_bus *bus, const char *destination, const char *path, const char *method);
