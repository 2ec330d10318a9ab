#include <stdint.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/prune/expression.h"
#include "core/prune/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What somebody types into a filter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *typed = mem_strndup((const char *)data, size);
    struct query_line line;
    struct err err;
    if (query_line_read(&line, typed, &err) == 0) {
        struct query_match match;
        if (query_match_init(&match, &line.query, 0, NULL) == 0) {
            if (match.expression != NULL)
                expression_matches(match.expression, typed);
            query_match_done(&match);
        }
        query_line_done(&line);
    }
    free(typed);
    return 0;
}
