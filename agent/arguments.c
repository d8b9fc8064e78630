/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's command line: what it takes, and what it says of itself. */

#include "agent/arguments.h"

#include "common/timespan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define EXIT_IDLE_DEFAULT_USEC (30 * USEC_PER_SEC)

static void help(void)
{
        printf("cert-agent [OPTIONS...]\n\n"
               "Keeps the certificates of this host as the manifest wants them. Started by systemd.\n\n"
               "  -h --help                 Show this help\n"
               "     --version              Show the version\n"
               "     --recover              Finish an install that was cut off, then exit\n"
               "     --exit-idle-time=SPAN  Exit after this time without work (default 30s, 0: never)\n\n"
               "See cert-agent(8); to talk to it, use certctl(1).\n");
}

int arguments_parse(int argc, char **argv, Arguments *ret)
{
        enum { ARG_VERSION = 0x100, ARG_RECOVER, ARG_EXIT_IDLE };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "recover", no_argument, NULL, ARG_RECOVER },
                { "exit-idle-time", required_argument, NULL, ARG_EXIT_IDLE },
                {},
        };
        g_autoptr(GError) error = NULL;
        Arguments a = { .exit_idle_usec = EXIT_IDLE_DEFAULT_USEC };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        printf("cert-agent %s\n", PROJECT_VERSION);
                        return 0;
                case ARG_RECOVER:
                        a.recover = true;
                        break;
                case ARG_EXIT_IDLE:
                        if (timespan_parse(optarg, &a.exit_idle_usec, &error))
                                break;
                        fprintf(stderr, "--exit-idle-time: %s\n", error->message);
                        return -EINVAL;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                fprintf(stderr, "cert-agent takes no arguments; to talk to the agent, use certctl.\n");
                return -EINVAL;
        }
        *ret = a;
        return 1;
}
