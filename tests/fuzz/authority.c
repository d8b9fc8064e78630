/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority that signs for a fuzzer. It lives as long as the process. */

#include "tests/fuzz/authority.h"

#include "common/timespan.h"
#include "issuers/local/change.h"
#include "tests/unit/fixture.h"

const AuthorityOptions fuzz_authority_options = { .name = (char *) "site",
                                                  .key_type = KEY_TYPE_ECDSA_P256,
                                                  .lifetime = 3650 * USEC_PER_DAY,
                                                  .certificate_lifetime = 90 * USEC_PER_DAY };

Authority *fuzz_authority(void)
{
        static Authority *a = NULL;
        g_autoptr(GError) error = NULL;
        char *root;

        if (a)
                return a;
        root = fixture_root_new();
        g_assert_true(change_make(&fuzz_authority_options, &error));
        a = authority_open(&fuzz_authority_options, &error);
        g_assert_no_error(error);
        (void) fixture_root_free(root);
        return a;
}
