/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* An enum's string table, both ways: ENUM_TABLE(noun, Type, table, _TYPE_MAX, _TYPE_INVALID) defines
 * noun_to_string() and noun_from_string() over `static const char *const table[_TYPE_MAX]`. */
#define ENUM_TABLE(noun, Type, table, MAX, INVALID)                                                                  \
        const char *noun##_to_string(Type value)                                                                     \
        {                                                                                                            \
                return (int) value >= 0 && (int) value < (int) (MAX) ? (table)[value] : NULL;                        \
        }                                                                                                            \
        Type noun##_from_string(const char *s)                                                                       \
        {                                                                                                            \
                for (int i = 0; s && i < (int) (MAX); i++)                                                           \
                        if ((table)[i] && g_str_equal((table)[i], s))                                                \
                                return (Type) i;                                                                     \
                return (INVALID);                                                                                    \
        }
