/* The JSON of `bilge history`; its shape is in the manual page. */
#ifndef BILGE_CLI_HISTORY_JSON_H
#define BILGE_CLI_HISTORY_JSON_H

#include "core/history/history.h"

void history_print_json(const struct history_build *builds, size_t len);
void history_print_comparison_json(const struct history_build *first,
                                   const struct history_build *second);

#endif
