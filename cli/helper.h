/* Commands that are programs of their own, "bilge-NAME". */
#ifndef BILGE_CLI_HELPER_H
#define BILGE_CLI_HELPER_H

#include "cli/command.h"

/* Becomes that program, which gets the same words. It is looked for beside this
 * one, as where both were built, then where both were installed, be it below
 * another root. Returns only when there is none, having said so. */
enum exit_code helper_run(const char *name, char **argv);

#endif
