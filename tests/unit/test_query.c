/* Which requests make sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/prune/query.h"
#include "tests/support/limit.h"

static const char *const one[] = {"x"};

struct row {
    const char *what;
    struct query query;
    bool sound;
};

#define ANY .older_than_s = -1
static const struct row rows[] = {
    {"nothing", {ANY}, false},
    {"a condition alone", {.older_than_s = 60}, false},
    {"whole", {ANY, .whole = true}, true},
    {"whole by age", {.older_than_s = 60, .whole = true}, true},
    {"age 0", {.older_than_s = 0, .whole = true}, true},
    {"a negative age", {.older_than_s = -2, .whole = true}, false},
    {"garbage of a service", {ANY, .garbage = true, .services = one, .services_len = 1}, true},
    {"a service alone", {ANY, .services = one, .services_len = 1}, false},
    {"keep 1", {ANY, .keep_generations = 1}, true},
    {"keep -1", {ANY, .keep_generations = -1}, false},
    {"garbage but keep 2", {ANY, .garbage = true, .keep_generations = 2}, true},
    {"whole but keep 2", {ANY, .whole = true, .keep_generations = 2}, false},
    {"records", {ANY, .records = true}, true},
    {"records of a type", {ANY, .records = true, .type = "regular"}, true},
    {"a type alone", {ANY, .type = "regular"}, false},
    {"caches of a type", {ANY, .whole = true, .records = true, .type = "regular"}, false},
    {"records of a service", {ANY, .records = true, .services = one, .services_len = 1}, true},
    {"caches and records of a service",
     {ANY, .whole = true, .records = true, .services = one, .services_len = 1},
     true},
    {"all by age", {.older_than_s = 9, .whole = true, .garbage = true, .records = true}, true},
    {"bytes to free", {ANY, .whole = true, .free_bytes = 1}, true},
    {"bytes to free of nothing", {ANY, .free_bytes = 1}, false},
    {"fewer than no bytes", {ANY, .whole = true, .free_bytes = -1}, false},
    {"bytes to free by id", {ANY, .free_bytes = 1, .ids = one, .ids_len = 1}, false},
    {"bytes to free but keep 2",
     {ANY, .garbage = true, .keep_generations = 2, .free_bytes = 1},
     false},
    {"records by text", {ANY, .records = true, .text = "x"}, true},
    {"records by expression", {ANY, .records = true, .match = "x+"}, true},
    {"a broken expression", {ANY, .records = true, .match = "x)("}, false},
    {"records in use", {ANY, .records = true, .in_use = QUERY_YES}, true},
    {"caches by text", {ANY, .whole = true, .text = "x"}, false},
    {"garbage by expression", {ANY, .garbage = true, .match = "x"}, false},
    {"caches in use", {ANY, .whole = true, .in_use = QUERY_NO}, false},
    {"generations that are shared", {ANY, .keep_generations = 1, .shared = QUERY_NO}, false},
    {"large garbage", {ANY, .garbage = true, .larger_than_bytes = 5}, true},
    {"a size alone", {ANY, .larger_than_bytes = 5}, false},
    {"a size between",
     {ANY, .records = true, .larger_than_bytes = 5, .smaller_than_bytes = 7},
     true},
    {"no size between",
     {ANY, .records = true, .larger_than_bytes = 5, .smaller_than_bytes = 6},
     false},
    {"the wrong way round",
     {ANY, .records = true, .larger_than_bytes = 7, .smaller_than_bytes = 5},
     false},
    {"a negative size", {ANY, .records = true, .larger_than_bytes = -1}, false},
    {"ids alone", {ANY, .ids = one, .ids_len = 1}, true},
    {"ids of records", {ANY, .records = true, .ids = one, .ids_len = 1}, true},
    {"ids of whole caches", {ANY, .whole = true, .ids = one, .ids_len = 1}, false},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        int code = query_check(&rows[i].query, &err);
        if (code != (rows[i].sound ? 0 : ERR_USAGE))
            fail_msg("%s: %d", rows[i].what, code);
        assert_int_equal(err.code, code);
        assert_true(code == 0 || err.text[0] != '\0');
    }
}

static void test_init_asks_for_nothing(void **state)
{
    struct query query;
    (void)state;
    query_init(&query);
    assert_int_equal(query.older_than_s, -1);
    assert_int_equal(query_check(&query, NULL), ERR_USAGE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_init_asks_for_nothing),
    };
    limit_program(20);
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
