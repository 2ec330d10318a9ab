/* What every program of bilge does around its commands: finds the command, reads its
 * options, runs it, and looks whether all that was printed has arrived. */
#ifndef BILGE_CLI_PROGRAM_H
#define BILGE_CLI_PROGRAM_H

#include "cli/command.h"

struct program {
    const struct command *const
        *commands; /* NULL behind the last; the first is for a call without one */
    /* In its place on a terminal; NULL: there is none. */
    enum exit_code (*screen)(struct globals *globals);
};

/* The whole of main(). */
int program_main(const struct program *program, int argc, char **argv);

#endif
