/* How large a regular expression gets when it is compiled. */
#ifndef BILGE_PRUNE_EXPRESSION_H
#define BILGE_PRUNE_EXPRESSION_H

#include <stdbool.h>

/* False when its repetitions, one in the other, have it grow beyond all measure:
 * libc's regcomp() copies what is repeated, and "(((a{9}){99}){99}){99}" takes
 * hours and all memory. An extended expression of POSIX, well-formed or not. */
bool expression_is_small(const char *text);

#endif
