/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/revocation.h"

#include <systemd/sd-bus.h>

/* The interface org.certagent1.Authority of cert-issuer-local; userdata is RevocationLists*. */
extern const sd_bus_vtable authority_vtable[];
