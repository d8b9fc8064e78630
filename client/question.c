/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A question before something that cannot be taken back. Standard output may be a file by then, so it is
 * standard error that is written to. */

#include "client/question.h"

#include <glib.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

bool question_can_be_asked(void)
{
        return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool question_ask(const char *question)
{
        char answer[16] = "";

        fflush(stdout);
        /* What was typed, or pasted, before the question was seen is no answer to it: a request that is pasted for
         * "sign -" may go on with one. */
        (void) tcflush(STDIN_FILENO, TCIFLUSH);
        fputs(question, stderr);
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        g_strstrip(answer);
        return g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0;
}
