/* The end of each build that was seen running is told, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/limit.h"
#include "tui/notices.h"

static struct build *add(struct store *store, uint64_t id, const char *service)
{
    struct build *build = build_new(id, &service, 1, "docker compose build", 65536);
    store_add_build(store, build);
    return build;
}

static void each_end_is_told_once(void **state)
{
    struct store *store = store_new();
    struct notices notices = {0};
    (void)state;
    assert_null(notices_next(&notices, store));
    struct build *first = add(store, 1, "api"), *second = add(store, 2, "worker");
    first->state = second->state = BUILD_RUNNING;
    assert_null(notices_next(&notices, store));
    first->state = BUILD_STOPPING;
    assert_null(notices_next(&notices, store));
    first->state = BUILD_CANCELLED;
    second->state = BUILD_DONE;
    const struct build *told = notices_next(&notices, store);
    const struct build *other = notices_next(&notices, store);
    assert_true((told == first && other == second) || (told == second && other == first));
    assert_null(notices_next(&notices, store));
    /* One that was never seen running is no news. */
    struct build *third = add(store, 3, "api");
    third->state = BUILD_FAILED;
    assert_null(notices_next(&notices, store));
    notices_done(&notices);
    store_free(store);
}

static void text_is_clean_and_short(void **state)
{
    static const char *const many[] = {"a\x1b]0;x\a", "b", "c", "d", "e"};
    static const struct {
        size_t services;
        enum build_state state;
        const char *text;
    } cases[] = {
        {0, BUILD_DONE, "build done"},
        {1, BUILD_FAILED, "build of a\\x1b]0;x\\x07 failed"},
        {3, BUILD_DONE, "build of a\\x1b]0;x\\x07, b, c done"},
        {5, BUILD_DONE, "build of a\\x1b]0;x\\x07, b, c and 2 more done"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build *build = build_new(1, many, cases[i].services, "", 65536);
        build->state = cases[i].state;
        char *text = notices_text(build);
        assert_string_equal(text, cases[i].text);
        free(text);
        build_free(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_is_told_once),
        cmocka_unit_test(text_is_clean_and_short),
    };
    limit_program(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
