/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>

/* How an issuer gives the next certificate; of types that know more than one way. */
typedef enum Renewal {
        RENEWAL_SIGN,  /* as the first one */
        RENEWAL_RENEW, /* by the one before, with its key: key.rotation must be "reuse", and is by default */
        RENEWAL_REKEY, /* by the one before, with a new key */
        _RENEWAL_MAX,
        _RENEWAL_INVALID = -EINVAL,
} Renewal;

const char *renewal_to_string(Renewal renewal); /* "sign" "renew" "rekey" */
Renewal renewal_from_string(const char *s);
