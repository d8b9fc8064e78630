/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority's options: what its process takes from the configuration of a call, what it leaves to the
 * agent, and what it refuses. */

#include "common/error.h"
#include "issuers/local/options.h"

#include <string.h>

static void test_options(void)
{
        static const struct {
                const char *config;
                const char *says; /* NULL: right */
        } cases[] = {
                { "{\"name\":\"site\",\"type\":\"local\",\"timeout\":\"5s\",\"environment\":\"test\"}",
                  NULL },
                { "{\"name\":\"site\",\"key\":{\"type\":\"rsa-3072\"},\"lifetime\":\"5y\"}", NULL },
                { "{\"name\":\"site\",\"key\":{\"type\":\"rsa-512\"}}", "no type of key" },
                { "{\"name\":\"site\",\"key\":{\"size\":1}}", "issuers.site.key" },
                { "{\"name\":\"site\",\"lifetime\":5}", "must be a string" },
                { "{\"name\":\"site\",\"lifetime\":\"soon\"}", "issuers.site.lifetime" },
                { "{\"name\":\"site\",\"lifetime\":\"1s\"}", "from one hour" },
                { "{\"name\":\"site\",\"names\":{\"permitted\":[\"example.org\"],\"excluded\":[\"ip:::/"
                  "0\"]}}",
                  NULL },
                { "{\"name\":\"site\",\"names\":{\"permitted\":[\"example.org\",\"*.org\"]}}",
                  "issuers.site.names.permitted[1]" },
                { "{\"name\":\"site\",\"names\":{\"excluded\":\"example.org\"}}",
                  "issuers.site.names.excluded" },
                { "{\"name\":\"site\",\"names\":{\"allowed\":[]}}", "issuers.site.names" },
                { "{\"name\":\"site\",\"path_length\":8}", NULL },
                { "{\"name\":\"site\",\"path_length\":9}", "issuers.site.path_length" },
                { "{\"name\":\"site\",\"renew_before\":\"33%\",\"bundle_drift\":\"rewrite\",\"stray\":"
                  "\"resign\","
                  "\"rotation_grace\":\"1d\",\"watch\":true,\"crl_path\":\"/etc/"
                  "crl.pem\",\"crl_units\":[{}]}",
                  NULL }, /* the agent's own */
                { "{\"name\":\"site\",\"path_length\":8,\"crl_lifetime\":\"1h\"}", NULL },
                { "{\"name\":\"site\",\"path_length\":9}", "issuers.site.path_length" },
                { "{\"name\":\"site\",\"path_length\":-1}", "issuers.site.path_length" },
                { "{\"name\":\"site\",\"crl_lifetime\":\"59min\"}", "issuers.site.crl_lifetime" },
                { "{\"name\":\"site\",\"key\":{\"protection\":\"credential\"}}", NULL },
                { "{\"name\":\"site\",\"key\":{\"protection\":\"hope\"}}", "issuers.site.key.protection" },
                { "{\"name\":\"site\",\"key\":{\"uri\":\"file:/x\"}}", "issuers.site.key.uri" },
                { "{\"name\":\"site\",\"key\":{\"uri\":\"pkcs11:token=t\",\"protection\":\"file\"}}",
                  "issuers.site.key.protection" },
                { "{\"name\":\"site\",\"names\":{\"permitted\":[\"example.org\"],\"excluded\":[]}}", NULL },
                { "{\"name\":\"site\",\"names\":{\"permitted\":\"example.org\"}}",
                  "issuers.site.names.permitted" },
                { "{\"name\":\"site\",\"names\":{\"permitted\":[1]}}", "issuers.site.names.permitted" },
                { "{\"name\":\"site\",\"names\":{\"allowed\":[]}}", "issuers.site.names" },
                { "{\"name\":\"../etc\"}", "name" },
                { "{\"name\":\"\"}", "name" },
                { "{\"type\":\"local\"}", "name" },
                { "[1]", "no JSON object" },
                { "nothing", "no JSON object" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(AuthorityOptions) o = authority_options_new(cases[i].config, &error);

                g_assert_cmpint(o != NULL, ==, !cases[i].says);
                if (!cases[i].says) {
                        g_assert_no_error(error);
                        continue;
                }
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                if (!strstr(error->message, cases[i].says))
                        g_error("%s: \"%s\" does not say \"%s\"", cases[i].config, error->message,
                                cases[i].says);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/options/what is taken and what is refused", test_options);
        return g_test_run();
}
