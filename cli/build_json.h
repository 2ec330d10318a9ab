/* The JSON of `bilge build`; its shape is in the manual page. */
#ifndef BILGE_CLI_BUILD_JSON_H
#define BILGE_CLI_BUILD_JSON_H

#include "core/store/store.h"

/* The services are the project's when the build named none. */
void build_print_json(const struct store *store, const struct build *build);

#endif
