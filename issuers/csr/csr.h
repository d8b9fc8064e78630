/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

/* org.certagent1.Issuer of the type "csr": a person carries the request to a CA, and its answer back. It keeps nothing
 * between calls, so it takes no userdata. */
extern const sd_bus_vtable csr_issuer_vtable[];
