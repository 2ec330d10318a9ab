/* Extended regular expressions of POSIX, found anywhere in a text. Not libc's
 * regcomp(): of "^R+++…", "(a{99}){99}" or ".*a.{200}" it makes programs and
 * tables that take minutes, hours or all memory, and nothing can interrupt it.
 * Here the program is small or refused, and a text takes at most its length
 * times the program's.
 *
 * Beside POSIX, as GNU has them: \w \W \s \S \b \B \< \>. References back to a
 * group (\1) are refused. */
#ifndef BILGE_PRUNE_EXPRESSION_H
#define BILGE_PRUNE_EXPRESSION_H

#include <stdbool.h>

#include "core/base/err.h"

struct expression;

/* ERR_USAGE with what is wrong with it. */
int expression_new(const char *text, struct expression **ret_expression, struct err *err);
/* NULL is fine. */
void expression_free(struct expression *expression);
/* The text is UTF-8; a byte that is none counts as a character of its own. From
 * any thread. */
bool expression_matches(const struct expression *expression, const char *text);

#endif
