/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* A message of the bus made of a fuzzer's bytes: any dictionary a{sv} that a peer could send, with the names of keys
 * that the reader knows among others, and values of right and of wrong types.
 *
 * The bytes, all lengths in big endian:
 *
 *     with a status: u8 length, text
 *     entries until the end: u8 key (a place in `keys`, else an unknown one), u8 type, value
 *     types: 0 string: u16 length, text; 1 u64; 2 bytes: u16 length, bytes; 3 list of bytes: u8 how many, each as 2;
 *            4 list of strings: u8 how many, each as 0; 5 u8; 6 a variant in the variant: as 0;
 *            7 list of named bytes: u8 how many, each u8 length, text, then as 2; 8 dictionary of numbers: u8 how many, each
 *            u8 length, text, then as 1
 *
 * Ready to be read from its start; NULL when no peer could have sent it. The caller unrefs. */
sd_bus_message *fuzz_message_new(const uint8_t *data, size_t size, const char *const *keys, bool with_status);
