/* Asking a person, with "no" as the default. */
#ifndef BILGE_CLI_ASK_H
#define BILGE_CLI_ASK_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/session.h"
#include "core/base/err.h"

/* Is there somebody who sees what goes to `shown`, and can answer? */
bool ask_possible(FILE *shown);

/* Prints the question and waits for a line. Only "y" and "yes" are a yes; the
 * end of input is a no. ERR_CANCELLED on an interrupt. */
int ask_yes(struct session *session, FILE *shown, const char *question, bool *ret_yes,
            struct err *err);

#endif
