#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/selectors.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define MAX_ARGS 8

/* The query in letters: w whole, g garbage, k N generations, r records. */
static int query_of(const char *const *args, char scopes[16], struct query *query, struct err *err)
{
    struct prune_values values = {0};
    const struct option_set set = {selectors_options, &values};
    struct option_list operands = {0};
    int argc = 0, used = 0;
    while (args[argc] != NULL)
        argc++;
    int code = options_read(&set, 1, argc, (char **)args, &operands, &used, err);
    if (code == 0)
        code = selectors_query(&values, "b1", query, err);
    size_t len = 0;
    if (code == 0) {
        if (query->whole)
            scopes[len++] = 'w';
        if (query->garbage)
            scopes[len++] = 'g';
        if (query->keep_generations > 0)
            scopes[len++] = (char)('0' + query->keep_generations);
        if (query->records)
            scopes[len++] = 'r';
    }
    scopes[len] = '\0';
    options_done(&set);
    return code;
}

static void test_scopes(void **state)
{
    static const struct {
        const char *args[MAX_ARGS];
        const char *scopes;
        int64_t older_than_s;
        size_t services, ids;
        bool now;
    } cases[] = {
        {{"--service", "api"}, "wr", -1, 1, 0, false},
        {{"--service", "api", "--service", "web", "--now"}, "wr", -1, 2, 0, true},
        {{"--service", "api", "--older-than", "1d"}, "wr", 86400, 1, 0, false},
        {{"--service", "api", "--records"}, "r", -1, 1, 0, false},
        {{"--service", "api", "--type", "regular"}, "r", -1, 1, 0, false},
        {{"--service", "api", "--garbage"}, "g", -1, 1, 0, false},
        {{"--service", "api", "--keep-generations", "2"}, "2", -1, 1, 0, false},
        {{"--service", "api", "--id", "sha256:x"}, "", -1, 1, 1, false},
        {{"--older-than", "90s"}, "wgr", 90, 0, 0, false},
        {{"--older-than", "0s"}, "wgr", 0, 0, 0, false},
        {{"--garbage"}, "g", -1, 0, 0, false},
        {{"--garbage", "--records", "--older-than", "1h"}, "gr", 3600, 0, 0, false},
        {{"--garbage", "--keep-generations", "3"}, "g3", -1, 0, 0, false},
        {{"--records"}, "r", -1, 0, 0, false},
        {{"--records", "--older-than", "1w"}, "r", 604800, 0, 0, false},
        {{"--type", "exec.cachemount"}, "r", -1, 0, 0, false},
        {{"--type", "regular", "--older-than", "24h"}, "r", 86400, 0, 0, false},
        {{"--match", "^RUN"}, "r", -1, 0, 0, false},
        {{"--text", "cargo", "--older-than", "1d"}, "r", 86400, 0, 0, false},
        {{"--in-use", "no"}, "r", -1, 0, 0, false},
        {{"--shared", "yes", "--service", "api"}, "r", -1, 1, 0, false},
        {{"--match", "x", "--id", "a"}, "r", -1, 0, 1, false},
        {{"--type", "regular", "--id", "a"}, "r", -1, 0, 1, false},
        {{"--larger-than", "1GB"}, "wgr", -1, 0, 0, false},
        {{"--smaller-than", "1GB", "--garbage"}, "g", -1, 0, 0, false},
        {{"--larger-than", "1GB", "--service", "api"}, "wr", -1, 1, 0, false},
        {{"--larger-than", "1GB", "--id", "a"}, "", -1, 0, 1, false},
        {{"--free", "10GB", "--match", "x"}, "r", -1, 0, 0, false},
        {{"--id", "a", "--id", "b"}, "", -1, 0, 2, false},
        {{"--free", "10GB"}, "wgr", -1, 0, 0, false},
        {{"--free", "10GB", "--records"}, "r", -1, 0, 0, false},
        {{"--free", "10GB", "--service", "api"}, "wgr", -1, 1, 0, false},
        {{"--free", "10GB", "--older-than", "1d"}, "wgr", 86400, 0, 0, false},
        {{"--all"}, "wgr", -1, 0, 0, false},
        {{"--all", "--older-than", "2w"}, "wgr", 1209600, 0, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char scopes[16];
        struct query query;
        struct err err = {0};
        assert_int_equal(query_of(cases[i].args, scopes, &query, &err), 0);
        assert_string_equal(scopes, cases[i].scopes);
        assert_int_equal(query.older_than_s, cases[i].older_than_s);
        assert_int_equal(query.services_len, cases[i].services);
        assert_int_equal(query.ids_len, cases[i].ids);
        assert_int_equal(query.now, cases[i].now);
        assert_string_equal(query.builder, "b1");
    }
}

static void test_refusals(void **state)
{
    static const char *const cases[][MAX_ARGS] = {
        {NULL},
        {"--yes"},
        {"--dry-run"},
        {"--wait", "--yes"},
        {"--all", "--service", "api"},
        {"--all", "--garbage"},
        {"--all", "--records"},
        {"--all", "--type", "regular"},
        {"--all", "--id", "x"},
        {"--all", "--keep-generations", "1"},
        {"--garbage", "--wait", "--now"},
        {"--garbage", "--type", "regular"},
        {"--keep-generations", "0"},
        {"--free", "-1GB"},
        {"--free", "0"},
        {"--free", "10 bananas"},
        {"--free", "1GB", "--all"},
        {"--free", "1GB", "--id", "x"},
        {"--free", "1GB", "--keep-generations", "2"},
        {"--free", "1GB", "--free", "2GB"},
        {"--match", "("},
        {"--match", "a", "--match", "b"},
        {"--match", ""},
        {"--match", "a", "--garbage"},
        {"--text", "a", "--keep-generations", "1"},
        {"--in-use", "maybe"},
        {"--in-use", "yes", "--in-use", "no"},
        {"--shared", "1"},
        {"--shared", "no", "--garbage"},
        {"--larger-than", "-1GB"},
        {"--larger-than", "2GB", "--smaller-than", "1GB"},
        {"--smaller-than", "x"},
        {"--all", "--match", "x"},
        {"--all", "--larger-than", "1GB"},
        {"--older-than", "5x"},
        {"--older-than", ""},
        {"--service", ""},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char scopes[16];
        struct query query;
        struct err err = {0};
        assert_int_equal(query_of(cases[i], scopes, &query, &err), ERR_USAGE);
        assert_true(strlen(err.text) > 10);
        assert_null(strchr(err.text, '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_refusals),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
